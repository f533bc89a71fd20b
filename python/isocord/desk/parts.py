"""What becomes a part of a native source: a file, a native source, or one of the bot library's that is read ahead."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from .. import _native
from ..errors import AudioFileError, UnknownHostError
from ..hosts import host_of
from ..playing.sources.feeder import Feeder, is_read
from ..runtime.handover import raisable

if TYPE_CHECKING:
    from ..hosts.base import Host
    from ..playing.sources.feeder import Source

_log = logging.getLogger(__name__)

Part: TypeAlias = "Source | _native.Playable | str | os.PathLike[str]"
"""What can be played as a part of another source: also a path or a URL."""


def native(source: Part) -> _native.Playable | _native.Reel:
    """The native source that ``source`` is, or that stands for it.

    An audio source of the bot library is read on a thread of its own, so that one that blocks holds nobody up, and
    cleaned up when it is over.

    Raises:
        AudioFileError: it is a path or a URL that cannot be played, or plays already.
        TypeError: it is nothing that can be played, or a Broadcast.
    """
    if isinstance(source, _native.SOURCES):
        return _no_broadcast(source)
    if isinstance(source, (str, os.PathLike)):
        return _native.AudioFile(source)
    host = _host_of(source)
    wrapped = host.native_source(source)
    if wrapped is not None:
        wrapped.follow()
        return wrapped.source
    if is_read(source):
        raise AudioFileError(f"the {type(source).__name__} plays already: each place needs a source of its own")
    reel = _native.Reel()
    process = host.process_of(source)

    def over(_: BaseException | None) -> None:
        try:
            source.cleanup()
        except BaseException:
            _log.exception("Cleaning up the source %s failed", type(source).__name__)

    feeder = Feeder(
        source,
        reel,
        opus=source.is_opus(),
        on_end=over,
        on_error=lambda error: reel.fail(raisable(error)),
        kill=None if process is None else process.cleanup,
        failure=None if process is None else partial(host.process_failure, process),
    )
    feeder.start()
    return reel


def check(source: object) -> None:
    """Refuse what :func:`native` would.

    Raises:
        TypeError: it is nothing that can be played, or a Broadcast.
    """
    if isinstance(source, _native.SOURCES):
        _no_broadcast(source)
    elif not isinstance(source, (str, os.PathLike)):
        _host_of(source)


def _no_broadcast(source: _native.Playable) -> _native.Playable:
    if isinstance(source, _native.Broadcast):
        raise TypeError("a Broadcast is played by connections, not by another source: make a Broadcast of that one")
    return source


def _host_of(source: object) -> Host:
    """The bot library whose audio source it is."""
    try:
        host = host_of(source)
    except UnknownHostError:
        host = None
    if host is None or not isinstance(source, host.audio_source):
        raise TypeError(f"a source must be an AudioSource, a path or a URL, not {type(source).__name__}")
    return host
