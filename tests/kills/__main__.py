"""What kill -9 costs a recording, format by format: as tracks, in a mixdown, as tracks of one file, whole and in parts.

``python -m tests.kills [--times N] [--sinks WaveSink ...]`` (``make kill-test``). A bot records two people who speak
all the time into many sinks at once, and is killed at a random moment. What libav finds in the files is what was kept;
the rest of the time is what was lost: what waited for the disk, and what was still in the jitter buffers.
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from isocord import sinks

from . import witness

MATROSKA = ("MKASink", "MKVSink", "WebMSink")
KINDS = ("WaveSink", "FLACSink", "PCMSink", "MP3Sink", "OGGSink", *MATROSKA, "MP4Sink", "M4ASink")
LATEST = 3.0


def layouts(kind: str) -> list[str]:
    one = [f"{kind},mixdown=1", f"{kind},mixdown=1,split=1"]
    return one + [f"{kind},tracks=1", f"{kind},tracks=1,split=1"] * (kind in MATROSKA)


def kill(recorded: list[str], place: Path, moment: float) -> dict[str, float]:
    """Seconds that were lost of each track, by sink and what it is a track of."""
    command = [sys.executable, "-m", "tests.hosts.crash", str(place), "0", *recorded]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        began = [float(process.stdout.readline()) for _ in recorded]
        time.sleep(moment)
    finally:
        process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        process.wait()
    # ffmpeg sees that its input has ended; what it writes then comes to nobody.
    time.sleep(0.3)
    lost: dict[str, float] = {}
    for index, sink in enumerate(recorded):
        folder = place / str(index) if len(recorded) > 1 else place
        kind = sink.split(",")[0]
        suffix = getattr(sinks, kind).encoding
        for name, kept in witness.kept(folder, suffix, tracks="tracks=1" in sink).items():
            lost[f"{sink} {name}"] = killed - began[index] - kept
    return lost


def runs(times: int, kinds: list[str]) -> Iterator[dict[str, float]]:
    chance = random.Random(1)
    recorded = [sink for kind in kinds for sink in layouts(kind)]
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="isocord-kills-") as folder:
            yield kill(recorded, Path(folder), chance.uniform(0.0, LATEST))


def table(found: dict[str, list[float]], most: float) -> None:
    print(f"{'seconds lost of':<44} median     99 %  most  over {most:g} s")
    for name, seconds in sorted(found.items()):
        ordered = sorted(seconds)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        over = sum(one > most for one in ordered)
        print(f"{name:<44} {statistics.median(ordered):6.2f}   {p99:6.2f} {ordered[-1]:5.2f}  {over} of {len(ordered)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="how often (default: %(default)s)")
    parser.add_argument("--most", type=float, default=1.0, help="seconds that may be lost (default: %(default)s)")
    parser.add_argument("--sinks", nargs="+", default=list(KINDS), metavar="SINK")
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    for number, lost in enumerate(runs(options.times, options.sinks), 1):
        for name, seconds in lost.items():
            found.setdefault(name, []).append(seconds)
        if number % 20 == 0 or number == options.times:
            print(f"killed {number} times")
            table(found, options.most)
            sys.stdout.flush()
    return int(any(one > options.most for seconds in found.values() for one in seconds))


if __name__ == "__main__":
    sys.exit(main())
