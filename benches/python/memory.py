"""What a process holds, apart from what its allocators keep for reuse.

Resident memory alone tells no leak: an allocator keeps what was freed, for each thread, up to the most that was ever in
use at once, and the most of ever more faults comes ever later. So what is in use is counted beside it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

_FEWEST = 8
"""Samples without which nothing is said of growth."""


def resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


_COUNTS = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` (mallinfo(3))."""

    _fields_ = [(name, ctypes.c_size_t) for name in _COUNTS]


def _native_meter() -> Callable[[], float] | None:
    """What gives the MB that native code has in use; None where the C library does not count it."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return None
    mallinfo2.restype = _MallInfo

    def in_use() -> float:
        info = mallinfo2()
        return float(info.uordblks + info.hblkhd) / 1e6

    return in_use


class Memory:
    """Samples of this process's memory.

    Attributes:
        resident: MB, with what the allocators keep.
        native: MB that native code and Python's larger objects have in use; empty where nobody counts it.
        blocks: Python's smaller objects.
    """

    MOST_NATIVE = 0.5
    MOST_BLOCKS = 10_000
    """What a run may end higher than it was in its second quarter. Sockets that are being closed come to less."""

    def __init__(self) -> None:
        self.resident: list[float] = []
        self.native: list[float] = []
        self.blocks: list[int] = []
        self._in_use = _native_meter()

    def take(self) -> None:
        """Take a sample."""
        # Cycles that are to be collected yet are no leak.
        gc.collect()
        self.resident.append(round(resident(), 1))
        self.blocks.append(sys.getallocatedblocks())
        if self._in_use is not None:
            self.native.append(round(self._in_use(), 2))

    def forget(self) -> None:
        """Begin anew."""
        self.resident.clear()
        self.native.clear()
        self.blocks.clear()

    def leaks(self) -> dict[str, float]:
        """What has grown for good from the second quarter of the samples to the last one, and by how much."""
        grown = {"native MB": (risen(self.native), self.MOST_NATIVE), "blocks": (risen(self.blocks), self.MOST_BLOCKS)}
        return {name: round(by, 2) for name, (by, most) in grown.items() if by > most}


def risen(samples: list[float] | list[int]) -> float:
    """By how much the last quarter lies above the second one; 0 of too few samples."""
    quarter = len(samples) // 4
    if len(samples) < _FEWEST:
        return 0.0
    return float(median(samples[-quarter:]) - median(samples[quarter : 2 * quarter]))
