"""One recording: a thread ``isocord-sink`` that moves frames from a queue into a sink.

The sink is called on that thread only, but for its ``init``. Whatever it raises ends the recording, never the thread
alone: the sink is still finished, and whoever waits is told.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from ... import _native
from ...errors import ClosedError
from ...runtime.log import GuildLog
from ...sinks.base import AnySink
from .timeline import BYTES_PER_SAMPLE, SAMPLE_RATE, Timeline, Tracks, silence

_GATHER_SECONDS = 0.06
"""Frames gather for that long, so that the thread wakes seldom."""
_TAKE_LIMIT = 2048
_TAKE_SECONDS = 0.1
_MAX_LINGER = 1.0
_EXIT_LIMIT = 10.0

_unfinished: set[AnyRecording] = set()
"""Those whose thread runs. A plain set: its copy is taken in one piece, whatever the threads do meanwhile."""
_finishing = threading.local()


class AnyRecording(Protocol):
    """A recording, whoever writes it."""

    @property
    def sink(self) -> Any: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_paused(self) -> bool: ...
    def start(self) -> None: ...
    def toggle_pause(self) -> None: ...
    def stop(self) -> None: ...
    def join(self, timeout: float | None = None) -> bool: ...


class Heard(Protocol):
    """The part of :class:`isocord._native.HeardFrame` that is recorded."""

    @property
    def user_id(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def data(self) -> bytes: ...


class FrameSource(Protocol):
    """The part of :class:`isocord._native.FrameQueue` that a recording uses."""

    def take(self, max: int, timeout: float, /) -> list[Any] | None: ...
    @property
    def dropped(self) -> int: ...
    @property
    def late(self) -> int: ...
    def close(self) -> None: ...


class Writer:
    """Writes frames to a sink, aligned and filtered. One thread uses it.

    Args:
        sink: where the sound goes. Its ``filtered_users``, ``seconds`` and ``max_size`` are obeyed where it has them.
        timeline: what is recorded.
        sync_start: see :class:`Tracks`.
    """

    def __init__(self, sink: AnySink, timeline: Timeline, *, sync_start: bool) -> None:
        self._sink = sink
        self._timeline = timeline
        self._tracks = Tracks(sync_start=sync_start)
        self._max_samples = int(getattr(sink, "max_size", 0) or 0) // BYTES_PER_SAMPLE
        self.is_full: bool = False
        """Whether a track has reached ``max_size``; no more is written then."""

    def write(self, frame: Heard) -> None:
        """Write what of the frame is to be recorded; passes on what the sink raises."""
        user_id = frame.user_id
        if self.is_full or not self._is_wanted(user_id):
            return
        for offset, samples, place in self._timeline.place(frame.position, frame.samples):
            room = self._room(user_id)
            gap, skip = self._tracks.append(user_id, place, samples)
            for chunk in silence(gap if room is None else min(gap, room)):
                self._sink.write(chunk, user_id)
            count = samples - skip
            if room is not None:
                count = min(count, max(room - gap, 0))
                self.is_full = self._tracks.length(user_id) >= self._max_samples
            if count > 0:
                begin = (offset + skip) * BYTES_PER_SAMPLE
                data, size = frame.data, count * BYTES_PER_SAMPLE
                self._sink.write(data if size == len(data) else data[begin : begin + size], user_id)
            if self.is_full:
                return

    def _room(self, user_id: int) -> int | None:
        return self._max_samples - self._tracks.length(user_id) if self._max_samples > 0 else None

    def _is_wanted(self, user_id: int) -> bool:
        users = getattr(self._sink, "filtered_users", None)
        return not users or any(getattr(user, "id", user) == user_id for user in users)


class Recording:
    """A recording that runs until it is stopped, a filter ends it, the sink fails or the queue is closed.

    Args:
        frames: the queue of what users say; closed by the recording.
        clock: position of the common clock now.
        sink: where the sound goes; ``init`` has been called.
        sync_start: see :class:`Tracks`.
        delay: seconds that frames are late behind the clock.
        finish: called on the thread with the first error, or None, when the sink is finished.
        log: where what goes wrong is told.
    """

    def __init__(
        self,
        frames: FrameSource,
        clock: Callable[[], int],
        sink: AnySink,
        *,
        sync_start: bool,
        delay: Callable[[], float],
        finish: Callable[[Exception | None], object],
        log: GuildLog,
    ) -> None:
        self._log = log
        self.sink = sink
        self._frames = frames
        self._clock = clock
        self._delay = delay
        self._finish = finish
        self._start = self._position = clock()
        self._seconds = float(getattr(sink, "seconds", 0) or 0)
        self._timeline = Timeline(self._start)
        self._writer = Writer(sink, self._timeline, sync_start=sync_start)
        self._stopping = threading.Event()
        self.is_finished: bool = False
        """Whether the sink's ``cleanup`` has returned, or raised."""
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="isocord-sink", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        keep_alive(self)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is recorded; the sink may not be finished yet."""
        return self._stopping.is_set()

    @property
    def is_paused(self) -> bool:
        return self._timeline.is_paused

    def toggle_pause(self) -> None:
        """Pause, or go on; what is said meanwhile and its time are left out of all tracks alike."""
        self._timeline.toggle(self._now())

    def stop(self) -> None:
        """Record nothing that is said from now on; what was said before is still written. Idempotent."""
        self._timeline.stop(self._now())
        self._stopping.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the sink is finished and its owner told; False if that takes longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _now(self) -> int:
        # Once the native threads have stopped, time stands still.
        with contextlib.suppress(ClosedError):
            self._position = self._clock()
        return self._position

    def _run(self) -> None:
        try:
            self._drain()
        except Exception as error:
            self._log.exception("The sink %s failed: its recording ends", type(self.sink).__name__)
            self._error = error
        self.stop()
        self._frames.close()
        if dropped := self._frames.dropped:
            self._log.warning("The sink %s was too slow: %d frames became silence", type(self.sink).__name__, dropped)
        now_finishing()
        try:
            self.sink.cleanup()
        except Exception as error:
            self._log.exception("The sink %s could not be finished", type(self.sink).__name__)
            self._error = self._error or error
        self.is_finished = True
        try:
            self._finish(self._error)
        except Exception:
            self._log.exception("The callback of a recording failed")
        now_finished(self)

    def _drain(self) -> None:
        deadline: float | None = None
        while True:
            self._stopping.wait(_GATHER_SECONDS)
            items = self._frames.take(_TAKE_LIMIT, _TAKE_SECONDS)
            if items is None:
                return
            if self._seconds > 0 and self._now() - self._start >= self._seconds * SAMPLE_RATE:
                self._timeline.stop(self._start + int(self._seconds * SAMPLE_RATE))
                self._stopping.set()
            for item in items:
                if not isinstance(item, _native.SpeakingChanged):
                    self._writer.write(item)
            if self._writer.is_full:
                return
            if self._stopping.is_set():
                # Frames wait in the jitter buffer: what was said before the stop still comes.
                if deadline is None:
                    deadline = time.monotonic() + min(self._delay(), _MAX_LINGER)
                if time.monotonic() >= deadline:
                    return


def keep_alive(recording: AnyRecording) -> None:
    """Have :func:`finish_recordings` finish it, until :func:`now_finished`."""
    _unfinished.add(recording)


def is_in_use(sink: object) -> bool:
    """Whether a recording in Python writes to this very sink, or still finishes it."""
    return any(
        isinstance(recording, Recording) and recording.sink is sink and not recording.is_finished
        for recording in tuple(_unfinished)
    )


def now_finishing() -> None:
    """This thread's recording is over."""
    _finishing.yes = True


def now_finished(recording: AnyRecording) -> None:
    """Its sink is finished, and who waited has been told."""
    _unfinished.discard(recording)


def is_finishing() -> bool:
    """Whether this is the thread of a recording that is over: sinks ask before they format what they have."""
    return getattr(_finishing, "yes", False)


def finish_recordings() -> None:
    """Finish all recordings, within a bound: the interpreter is about to exit."""
    recordings = tuple(_unfinished)
    for recording in recordings:
        recording.stop()
    deadline = time.monotonic() + _EXIT_LIMIT
    for recording in recordings:
        recording.join(max(deadline - time.monotonic(), 0.0))
