"""Places frames of the common clock in a recording: cuts pauses out, fills gaps. All in samples at 48 kHz."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

SAMPLE_RATE = 48_000
_REMEMBERED = 64
"""Changes of a user's consent."""
BYTES_PER_SAMPLE = 4
"""s16le stereo."""


@dataclass(slots=True)
class _Span:
    """A stretch of the clock that is recorded; ``base`` is the place of its begin in the recording."""

    begin: int
    end: int | None
    base: int

    @property
    def length(self) -> int:
        return 0 if self.end is None else self.end - self.begin


class Timeline:
    """Which stretches of the clock are recorded. Any thread may use it.

    Args:
        start: position of the clock where the recording begins.
    """

    def __init__(self, start: int) -> None:
        self._lock = threading.Lock()
        self._spans = [_Span(start, None, 0)]
        self._stop: int | None = None

    @property
    def is_paused(self) -> bool:
        return self._stop is None and self._spans[-1].end is not None

    def pause(self, position: int) -> bool:
        """Record nothing from here on; False if that is so already."""
        with self._lock:
            last = self._spans[-1]
            if self._stop is not None or last.end is not None:
                return False
            last.end = max(position, last.begin)
            return True

    def resume(self, position: int) -> bool:
        """Go on here; False if it is not paused."""
        with self._lock:
            last = self._spans[-1]
            if self._stop is not None or last.end is None:
                return False
            self._spans.append(_Span(max(position, last.end), None, last.base + last.length))
            return True

    def stop(self, position: int) -> None:
        """End the recording; the first call counts."""
        with self._lock:
            if self._stop is not None:
                return
            self._stop = position
            last = self._spans[-1]
            if last.end is None:
                last.end = max(position, last.begin)

    def time(self, position: int) -> int:
        """Place in the recording of a position; of one that is not recorded, that of the last before it that is."""
        with self._lock:
            for span in reversed(self._spans):
                if span.begin <= position:
                    passed = position - span.begin
                    return span.base + (passed if span.end is None else min(passed, span.length))
        return 0

    def position(self, place: int, *, is_end: bool = False) -> int:
        """The position of a place in the recording; where a pause lies, its end, or its beginning if ``is_end``."""
        with self._lock:
            for span in self._spans:
                rest = span.base + span.length - place
                if span.end is None or rest > 0 or (is_end and rest == 0):
                    return span.begin + place - span.base
            last = self._spans[-1]
            return last.begin + place - last.base

    def place(self, position: int, samples: int) -> list[tuple[int, int, int]]:
        """The parts of a frame that are recorded: (offset in the frame, samples, place in the recording)."""
        parts: list[tuple[int, int, int]] = []
        with self._lock:
            for span in reversed(self._spans):
                begin = max(position, span.begin)
                end = position + samples if span.end is None else min(position + samples, span.end)
                if begin < end:
                    parts.append((begin - position, end - begin, span.base + begin - span.begin))
                if span.begin <= position:
                    break
        parts.reverse()
        return parts


class Consent:
    """Who was allowed or denied while a recording ran, and from when on. Any thread may use it."""

    def __init__(self) -> None:
        self._changes: dict[int, tuple[tuple[int, bool], ...]] = {}

    def change(self, user_id: int, position: int, given: bool) -> None:
        """From ``position`` on a user may be recorded, or may not."""
        # A tuple that takes the other's place: the thread that reads it sees one of them.
        self._changes[user_id] = (*self._changes.get(user_id, ())[-_REMEMBERED:], (position, given))

    def covers(self, user_id: int, begin: int, end: int, first: bool) -> bool:
        """Whether a user may be recorded from ``begin`` to ``end``, all of it; ``first`` holds before all changes."""
        given = first
        for position, then in self._changes.get(user_id, ()):
            if position >= end:
                break
            if position > begin and not given:
                return False
            given = then
        return given


class Tracks:
    """How far each user's track has come.

    Args:
        sync_start: whether all tracks begin where the first one begins, rather than each with its own user.
    """

    def __init__(self, *, sync_start: bool) -> None:
        self._sync_start = sync_start
        self._origin: int | None = None
        self._ends: dict[int, tuple[int, int]] = {}

    def append(self, user_id: int, place: int, samples: int) -> tuple[int, int]:
        """Put ``samples`` of a user at ``place``.

        Returns:
            Samples of silence to write before, and samples to leave out at the begin because the track has come
            further already.
        """
        if self._origin is None:
            self._origin = place
        begin, end = self._ends.get(user_id, (None, 0))
        if begin is None:
            begin = end = min(self._origin, place) if self._sync_start else place
        skip = min(max(end - place, 0), samples)
        self._ends[user_id] = (begin, max(end, place + samples))
        return max(place - end, 0), skip

    def length(self, user_id: int) -> int:
        """Samples of a user's track."""
        begin, end = self._ends.get(user_id, (0, 0))
        return end - begin


_SILENCE = bytes(SAMPLE_RATE * BYTES_PER_SAMPLE)


def silence(samples: int) -> Iterator[bytes]:
    """Silence in chunks of a second at most, so that a long gap takes no memory."""
    while samples > 0:
        chunk = min(samples, SAMPLE_RATE)
        yield _SILENCE[: chunk * BYTES_PER_SAMPLE]
        samples -= chunk
