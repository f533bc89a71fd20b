"""A source joined to its track."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ... import _native
from ...errors import Interrupted
from .feeder import Feeder, Source
from .native import NativeSource

_DEEPEST = 16


def same_origin(one: object, other: object) -> bool:
    """Whether one of two sources wraps the other, as the bot libraries' PCMVolumeTransformer does in ``original``."""

    def layers(source: object) -> list[object]:
        found = [source]
        while len(found) < _DEEPEST and (inner := getattr(found[-1], "original", None)) is not None:
            found.append(inner)
        return found

    return any(layer is other for layer in layers(one)) or any(layer is one for layer in layers(other))


class Tracks(Protocol):
    """What makes tracks, as :class:`isocord._native.Track` does."""

    def native(
        self, source: _native.Playable, options: _native.EncoderOptions | None = None, *, lookahead: int = 25
    ) -> _native.Track:
        """A track that is fed without Python.

        Raises:
            AudioFileError: it is closed, or plays already.
        """

    def opus(self, *, lookahead: int = 25) -> _native.Track:
        """A track that is fed with Opus packets."""

    def pcm(self, options: _native.EncoderOptions | None = None, *, lookahead: int = 25) -> _native.Track:
        """A track that is fed with PCM."""


class Feed:
    """One source, its track, and the thread that feeds it unless the source is native.

    Args:
        source: what to read.
        options: how to encode, unless the source gives Opus packets.
        lookahead: frames that the track holds.
        native: the native source that it stands for, if it does and is none itself.
        tracks: what makes the track; None where sound is carried by this process.
        kill: releases the source from another thread while its ``read`` hangs; None where nothing can.
        failure: says why the source gave no more, if it was not at its end.

    Raises:
        AudioFileError: the source is closed, or plays already.
        ValueError: ``lookahead`` is out of range.
    """

    def __init__(
        self,
        source: Source | _native.Playable,
        options: _native.EncoderOptions | None,
        *,
        lookahead: int,
        native: NativeSource | None = None,
        tracks: Tracks | None = None,
        kill: Callable[[], object] | None = None,
        failure: Callable[[], Exception | None] | None = None,
    ) -> None:
        self.source = source
        tracks = tracks or _native.Track
        native = native or NativeSource.of(source, None)
        self.native: NativeSource | None = native
        self.feeder: Feeder | None = None
        self._over: Callable[[Feed, BaseException | None], None] | None = None
        if native is not None:
            self.track: _native.Track = tracks.native(native.source, options, lookahead=lookahead)
            native.follow()
            return
        opus = source.is_opus()
        self.track = tracks.opus(lookahead=lookahead) if opus else tracks.pcm(options, lookahead=lookahead)
        self.feeder = Feeder(source, self.track, opus=opus, on_end=self._fed, kill=kill, failure=failure)

    @property
    def error(self) -> BaseException | None:
        """What ended a native source early."""
        if self.track.end == "interrupted":
            return self._interruption()
        if self.track.end not in ("failed", "finished"):
            return None
        # It knows best itself: ffmpeg's exit status, what a source in Python that it is made of has raised.
        own = getattr(self.native.source, "error", None) if self.native is not None else None
        return own if isinstance(own, BaseException) else self.track.error

    @property
    def has_frames(self) -> bool:
        """Whether frames wait to leave."""
        return self.track.waiting > 0

    def start(self, over: Callable[[Feed, BaseException | None], None]) -> None:
        """Start feeding; ``over`` is called once when that is over, unless the source is native."""
        self._over = over
        if self.feeder is not None:
            self.feeder.start()

    def rewrap(self, source: Source | _native.Playable, native: NativeSource | None) -> bool:
        """Go on through ``source``, which wraps the present one or is wrapped by it; False if neither is so.

        A source of Python's is read through it from the next frame on; a native one follows its volume.
        """
        if self.native is not None:
            if native is None or native.source is not self.native.source:
                return False
            native.follow(self.native)
            self.source, self.native = source, native
            return True
        if self.feeder is None or native is not None:
            return False
        if not same_origin(source, self.source) or source.is_opus() != self.source.is_opus():
            return False
        self.source = self.feeder.source = source
        return True

    def cancel(self) -> None:
        """Feed no more."""
        if self.feeder is not None:
            self.feeder.cancel()

    def _fed(self, error: BaseException | None) -> None:
        if self._over is not None:
            self._over(self, error or self._interruption())

    def _interruption(self) -> Interrupted | None:
        if (told := self.track.interrupted) is None:
            return None
        by, frames, speech, reaction = told
        source = self.native.source if self.native is not None else None
        heard = source.played if isinstance(source, _native.StreamSource) else frames * 0.02
        return Interrupted(by, heard, speech, reaction)
