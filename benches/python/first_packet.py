#!/usr/bin/env python3
"""From ``connect()`` to the first packet that is encrypted end to end: bot libraries' own voice clients, and isocord.

The fake Discord is a process of its own, with a listener in the call; arrival times are the kernel's receive
timestamps there. Bots of all clients take turns, each in a process of its own. Own clients of other libraries than
py-cord are measured in the environments that ``nox`` made for them (``nox -s disnake-2.12.2-own-client``).

    python benches/python/first_packet.py [--peers PYTHON ...] [--rounds 5] [--turns 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from timing import lab
from timing.side_by_side import LOADS, Load

from isocord.testing import FakeDiscordProcess

HERE = Path(__file__).resolve().parents[2]
OWN = ("discord-py-2-7-1-own-client", "disnake-2-12-2-own-client")
MOMENTS = ("connect()", "first packet", "first encrypted")


def turn(python: str, client: str, load: Load, rounds: int, seconds: float) -> tuple[str, list[dict[str, Any]]]:
    """Some connects of one bot: milliseconds to each moment, None where it did not come."""
    with FakeDiscordProcess(patch=False) as fake:
        listener = fake.listen("General")
        job = {
            "addresses": dataclasses.asdict(fake.addresses),
            "token": fake.token,
            "client": client,
            "rounds": rounds,
            "seconds": seconds,
            "threads": load.threads,
            "block": load.block,
        }
        told = lab.run_json([python, "-m", "timing.peer", json.dumps(job)], core=None, limit=60 + 40 * rounds)
        heard = [a for a in listener.arrivals() if not a.is_silence]
    found = []
    for one in told["rounds"]:
        mine = [a for a in heard if one["begin_ns"] <= a.time_ns <= one["stop_ns"]]
        since = [(a.time_ns - one["begin_ns"]) / 1e6 for a in mine]
        sealed = [when for when, a in zip(since, mine, strict=True) if a.encrypted]
        row = (one["connect"] * 1e3, since[0] if since else None, sealed[0] if sealed else None)
        found.append(dict(zip(MOMENTS, row, strict=True)))
    return told["library"], found


def shown(values: list[float | None]) -> str:
    there = [value for value in values if value is not None]
    if not there:
        return "never"
    missing = f", never {len(values) - len(there)}" if len(there) < len(values) else ""
    return f"{statistics.median(there):.1f} ({min(there):.1f} to {max(there):.1f}{missing})"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", nargs="*", metavar="PYTHON", help="interpreters of other bot libraries")
    parser.add_argument("--rounds", type=int, default=5, help="connects of each bot in a turn")
    parser.add_argument("--turns", type=int, default=3, help="bots of each client")
    parser.add_argument("--loads", nargs="*", choices=[load.name for load in LOADS], default=["idle", "both"])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args()
    there = [HERE / ".venvs" / name / "bin" / "python" for name in OWN]
    peers = options.peers if options.peers is not None else [str(path) for path in there if path.exists()]
    clients = [(sys.executable, "isocord"), (sys.executable, "own"), *((python, "own") for python in peers)]
    lab.compile_all()
    report: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for load in (load for load in LOADS if load.name in options.loads):
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for _ in range(options.turns):
            for python, client in clients:
                seconds = 1.0 if load.threads or load.block else 0.3
                try:
                    name, found = turn(python, client, load, options.rounds, seconds)
                except lab.JobError as error:
                    print(f"  {python}, {client}: {error}")
                    continue
                rows["isocord" if client == "isocord" else name] += found
        report[load.name] = rows
        print(f"\n{load.name}: ms from the call of connect(), median (least to most)")
        for name, found in rows.items():
            print(f"  {name:24}", *(f"{moment} {shown([one[moment] for one in found])};" for moment in MOMENTS))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
