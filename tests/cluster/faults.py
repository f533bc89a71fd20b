"""Faults of a Ray cluster, one after the other by a seed, and what the listener of a call misses of each.

    python -m tests.cluster.faults [--seed 1] [--count 20] [--machines 3] [--json FILE]

Each hits the machine that carries the call: its media node is killed, or stands still for five seconds and comes back,
or is drained, or the raylet is killed with all that runs on it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import enum
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from .stage import Heard, Stage, go_on, kill, staged, stop, until

_STANDS = 5.0


class Fault(enum.Enum):
    """What happens to the machine that carries the call."""

    KILLED = "node killed"
    STOPPED = "node stopped for 5 s"
    DRAINED = "node drained"
    MACHINE = "raylet killed"


async def befall(stage: Stage, fault: Fault, node: Any) -> None:
    """Let it happen to this node; returns when it is over."""
    match fault:
        case Fault.KILLED:
            kill(node.pid)
        case Fault.STOPPED:
            stop(node.pid)
            try:
                await asyncio.sleep(_STANDS)
            finally:
                # Ray may have given it up.
                with contextlib.suppress(ProcessLookupError):
                    go_on(node.pid)
        case Fault.DRAINED:
            await stage.cluster.drain(node.node, within=2.0, restart=True)
        case Fault.MACHINE:
            stage.machines.kill(node.node)


async def one(stage: Stage, fault: Fault) -> Heard:
    """What is heard around one fault, from a second before on."""
    await asyncio.to_thread(stage.listener.clear)
    await stage.hears(50)
    before = await stage.node()
    happening = asyncio.create_task(befall(stage, fault, before))
    await stage.another(before)
    await happening
    # Who stood still would be heard now.
    await stage.hears(50)
    return Heard(await stage.arrivals())


async def recover(stage: Stage, count: int) -> None:
    """Until as many nodes as there were are there again."""
    while len(stage.machines.nodes) < count:
        stage.machines.nodes.append(stage.machines.add())

    async def complete() -> bool:
        return sum(not known.draining and known.silent == 0 for known in stage.cluster.stats()) >= count

    await until(complete)


async def run(seed: int, count: int, machines: int) -> list[tuple[Fault, Heard]]:
    """Each fault and what was heard of it."""
    chosen = random.Random(seed)
    found = []
    async with staged(machines) as stage:
        await stage.play()
        for number in range(count):
            fault = chosen.choice(list(Fault))
            heard = await one(stage, fault)
            found.append((fault, heard))
            print(f"{number + 1:3} {fault.value:22} {heard}", flush=True)
            await recover(stage, machines)
    return found


def summary(found: list[tuple[Fault, Heard]]) -> dict[str, dict[str, float]]:
    """Of each kind, and of all."""
    rows = {}
    for name, some in [
        *((fault.value, [heard for kind, heard in found if kind is fault]) for fault in Fault),
        ("all", [heard for _, heard in found]),
    ]:
        if some:
            gaps = sorted(heard.gap for heard in some)
            rows[name] = {
                "count": len(some),
                "gap_p50": round(gaps[len(gaps) // 2], 2),
                "gap_max": round(gaps[-1], 2),
                "lost_max": round(max(heard.lost for heard in some), 2),
                "again_max": round(max(heard.again for heard in some), 2),
                "mixed": sum(heard.mixed for heard in some),
            }
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--machines", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    rows = summary(asyncio.run(run(options.seed, options.count, options.machines)))
    for name, row in rows.items():
        print(f"{name:22} " + "  ".join(f"{key} {value}" for key, value in row.items()))
    print(f"{time.monotonic() - began:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 1 if rows["all"]["mixed"] or rows["all"]["lost_max"] > 1.0 else 0


if __name__ == "__main__":
    sys.exit(main())
