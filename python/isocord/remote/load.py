"""How much a media node has to do, measured and not guessed from a count."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Protocol

from ..runtime.values import Record

if TYPE_CHECKING:
    from .. import _native


class Load(Record):
    """What a media node did between two looks at it.

    Attributes:
        connections: that it carries.
        cpu: cores that its process used; 1.0 is one.
        cores: that it may use.
        lateness: seconds by which 99 of 100 packets were late at most, to the next doubling; 0 if none left.
        packets: that left, a second.
        missed: slots in which nothing left because the clock could not run, a second.
    """

    connections: int
    cpu: float
    cores: int
    lateness: float
    packets: float
    missed: float

    @property
    def share(self) -> float:
        """What a new connection has to expect: the share of its cores that is used, and of a slot of 20 ms that packets
        are late."""
        return self.cpu / self.cores + self.lateness / 0.02

    def as_dict(self) -> dict[str, float]:
        """Plain values, of which ``Load(**them)`` makes the same."""
        return {name: getattr(self, name) for name in self.__match_args__}


class Measured(Protocol):
    """What is measured: a :class:`~isocord.remote.MediaNode`."""

    def stats(self) -> Mapping[tuple[int, int, int], _native.Stats]:
        """What has left of each connection."""


class LoadMeter:
    """Measures a node; what was counted before it was made is none of its business.

    Args:
        node: it, in this process.

    Attributes:
        packets: that left since it was made.
        missed: slots in which nothing left because the clock could not run, since then.
    """

    def __init__(self, node: Measured) -> None:
        self._node = node
        self._cores = _cores()
        self._at, self._cpu = time.monotonic(), time.process_time()
        self._counted: dict[Hashable, tuple[Counter[float], int]] = {}
        self.packets: int = 0
        self.missed: int = 0

    def measure(self) -> Load:
        """What happened since the last time; a hundredth of a second at least should lie between."""
        now, cpu = time.monotonic(), time.process_time()
        seconds = max(now - self._at, 1e-3)
        before, self._counted = self._counted, {}
        late: Counter[float] = Counter()
        missed = 0
        for connection, stats in self._node.stats().items():
            counted = Counter({edge: count for edge, count in stats.lateness_histogram if count})
            earlier, earlier_missed = before.get(connection, (Counter[float](), 0))
            late += counted - earlier
            missed += stats.missed_slots - earlier_missed
            self._counted[connection] = counted, stats.missed_slots
        used, self._at, self._cpu = (cpu - self._cpu) / seconds, now, cpu
        packets = sum(late.values())
        self.packets += packets
        self.missed += missed
        return Load(len(self._counted), used, self._cores, _p99(late), packets / seconds, missed / seconds)


def _p99(late: Counter[float]) -> float:
    left = sum(late.values()) * 0.01
    for edge, count in sorted(late.items(), reverse=True):
        left -= count
        if left < 0:
            return edge
    return 0.0


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
