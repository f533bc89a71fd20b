#!/usr/bin/env python3
"""Streams of packets from sources written in Python, for the bench of many streams, which runs this:

cargo run --release -p isocord-benches --example streams -- cost --sources benches/python/source_streams.py
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from isocord import _native
from isocord.playing.sources.feeder import Feeder

_WARM_UP = 2.0
_ARRIVING = 1.5
_KEY = bytes(range(32))


class Packets:
    """A second of Opus packets, over and over."""

    def __init__(self, packets: list[bytes]) -> None:
        self._next = itertools.cycle(packets)

    def read(self) -> bytes:
        return next(self._next)

    def is_opus(self) -> bool:
        return True

    def cleanup(self) -> None:
        pass


def _packets() -> list[bytes]:
    # As long as those of music at 128 kbit/s; what is in them does not matter, for nobody hears them.
    return [bytes([0xFC, number]) + bytes(318) for number in range(50)]


def _threads() -> Counter[str]:
    """Nanoseconds on a processor so far, of all threads of a name."""
    sums: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        # It may have ended meanwhile.
        with suppress(OSError):
            name = (task / "comm").read_text().strip().rstrip("0123456789-")
            sums[name.replace(" ", "-")] += int((task / "schedstat").read_text().split()[0])
    return sums


def main() -> None:
    _, _, streams, _, seconds, _, port = sys.argv[1:]
    connections, tracks = [], []
    for ssrc in range(int(streams)):
        connection = _native.Connection(lambda event: None)
        connection.open("127.0.0.1", int(port), ssrc)
        connection.start_session("aead_aes256_gcm_rtpsize", _KEY)
        connection.allow_unencrypted()
        connections.append(connection)
    for connection in connections:
        track = _native.Track.opus()
        Feeder(Packets(_packets()), track, opus=True, on_end=lambda error: None).start()
        connection.play(track)
        tracks.append(track)
        time.sleep(_ARRIVING / len(connections))
    time.sleep(_WARM_UP)
    print("begin", flush=True)
    before, began = _threads(), time.monotonic_ns()
    time.sleep(float(seconds))
    wall, after = time.monotonic_ns() - began, _threads()
    print("end", flush=True)
    stats = [connection.stats for connection in connections]
    values = {f"cpu.{name}": ns - before[name] for name, ns in after.items()}
    values |= {
        "wall": wall,
        "missed": sum(each.missed_slots for each in stats),
        "underruns": sum(each.underruns for each in stats),
        "simplified": 0,
        "late_us": sorted(round(each.lateness_p99 * 1e6) for each in stats)[len(stats) // 2],
    }
    print(*(f"{name}={value}" for name, value in values.items()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
