"""A media node's figures, for whoever scrapes them: what they are, and their values now."""

from __future__ import annotations

import threading
import time
from typing import Literal

from ..runtime.values import Record
from .load import Load, LoadMeter
from .node import MediaNode

_FRESH = 1.0
"""Seconds for which what was measured holds: a moment is too short to say how late packets are."""


class Figure(Record):
    """One of them.

    Attributes:
        name: without a prefix; times are in seconds.
        kind: whether it only grows.
        help: one sentence.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str


FIGURES = (
    Figure("connections", "gauge", "Voice connections that the media node carries."),
    Figure("cpu_cores", "gauge", "Cores that its process used, in the last seconds."),
    Figure("cores", "gauge", "Cores that it may use."),
    Figure("lateness_p99_seconds", "gauge", "By how much 99 of 100 packets were late at most, in the last seconds."),
    Figure("packets_sent", "counter", "Packets that it sent."),
    Figure("missed_slots", "counter", "Slots in which nothing left because the clock could not run."),
    Figure("draining", "gauge", "1 while connections are asked to go elsewhere."),
)


class NodeFigures:
    """Measures a node, from any thread, once a second at most.

    Args:
        node: it, in this process.
    """

    def __init__(self, node: MediaNode) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._meter = LoadMeter(node)
        self._load = self._meter.measure()
        self._measured_at = time.monotonic()

    def load(self) -> Load:
        """What it has to do."""
        with self._lock:
            now = time.monotonic()
            if now - self._measured_at >= _FRESH:
                self._measured_at, self._load = now, self._meter.measure()
            return self._load

    def values(self) -> list[tuple[Figure, float]]:
        """Each of :data:`FIGURES` with its value; counters count from zero on."""
        load, meter = self.load(), self._meter
        values = (
            load.connections,
            load.cpu,
            load.cores,
            load.lateness,
            meter.packets,
            meter.missed,
            float(self._node.draining),
        )
        return list(zip(FIGURES, values, strict=True))
