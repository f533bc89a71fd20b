"""What the arrival times of one stream say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FRAME_MS = 20.0
LATE_MS = 40.0


@dataclass(frozen=True)
class Timing:
    """How evenly the packets of one or more streams came.

    Attributes:
        packets: how many came.
        rate: packets a second and stream; 50 is due.
        gap_p50: milliseconds between neighbours.
        off_p99: 99th percentile of ``|gap - 20 ms|``, in milliseconds.
        gap_max: milliseconds.
        late: gaps over 40 ms.
        lost: sequence numbers that never came.
    """

    packets: int
    rate: float
    gap_p50: float
    off_p99: float
    gap_max: float
    late: int
    lost: int


def timing(streams: Sequence[Sequence[tuple[int, int]]], end_ns: int) -> Timing | None:
    """The timing of streams, each of (arrival in ns, sequence number); None if nothing came.

    A stream that ends before ``end_ns``, when it should still have played, has one more gap.
    """
    gaps: list[float] = []
    rates: list[float] = []
    lost = packets = 0
    for stream in streams:
        if len(stream) < 2:
            rates.append(0.0)
            continue
        times = [time for time, _ in stream]
        packets += len(stream)
        own = [(after - before) / 1e6 for before, after in pairwise(times)]
        elapsed = times[-1] - times[0]
        if (end_ns - times[-1]) / 1e6 > LATE_MS:
            own.append((end_ns - times[-1]) / 1e6)
            elapsed = end_ns - times[0]
        gaps += own
        rates.append((len(stream) - 1) / (elapsed / 1e9))
        lost += _lost([number for _, number in stream])
    if not gaps:
        return None
    gaps.sort()
    off = sorted(abs(gap - FRAME_MS) for gap in gaps)
    return Timing(
        packets=packets,
        rate=sum(rates) / len(rates),
        gap_p50=_percentile(gaps, 0.50),
        off_p99=_percentile(off, 0.99),
        gap_max=gaps[-1],
        late=sum(gap > LATE_MS for gap in gaps),
        lost=lost,
    )


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _lost(numbers: list[int]) -> int:
    """Sequence numbers (16 bits, RFC 3550) between first and last that are not there."""
    unwrapped = numbers[:1]
    for number in numbers[1:]:
        unwrapped.append(unwrapped[-1] + (number - unwrapped[-1] + 0x8000) % 0x10000 - 0x8000)
    return max(unwrapped) - min(unwrapped) + 1 - len(set(unwrapped))
