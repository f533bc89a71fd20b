"""What is counted of the conversation with a voice gateway."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass


class Latencies:
    """Heartbeat latencies in seconds; kept over sessions, so that a reconnect does not lose them."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=20)

    def add(self, latency: float) -> None:
        self._recent.append(latency)

    def __iter__(self) -> Iterator[float]:
        """The most recent 20, the oldest first."""
        return iter(tuple(self._recent))

    @property
    def last(self) -> float:
        """The most recent latency; infinite before the first one."""
        return self._recent[-1] if self._recent else float("inf")

    @property
    def average(self) -> float:
        """The mean of the most recent 20; infinite before the first one."""
        return sum(self._recent) / len(self._recent) if self._recent else float("inf")


@dataclass(slots=True)
class Counters:
    """What was dropped or ignored, and why."""

    received: int = 0
    malformed: int = 0
    unknown: int = 0
    duplicate: int = 0
    misplaced: int = 0
    """Those that came where they mean nothing, as a second Hello or keys that nobody asked for."""
