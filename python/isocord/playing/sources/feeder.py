"""Reads a source written in Python ahead of time, and feeds a native track with it.

Each playing source has a daemon thread ``isocord-feed-N`` of its own, the only one that calls ``read``. Frames are
handed over in batches that grow from 1 to 16: each hand-over may give the GIL away, and getting it back takes 5 ms and
more while other threads compute. A source that delivers in real time is handed over at once, so that it is not delayed.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ..._native import Reel, Track

_log = logging.getLogger(__name__)

FRAME_BYTES = 3840
"""20 ms of s16le stereo at 48 kHz."""
_FRAME_SECONDS = 0.02
_LARGEST_BATCH = 16
_WAIT = 0.5
_PATIENCE = 0.01

_numbers = itertools.count(1)
_reading: set[Feeder] = set()
"""Those whose thread runs. A plain set: ``copy()`` is one step whatever the threads do meanwhile, which ``tuple()`` is
only where there is a GIL."""


class Source(Protocol):
    """What every bot library's AudioSource has."""

    def read(self) -> Buffer:
        """20 ms: 3,840 bytes of s16le 48 kHz stereo, or one Opus packet; something falsy at the end."""

    def is_opus(self) -> bool:
        """Whether :meth:`read` gives Opus packets."""

    def cleanup(self) -> object:
        """Release what the source holds."""


class Feeder:
    """One source on its way into one track.

    Args:
        source: what to read; it is not cleaned up here.
        track: a track for PCM or for Opus packets, as the source gives them.
        opus: whether the source gives Opus packets.
        on_end: called on the feeder's thread when the track is over, with the error that ended it, or None.
        on_error: called with the error when it is known, and not only when the track is over.
        kill: releases the source from another thread while its ``read`` hangs; None where nothing can.
        failure: asked when the source has given all it had: why there is no more, or None if it was at its end.
    """

    def __init__(
        self,
        source: Source,
        track: Track | Reel,
        *,
        opus: bool,
        on_end: Callable[[BaseException | None], None],
        on_error: Callable[[BaseException], None] | None = None,
        kill: Callable[[], object] | None = None,
        failure: Callable[[], Exception | None] | None = None,
    ) -> None:
        self.source = source
        self._track = track
        self._opus = opus
        self._on_end = on_end
        self._on_error = on_error
        self._kill = kill
        self._failure = failure
        self._cancelled = False
        self._raised: BaseException | None = None
        self.written: int = 0
        """Frames that the track has taken."""
        self._thread = threading.Thread(target=self._run, name=f"isocord-feed-{next(_numbers)}", daemon=True)

    def start(self) -> None:
        """Start reading."""
        _reading.add(self)
        self._thread.start()

    def cancel(self) -> None:
        """End soon, also where the track never starts. A ``read`` that hangs is not waited for."""
        self._cancelled = True

    @property
    def reading(self) -> bool:
        """Whether the thread has not come out of the source yet."""
        return self._thread.is_alive() and self in _reading

    def kill(self) -> None:
        """Release a source that hangs."""
        if self._kill is not None and self.reading:
            try:
                self._kill()
            except Exception:
                _log.exception("The source %s could not be released", type(self.source).__name__)

    def kill_later(self, seconds: float) -> None:
        """Release the source if it still hangs after ``seconds``."""
        if self._kill is not None and self.reading:
            timer = threading.Timer(seconds, self.kill)
            timer.name, timer.daemon = "isocord-reaper", True
            timer.start()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._feed()
        except BaseException as caught:
            error = caught
            if self._on_error is not None:
                self._on_error(caught)
            # What was read before plays on.
            self._track.finish()
            self._wait_end()
        _reading.discard(self)
        self._on_end(error)

    def _feed(self) -> None:
        batch = 1
        while (room := self._wait_room()) is not None:
            limit = min(batch, room)
            frames, exhausted = self._read(limit, (self.written - self._track.frames_sent) * _FRAME_SECONDS)
            if frames and not self._cancelled:
                self._write(frames)
            if self._raised is not None:
                raised, self._raised = self._raised, None
                raise raised
            if self._cancelled:
                return
            if exhausted:
                self._track.finish()
                # It is asked for while the last of it plays.
                if self._failure is not None and (failure := self._failure()) is not None:
                    raise failure
                self._wait_end()
                return
            batch = min(batch * 2, _LARGEST_BATCH) if len(frames) == limit else max(len(frames), 1)

    def _wait_room(self) -> int | None:
        while not self._cancelled:
            room = self._track.wait_room(_WAIT)
            if room != 0:
                return room
        return None

    def _wait_end(self) -> None:
        while not self._cancelled and self._track.wait_end(_WAIT) is None:
            pass

    def _read(self, limit: int, queued: float) -> tuple[list[Buffer], bool]:
        """Read up to ``limit`` frames, fewer if the source is slow; ``queued`` seconds of sound wait in the track."""
        patience = max(_PATIENCE, queued / 2)
        started = time.perf_counter()
        frames: list[Buffer] = []
        while len(frames) < limit and not self._cancelled:
            try:
                frame = self.source.read()
            except BaseException as error:
                # The frames before it are heard.
                self._raised = error
                return frames, True
            if not frame:
                return frames, True
            frames.append(frame)
            if time.perf_counter() - started >= patience:
                break
        return frames, False

    def _write(self, frames: list[Buffer]) -> None:
        if self._opus:
            self.written += self._track.write_opus(frames)
        elif len(frames) == 1:
            self.written += self._track.write_pcm(_whole(frames[0]))
        else:
            self.written += self._track.write_pcm(b"".join(map(_whole, frames)))


def _whole(frame: Buffer) -> bytes:
    """A frame of exactly 20 ms: padded with silence, or cut as the bot libraries do."""
    # Of a number bytes() would make so many zeros.
    pcm = bytes(memoryview(frame))
    return pcm if len(pcm) == FRAME_BYTES else pcm[:FRAME_BYTES].ljust(FRAME_BYTES, b"\0")


def is_read(source: object) -> bool:
    """Whether a thread reads it now."""
    return any(feeder.source is source and not feeder._cancelled for feeder in _reading.copy())


def kill_feeders() -> None:
    """End all feeders and release the sources that can be: the interpreter is about to exit."""
    for feeder in _reading.copy():
        feeder.cancel()
        feeder.kill()
