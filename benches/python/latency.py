#!/usr/bin/env python3
"""How long a voice assistant's ears and mouth take: isocord, and py-cord with what its users write around it.

    python benches/python/latency.py [--quick] [--json FILE]

Both speak to a fake Discord on 127.0.0.1, without end-to-end encryption, with nothing else to do and under two threads
that never let go of the GIL. Times of packets are the kernel's. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from timing import lab
from timing.assistant import HANG_OVER, MIN_SPEECH
from timing.latency import Figures, run
from timing.tables import number, table

LOADS = {"idle": 0, "2 GIL threads": 2}
CLIENTS = ("isocord", "py-cord")
ROWS = {
    "mouth": "mouth: write() to the first packet",
    "ear": "ear: the first packet to its sound in Python",
    "beyond": "  a packet to Python, beyond the jitter buffer",
    "turn": "turn: the last word to the first packet of the answer",
    "barge_in": "barge-in: the first packet to the bot's last one",
    "reaction": "  beyond the speech that it takes",
}
AIMS = {"mouth": 22.0, "beyond": 25.0, "reaction": 40.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two minutes instead of ten")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    options = parser.parse_args()
    rounds = 8 if options.quick else 50
    lab.compile_all()
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="isocord-bench-") as folder:
        for load, threads in LOADS.items():
            for client in CLIENTS:
                if sys.stderr.isatty():
                    print(f"\r\x1b[K  ... {load}, {client}", end="", file=sys.stderr, flush=True)
                found.append(run(client, load, threads, rounds=rounds, scratch=Path(folder)))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(show(found))
    print(
        f"\n  In ms; the ratio is that of the p99s. Barge-in takes {MIN_SPEECH * 1e3:.0f} ms of speech."
        f" py-cord tells no ends: its bot waits {HANG_OVER * 1e3:.0f} ms, and its ears have no jitter buffer."
        f"\n  Aims of isocord, p99: mouth {AIMS['mouth']:.0f} (a slot of 20, and 2),"
        f" ear {AIMS['beyond']:.0f} beyond the jitter buffer, barge-in {AIMS['reaction']:.0f} beyond the speech."
    )
    if options.json is not None:
        options.json.write_text(json.dumps([figures.plain() for figures in found], indent=1) + "\n", "utf-8")
    return 0


def show(found: Sequence[Figures]) -> str:
    """The table."""
    rows: list[Sequence[str]] = []
    for load in LOADS:
        by_client = {figures.client: figures for figures in found if figures.load == load}
        for name, text in ROWS.items():
            p99 = {client: centile(getattr(figures, name), 0.99) for client, figures in by_client.items()}
            for client, figures in by_client.items():
                values = getattr(figures, name)
                if not values:
                    continue
                aim = AIMS.get(name) if client == "isocord" else None
                ours, theirs = p99.get("isocord"), p99.get("py-cord")
                rows.append(
                    (
                        load,
                        text,
                        client,
                        str(len(values)),
                        number(centile(values, 0.5)),
                        number(p99[client], miss=aim is not None and (p99[client] or 0.0) > aim),
                        f"x {theirs / ours:.1f}" if client == "py-cord" and ours and theirs else "",
                    )
                )
        rows += [
            (load, f"missed: {figures.missed} {figures.error[:120]}", figures.client, "", "", "", "")
            for figures in by_client.values()
            if figures.missed or figures.error
        ]
    return table(("load", "from what to what", "client", "times", "p50", "p99", "ratio"), rows)


def centile(values: Sequence[float], share: float) -> float | None:
    """The value below which a share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


if __name__ == "__main__":
    sys.exit(main())
