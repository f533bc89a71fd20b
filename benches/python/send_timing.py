#!/usr/bin/env python3
"""Stock py-cord and isocord side by side: when their packets arrive, what they cost, how many fit.

Both speak to a fake Discord on 127.0.0.1, without end-to-end encryption (DAVE version 0); arrival times are the
kernel's receive timestamps there. Each figure comes from a bot in a process of its own. Nothing is asserted.

    python benches/python/send_timing.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from timing import lab, overhead, scale, side_by_side, tables
from timing.side_by_side import IDLE, ISOCORD, LOADS, ROWS, STOCK, Cell
from timing.sounds import Tune

import isocord


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    seconds: float
    rows: tuple[tuple[str, str], ...]
    loads: tuple[side_by_side.Load, ...]
    pinned: tuple[bool, ...]
    warm_connects: tuple[int, int]
    counts: tuple[int, ...]
    scale_seconds: float
    frames: int
    rounds: int


FULL = Plan(7.0, ROWS, LOADS, (True, False), (2, 20), (1, 10, 50, 200), 5.0, 500, 3)
QUICK = Plan(5.0, ROWS[:2], (IDLE, LOADS[3]), (True,), (0, 5), (1, 50), 2.0, 150, 1)
"""One late packet makes two gaps that are off: of fewer than 200 gaps the 99th percentile would be that one packet."""


def main() -> int:
    options = _options()
    plan = QUICK if options.quick else FULL
    begin = time.monotonic()
    report: dict[str, Any] = {"machine": {**_machine(), "run": "quick" if options.quick else "full"}}
    print("\n".join(f"  {name}: {value}" for name, value in report["machine"].items()))
    with tempfile.TemporaryDirectory(prefix="isocord-bench-") as folder:
        scratch = Path(folder)
        tune = scratch / "tune"
        tune.mkdir()
        Tune.synthesise(tune, 40.0)
        lab.compile_all()
        parts = {"cells": _cells, "connects": _connects, "scale": _scale, "overhead": _overhead}
        for name, part in parts.items():
            if options.only in (None, name):
                report[name] = part(plan, tune, scratch)
    print(f"\n  {time.monotonic() - begin:.0f} s in all")
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about a minute, with fewer loads and sources")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    parser.add_argument(
        "--only", choices=("cells", "connects", "scale", "overhead"), help="one part instead of all of them"
    )
    return parser.parse_args()


def _machine() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, cores {lab.cores() or '?'}",
        "python": platform.python_version(),
        "py-cord": version("py-cord"),
        "isocord": isocord.__version__,
    }


def _title(text: str) -> None:
    print(f"\n{text}")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K  ... {text}", end="" if text else "\r\x1b[K", file=sys.stderr, flush=True)


def _cells(plan: Plan, tune: Path, scratch: Path) -> list[dict[str, Any]]:
    results: list[Cell] = []
    for pinned in plan.pinned:
        if pinned and not lab.can_pin():
            _title("One core: left out, this system cannot pin the bot and the fake to a core each")
            continue
        _title("The bot on one core, the fake on another" if pinned else "Bot and fake free on all cores")
        here = []
        for load in plan.loads:
            for client, source in plan.rows:
                _progress(f"{load.name}, {client}, {source}")
                here.append(side_by_side.run_cell(pinned, load, client, source, seconds=plan.seconds, tune=tune))
        _progress("")
        print(tables.cells(here))
        results += here
    print(tables.CELL_AIMS)
    return [cell.plain() for cell in results]


def _connects(plan: Plan, tune: Path, scratch: Path) -> list[dict[str, Any]]:
    _title("Connects of an idle bot, in ms; aim: 15.0 from connect() to the first packet")
    results = []
    for client, warm in zip((STOCK, ISOCORD), plan.warm_connects, strict=True):
        _progress(f"connects of {client}")
        results.append(side_by_side.run_connects(client, 1 + warm, tune=tune))
    _progress("")
    print(tables.connects(results))
    return [result.plain() for result in results]


def _scale(plan: Plan, tune: Path, scratch: Path) -> list[dict[str, Any]]:
    _title("Many streams of isocord in one bot, each in a guild of its own; aim: 0.1 MB a stream")
    results: list[scale.Step] = []
    for kind in scale.KINDS:
        _progress(f"many streams, {kind}")
        try:
            results += scale.run(kind, plan.counts, seconds=plan.scale_seconds, tune=tune, scratch=scratch)
        except lab.JobError as error:
            print(f"  {scale.KINDS[kind]}: {error}")
    _progress("")
    print(tables.steps(results))
    print(tables.broadcast(results))
    print("  MB a stream: source, encoder, ring; MB a connection: client, websocket, TLS; of those added last.")
    return [result.plain() for result in results]


def _overhead(plan: Plan, tune: Path, scratch: Path) -> dict[str, Any]:
    _title("CPU of one encoded stream; aim: 1.1 times what libopus takes for the same frames")
    short = scratch / "short"
    short.mkdir()
    Tune.synthesise(short, plan.frames * 0.02)
    _progress("one encoded stream")
    try:
        result = overhead.run(short, frames=plan.frames, rounds=plan.rounds)
    except lab.JobError as error:
        print(f"  {error}")
        return {"error": str(error)}
    finally:
        _progress("")
    print(tables.overhead(result))
    print("  The last line: what the system takes for waking a process every 20 ms, without any sound.")
    return result.plain()


if __name__ == "__main__":
    sys.exit(main())
