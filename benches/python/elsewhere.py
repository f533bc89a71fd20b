#!/usr/bin/env python3
"""What voice connections cost the bot's process when media nodes carry their sound, beside carrying it itself.

The fake Discord and each node are processes of their own. Joins are one after the other; then nothing is done for a
while, and messages over the links are counted by kind; then each connection plays numbered Opus packets from Python;
then a queue of an Opus file, whose packets pass; then the same at half the volume, which is decoded and encoded.

    python benches/python/elsewhere.py [--nodes 0 1 3] [--connections 10 100] [--seconds 10] [--json FILE]

0 nodes: in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import discord as pycord
import numpy as np
from numbered import Numbered

import isocord
from isocord.remote import NodeAddress, voice_client
from isocord.remote.wire import Wire
from isocord.testing import FakeDiscordProcess

_NODE = """
import os, pickle, sys
from isocord.remote import MediaNode
node = MediaNode()
sys.stdout.buffer.write(pickle.dumps(node.address))
sys.stdout.flush()
os.close(1)
sys.stdin.read()
"""
_SETTLE = 2.0


class Nodes:
    """Media nodes, a process each."""

    def __init__(self, count: int) -> None:
        self._processes = [
            subprocess.Popen([sys.executable, "-c", _NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(count)
        ]
        self.addresses: list[NodeAddress] = [pickle.loads(one.stdout.read()) for one in self._processes if one.stdout]
        self._turn = itertools.count()

    def next(self) -> list[NodeAddress]:
        """All of them, another one first each time."""
        first = next(self._turn) % len(self.addresses)
        return self.addresses[first:] + self.addresses[:first]

    def cpu(self) -> float:
        """Seconds that all of them have used."""
        ticks = os.sysconf("SC_CLK_TCK")
        used = 0
        for one in self._processes:
            fields = Path(f"/proc/{one.pid}/stat").read_text().rsplit(")", 1)[1].split()
            used += int(fields[11]) + int(fields[12])
        return used / ticks

    def close(self) -> None:
        """End them."""
        for one in self._processes:
            assert one.stdin is not None
            one.stdin.close()
            one.wait(10)


class Messages:
    """What the bot's process sends and gets over its links."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        send, receive = Wire.send, Wire.data_received
        counted = self.counted

        def sending(wire: Any, message: Any) -> None:
            counted["out " + type(message).__name__] += 1
            send(wire, message)

        def receiving(wire: Any, data: bytes) -> None:
            # Counted where they are cut; beats come to nobody else.
            feed = wire._decoder.feed

            def counting(more: bytes) -> Any:
                for message in feed(more):
                    counted["in " + type(message).__name__] += 1
                    yield message

            wire._decoder.feed = counting
            try:
                receive(wire, data)
            finally:
                wire._decoder.feed = feed

        Wire.send, Wire.data_received = sending, receiving  # type: ignore[method-assign]

    def since(self, before: Counter[str]) -> dict[str, int]:
        """How many of each kind have come to pass."""
        return dict((self.counted - before).most_common())


def song(path: Path, seconds: int = 20) -> Path:
    """Noise as Opus in Ogg."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libopus", rate=48_000, layout="stereo")
        stream.bit_rate = 128_000
        for _ in range(seconds * 50):
            frame = av.AudioFrame.from_ndarray(rng.integers(-3000, 3000, (1, 1920), "<i2"), "s16", "stereo")
            frame.sample_rate = 48_000
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


async def measure(messages: Messages, count: int, connections: int, seconds: float) -> dict[str, Any]:
    """One row."""
    with FakeDiscordProcess(guilds=connections) as discord, ExitStack() as stack:
        nodes = None
        if count:
            # They start while the fake runs, so that they trust it.
            nodes = Nodes(count)
            stack.callback(nodes.close)
        cls = isocord.VoiceClient if nodes is None else voice_client(nodes.next)
        bot = pycord.Client(intents=pycord.Intents.default())
        async with discord.running(bot):
            joins, voices = [], []
            for guild in bot.guilds:
                began = time.perf_counter()
                voices.append(await guild.voice_channels[0].connect(cls=cls, timeout=60.0))
                joins.append(time.perf_counter() - began)
            await asyncio.sleep(_SETTLE)
            row: dict[str, Any] = {
                "nodes": 0 if nodes is None else len(nodes.addresses),
                "connections": connections,
                "join_p50_ms": round(statistics.median(joins) * 1e3, 1),
                "join_max_ms": round(max(joins) * 1e3, 1),
            }
            file = song(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "song.ogg")
            kinds: dict[str, Callable[[], Any]] = {
                "playing": Numbered,
                "passing": lambda: isocord.Queue(file, loop="all"),
                "encoded": lambda: isocord.Queue(file, loop="all", volume=0.5),
            }
            for name in ("idle", *kinds):
                if name in kinds:
                    for voice in voices:
                        voice.stop()
                        voice.play(kinds[name]())
                    await asyncio.sleep(_SETTLE)
                before, cpu, theirs = messages.counted.copy(), time.process_time(), nodes.cpu() if nodes else 0.0
                await asyncio.sleep(seconds)
                used, there = time.process_time() - cpu, (nodes.cpu() if nodes else 0.0) - theirs
                row[name] = {
                    "bot_ms": round(used / connections / seconds * 1e3, 3),
                    "node_ms": round(there / connections / seconds * 1e3, 3),
                    "messages": {kind: round(count / seconds, 2) for kind, count in messages.since(before).items()},
                }
                row[name]["of_a_connection"] = round(
                    sum(count for kind, count in row[name]["messages"].items() if not kind.endswith("Beat"))
                    / connections,
                    3,
                )
            await asyncio.gather(*(voice.disconnect() for voice in voices))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[0, 1, 3])
    parser.add_argument("--connections", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    messages, rows = Messages(), []
    for connections in options.connections:
        for count in options.nodes:
            row = asyncio.run(measure(messages, count, connections, options.seconds))
            rows.append(row)
            print(json.dumps(row), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
