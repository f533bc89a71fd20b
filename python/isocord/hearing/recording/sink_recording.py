"""One recording into a sink in Python: the thread ``isocord-sink`` moves frames from a queue into it.

The sink is called on that thread only, but for its ``init``. Whatever it raises ends the recording, never the thread
alone: the sink is still finished, and whoever waits is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

from ... import _native
from ...runtime.handover import raisable
from ...sinks.base import AnySink
from .recording import Recording, now_finishing, unfinished
from .report import Report
from .timeline import BYTES_PER_SAMPLE, SAMPLE_RATE, Consent, Timeline, Tracks, silence

_GATHER_SECONDS = 0.06
"""Frames gather for that long, so that the thread wakes seldom."""
_TAKE_LIMIT = 2048
_TAKE_SECONDS = 0.1
_MAX_LINGER = 1.0


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
        self.consent: Consent = Consent()
        self._max_samples = int(getattr(sink, "max_size", 0) or 0) // BYTES_PER_SAMPLE
        self.is_full: bool = False
        """Whether a track has reached ``max_size``; no more is written then."""

    def write(self, frame: Heard) -> None:
        """Write what of the frame is to be recorded; passes on what the sink raises."""
        user_id = frame.user_id
        if self.is_full or not self._is_wanted(frame):
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

    def _is_wanted(self, frame: Heard) -> bool:
        users = getattr(self._sink, "filtered_users", None)
        asked = not users or any(getattr(user, "id", user) == frame.user_id for user in users)
        asked = asked and frame.user_id not in getattr(self._sink, "excluded_users", ())
        return self.consent.covers(frame.user_id, frame.position, frame.position + frame.samples, asked)


class SinkRecording(Recording):
    """A recording that runs until it is stopped, a filter ends it, the sink fails or the queue is closed.

    Args:
        frames: the queue of what users say; closed by the recording.
        clock: position of the common clock now.
        sink: where the sound goes; ``init`` has been called.
        sync_start: see :class:`Tracks`.
        delay: seconds that frames are late behind the clock.
        options: see :class:`Recording`.
    """

    def __init__(
        self,
        frames: FrameSource,
        clock: Callable[[], int],
        sink: AnySink,
        *,
        sync_start: bool,
        delay: Callable[[], float],
        **options: Any,
    ) -> None:
        super().__init__(sink, position=clock(), clock=clock, **options)
        self._frames = frames
        self._delay = delay
        self._seconds = float(getattr(sink, "seconds", 0) or 0)
        self._writer = Writer(sink, self._timeline, sync_start=sync_start)
        self._stopping = threading.Event()
        self.is_finished: bool = False
        """Whether the sink's ``cleanup`` has returned, or raised."""
        self._error: Exception | None = None
        self._reason: Literal["finished", "time", "size", "failed"] = "finished"

    @property
    def is_over(self) -> bool:
        return self._stopping.is_set()

    @property
    def is_paused(self) -> bool:
        return self._timeline.is_paused

    def _stop(self, position: int) -> None:
        self._stopping.set()

    def _pause(self, position: int) -> None:
        """The timeline, which has it, is what the writer goes by."""

    _resume = _pause

    def _allow(self, user_id: int, position: int) -> None:
        self._writer.consent.change(user_id, position, True)

    def _deny(self, user_id: int, position: int, drop: bool) -> None:
        self._writer.consent.change(user_id, position, False)
        if drop:
            raise ValueError("what a sink in Python was given is the sink's: only it can drop that")

    def _record(self) -> Callable[[], Report]:
        name = type(self.sink).__name__
        try:
            self._drain()
        except BaseException as error:
            self._log.exception("The sink %s failed: its recording ends", name)
            self._error, self._reason = raisable(error), "failed"
        self.stop()
        self._frames.close()
        dropped = self._frames.dropped
        if dropped:
            self._log.warning("The sink %s was too slow: %d frames became silence", name, dropped)
        now_finishing()
        try:
            self.sink.cleanup()
        except BaseException as error:
            self._log.exception("The sink %s could not be finished", name)
            self._error = self._error or raisable(error)
        self.is_finished = True
        duration = self.time_at(self._now())
        return lambda: Report(reason=self._reason, dropped=dropped, error=self._error, **self._told(duration))

    def _drain(self) -> None:
        deadline: float | None = None
        while True:
            self._stopping.wait(_GATHER_SECONDS)
            items = self._frames.take(_TAKE_LIMIT, _TAKE_SECONDS)
            if items is None:
                return
            if self._seconds > 0 and self._now() - self.position >= self._seconds * SAMPLE_RATE:
                self._reason = "time"
                self._timeline.stop(self.position + int(self._seconds * SAMPLE_RATE))
                self._stopping.set()
            for item in items:
                if not isinstance(item, _native.SpeakingChanged):
                    self._writer.write(item)
            if self._writer.is_full:
                self._reason = "size"
                return
            if self._stopping.is_set():
                # Frames wait in the jitter buffer: what was said before the stop still comes.
                if deadline is None:
                    deadline = time.monotonic() + min(self._delay(), _MAX_LINGER)
                if time.monotonic() >= deadline:
                    return


def is_in_use(sink: object) -> bool:
    """Whether a recording in Python writes to this very sink, or still finishes it."""
    return any(
        isinstance(recording, SinkRecording) and recording.sink is sink and not recording.is_finished
        for recording in unfinished()
    )
