"""What the media nodes of one connection counted, one after the other, as if it had been one."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from typing import Any

from .messages import Figures, Received

_MOST_SEATS = 8
_LATEST = ("jitter", "delay")
"""They tell how it is now."""
_NUMBER = re.compile(r"(\w+)=[\d.]+")

Counts = dict[Any, Any]


class Totals:
    """Counters since the connect: those of each seat begin at nought. The gateway thread writes, any thread reads.

    Attributes:
        stats: what :class:`isocord._native.Stats` has; None before a node has told.
        received: what :class:`isocord._native.ReceiveStats` has, of users as well.
        gateway: messages of the voice gateway.
    """

    def __init__(self) -> None:
        self._seat = 0
        # A seat that was kept goes on counting when the bot comes back to it.
        self._counted: defaultdict[str, dict[int, Counts]] = defaultdict(dict)
        self._earlier: defaultdict[str, Counts] = defaultdict(dict)
        self.stats: Counts | None = None
        self.received: Counts | None = None
        self.gateway: Counts = {}

    def seated(self, counts: int) -> None:
        """Whose counters come from now on: a number that no other seat has, at no node."""
        self._seat = counts

    def note(self, told: Figures | Received) -> None:
        """The node says what it has counted."""
        if isinstance(told, Figures):
            self.stats = self._total("stats", told.stats)
            self.gateway = self._total("gateway", told.counters)
        else:
            self.received = self._total("received", told.stats)

    def _total(self, kind: str, counted: Counts) -> Counts:
        seats = self._counted[kind]
        seats.pop(self._seat, None)
        seats[self._seat] = counted
        if len(seats) > _MOST_SEATS:
            self._earlier[kind] = added(self._earlier[kind], seats.pop(next(iter(seats))))
        return functools.reduce(added, seats.values(), self._earlier[kind])


def added(earlier: Counts, later: Counts) -> Counts:
    """Both together, in new values."""
    if not earlier:
        return later
    total = {**earlier, **later}
    for name in earlier.keys() & later.keys():
        before, now = earlier[name], later[name]
        if isinstance(now, dict):
            total[name] = added(before, now)
        elif isinstance(now, list):
            total[name] = [(edge, count + more) for (edge, count), (_, more) in zip(before, now, strict=True)]
        elif name == "lateness_max":
            total[name] = max(before, now)
        elif isinstance(now, (int, float)) and name not in _LATEST:
            total[name] = before + now
    if "lateness_histogram" in total:
        for name, share in (("lateness_p50", 0.5), ("lateness_p99", 0.99)):
            total[name] = min(_at_most(total["lateness_histogram"], share), total["lateness_max"])
    if "_shown" in total:
        total["_shown"] = _NUMBER.sub(lambda found: f"{found[1]}={_shown(total[found[1]])}", total["_shown"])
    return total


def _at_most(histogram: list[tuple[float, int]], share: float) -> float:
    """How late so many packets were at most, to the next doubling."""
    left = sum(count for _, count in histogram) * share
    for edge, count in histogram:
        left -= count
        if left <= 0:
            return edge
    return 0.0


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return str(len(value))
    return f"{value:.6f}" if isinstance(value, float) else str(value)
