#!/usr/bin/env python3
"""How many streams would go on machines that nobody here has: the pool and the clocks in virtual time.

What a frame, a packet and a step on a shared cache line cost is given; what follows is simulated: rings run empty,
jobs wait in the order of need, threads take them one after the other through the one lock, and clock threads, which are
real-time, take their share of the cores first.

    python benches/python/many_cores.py [--frame-us 125] [--packet-us 8] [--lock-us 1.0] [--line-us 0.2]
"""

from __future__ import annotations

import argparse
import heapq
import random
from dataclasses import dataclass, replace

FRAME_US = 20_000
LOOKAHEAD = 25
REFILL = 13
NEED_US = 100_000
LONGEST_US = 5_000
PIECE = 4
CONNECTIONS = 1_000
"""Connections of one clock thread."""
CLOCKS = 16
"""Clock threads at the most."""
CLOCK_BUSY = 0.8
"""How busy one may be, so that its packets leave in their slot."""
LINES = 6
"""Steps on lines that all threads share, for each turn of a job: mark, count, order, twice each."""


@dataclass(frozen=True)
class Costs:
    """Microseconds."""

    frame: float
    packet: float
    lock: float
    line: float


@dataclass(frozen=True)
class Outcome:
    """What a second showed.

    Attributes:
        busy: share of the pool's threads that worked.
        lock: share of the time in which somebody held the lock.
        waited: microseconds for which a thread waited for the lock, at the 99th percentile.
        left: frames in the emptiest ring, at any time.
        turns: of jobs, for each refill.
    """

    busy: float
    lock: float
    waited: float
    left: float
    turns: float


def simulate(streams: int, threads: int, costs: Costs, *, seconds: float = 3.0, seed: int = 1) -> Outcome:
    """So many streams on so many threads of the pool."""
    rng = random.Random(seed)
    # When each ring runs empty; a stream is woken when half of its ring is free.
    empty_at = [rng.uniform(LOOKAHEAD - REFILL, LOOKAHEAD) * FRAME_US for _ in range(streams)]
    low = (LOOKAHEAD - REFILL) * FRAME_US
    wakes = [(max(0.0, at - low), job) for job, at in enumerate(empty_at)]
    heapq.heapify(wakes)
    queued: list[tuple[float, int]] = []
    free = [(0.0, thread) for thread in range(threads)]
    heapq.heapify(free)
    lock_free, lock_held, busy, end = 0.0, 0.0, 0.0, seconds * 1e6
    waited, least, turns, frames = [0.0], float(LOOKAHEAD), 0, 0
    while True:
        now, thread = heapq.heappop(free)
        if not queued and wakes and wakes[0][0] > now:
            now = wakes[0][0]
        if now >= end:
            break
        while wakes and wakes[0][0] <= now:
            _, job = heapq.heappop(wakes)
            heapq.heappush(queued, (empty_at[job], job))
        if not queued:
            heapq.heappush(free, (wakes[0][0] if wakes else end, thread))
            continue
        begun = max(now, lock_free)
        waited.append(begun - now)
        lock_free = begun + costs.lock
        lock_held += costs.lock
        deadline, job = heapq.heappop(queued)
        least = min(least, (deadline - lock_free) / FRAME_US)
        at = lock_free + LINES * costs.line
        pieces = 0
        while empty_at[job] - at < (LOOKAHEAD - 1) * FRAME_US:
            at += costs.frame
            empty_at[job] = max(empty_at[job], at) + FRAME_US
            pieces += 1
            needy = queued and queued[0][0] <= at + NEED_US
            if pieces >= PIECE and (needy or at - lock_free >= LONGEST_US):
                break
        turns, frames, busy = turns + 1, frames + pieces, busy + at - now
        if empty_at[job] - at < (LOOKAHEAD - 1) * FRAME_US:
            heapq.heappush(queued, (empty_at[job], job))
        else:
            heapq.heappush(wakes, (empty_at[job] - low, job))
        heapq.heappush(free, (at, thread))
    waited.sort()
    return Outcome(
        busy=busy / end / threads,
        lock=lock_held / end,
        waited=waited[int(len(waited) * 0.99)],
        left=least,
        turns=turns / max(1.0, frames / REFILL),
    )


def most(cores: int, costs: Costs) -> tuple[int, int, Outcome]:
    """The most streams of which no ring runs below two frames, their clock threads, and how it goes then."""

    def clocks(streams: int) -> tuple[int, float]:
        wanted = max(1, -(-streams // CONNECTIONS))
        return min(wanted, cores, CLOCKS), streams * 50 * costs.packet / 1e6

    def outcome(streams: int) -> Outcome | None:
        number, share = clocks(streams)
        if share / number > CLOCK_BUSY:
            return None
        left = 1 - share / cores
        # What the clocks take makes all work of the pool slower.
        return simulate(streams, cores, replace(costs, frame=costs.frame / left)) if left > 0 else None

    low, high = 1, int(cores * 1e6 / (50 * costs.frame)) + 2
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        result = outcome(middle)
        if result is not None and result.left >= 2:
            low = middle
        else:
            high = middle
    result = outcome(low)
    assert result is not None
    return low, clocks(low)[0], result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in (("frame", 125.0), ("packet", 8.0), ("lock", 1.0), ("line", 0.2)):
        parser.add_argument(f"--{name}-us", type=float, default=value, dest=name)
    options = parser.parse_args()
    print("| sound | cores | streams | clock threads | pool busy | lock held | wait for it, p99 us | turns a refill |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for sound, frame in (("encoded", options.frame), ("passthrough", options.packet / 3)):
        for cores in (1, 2, 16, 64):
            costs = Costs(frame, options.packet, options.lock, options.line)
            streams, clocks, it = most(cores, costs)
            print(
                f"| {sound} | {cores} | {streams:,} | {clocks} | {it.busy:.0%} | {it.lock:.1%} | {it.waited:.1f} |"
                f" {it.turns:.2f} |"
            )


if __name__ == "__main__":
    main()
