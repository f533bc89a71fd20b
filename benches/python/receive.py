#!/usr/bin/env python3
"""What recording a call costs: CPU of 1, 10 and 25 speakers in a WAV file each, beside libopus's decoding of the same.

A process of its own plays the voice server and sends all speakers' packets every 20 ms, sealed for the transport (no
end-to-end encryption; ``cargo bench --bench recv`` has that). Another process, with nothing but isocord's native
threads awake, records them; its whole CPU time counts. Nothing is asserted.

    python benches/python/receive.py [--seconds S] [--speakers N ...] [--hour] [--json FILE]

Then thirty recordings of ten speakers each in one process, to WAV and to Ogg: CPU, memory, and what was dropped.
``--hour`` adds the memory of an hour's recording in virtual time (``cargo run --example recording_memory``).
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing import lab, recording

import isocord

ROOT = Path(__file__).resolve().parents[2]
AIM = 1.3
MANY, SPEAKERS = 30, 10


def main() -> int:
    options = _options()
    print(f"  {platform.system()} {platform.release()}, {platform.machine()}, cores {lab.cores() or '?'}")
    print(f"  python {platform.python_version()}, isocord {isocord.__version__}, {options.seconds:g} s each")
    print(f"\nRecording to WAV, one file per speaker; aim: {AIM} times what libopus takes for the same packets")
    print("  speakers  us a packet  libopus: us  times   in rhythm: us  times  % of a core  lost  MB, start to end")
    rows = []
    for speakers in options.speakers:
        with tempfile.TemporaryDirectory(prefix="isocord-bench-") as folder:
            try:
                row = recording.run(speakers, seconds=options.seconds, folder=Path(folder))
            except lab.JobError as error:
                print(f"  {speakers:>8} {error}")
                continue
        rows.append(row)
        curve = " ".join(f"{mb:.1f}" for mb in row.resident_mb)
        print(
            f"  {row.speakers:>8}  {row.us_per_packet:>11.1f}  {row.libopus_us:>11.1f}  {row.times:>5.2f}"
            f"  {row.rhythm_us:>14.1f}  {row.times_rhythm:>5.2f}  {row.core_percent:>11.1f}  {row.lost:>4}  {curve}",
            flush=True,
        )
    print("  CPU of the whole process, wake-ups of its threads included; in rhythm: libopus alone, every 20 ms.")
    report: dict[str, Any] = {"recording": [row.plain() for row in rows], "many": _many(options.seconds)}
    if options.hour:
        report["hour"] = _hour()
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each recording (default: %(default)s)")
    parser.add_argument("--speakers", type=int, nargs="+", default=[1, 10, 25], metavar="N")
    parser.add_argument("--hour", action="store_true", help="the memory of an hour in virtual time as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    return parser.parse_args()


def _many(seconds: float) -> list[dict[str, Any]]:
    print(f"\n{MANY} recordings of {SPEAKERS} speakers each in one process")
    print("  sink      timeline  us a packet  % of a core  lost  dropped  MB, start to end")
    rows = []
    for sink, timeline in itertools.product(("WaveSink", "OGGSink"), (False, True)):
        with tempfile.TemporaryDirectory(prefix="isocord-bench-") as folder:
            try:
                options: dict[str, Any] = {"recordings": MANY, "sink": sink, "timeline": timeline}
                row = recording.run(SPEAKERS, seconds=seconds, folder=Path(folder), **options)
            except lab.JobError as error:
                print(f"  {sink} {error}")
                continue
        rows.append(row.plain())
        curve = " ".join(f"{mb:.0f}" for mb in row.resident_mb)
        print(
            f"  {sink:<9} {timeline!s:<8} {row.us_per_packet:>11.1f}  {row.core_percent:>11.1f}  {row.lost:>4}"
            f"  {row.dropped:>7}  {curve}",
            flush=True,
        )
    return rows


def _hour() -> list[list[float]]:
    print("\nMemory over an hour of recording 10 speakers, in virtual time; aim: flat")
    command = ["cargo", "run", "--quiet", "--release", "-p", "isocord-benches", "--example", "recording_memory"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    print(done.stdout, end="")
    return [
        [float(cell) for cell in line.split()[:2]] for line in done.stdout.splitlines() if line.strip()[:1].isdigit()
    ]


if __name__ == "__main__":
    sys.exit(main())
