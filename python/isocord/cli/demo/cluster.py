"""``isocord demo --cluster``: channels that three media nodes of a local Ray carry, one of which is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import discord

import isocord
from isocord.ray import Cluster, ClusterError
from isocord.testing import FakeDiscordProcess, GuildSpec, Listener
from isocord.testing.people.listener import Arrival

from . import clip

NODES = 3
CHANNELS = 6
_READY = 120.0
_LIMIT = 60.0
_FRAME = 0.02
_PAUSE = 0.06
"""Seconds between two packets of which more is a gap that somebody might hear."""
_BOUND = 5.0
"""Seconds of silence that are too many."""
_MISSED = 1.0
"""Seconds of sound that may be lost with a node."""


@dataclass
class Heard:
    """What the listener of one channel heard.

    Attributes:
        channel: its name.
        before: the node that carried it when one was killed.
        after: the node that carried it at the end.
        times: when each packet came, in seconds since the kill; those that announce silence are left out.
        played: seconds of the file.
    """

    channel: str
    before: str
    after: str
    times: list[float]
    played: float

    @property
    def silence(self) -> float:
        """Seconds between two packets, at most."""
        return max((after - before for before, after in pairwise(self.times)), default=float("inf"))

    @property
    def heard(self) -> float:
        """Seconds of sound that came."""
        return len(self.times) * _FRAME

    def as_dict(self) -> dict[str, Any]:
        """Plain values; times are seconds."""
        silence = self.silence if self.times else None
        named = {"channel": self.channel, "node": self.before, "then": self.after}
        return {**named, "silence": silence, "heard": self.heard, "played": self.played}

    def spans(self) -> list[tuple[float, float]]:
        """From when to when it was heard without a gap."""
        found: list[tuple[float, float]] = []
        for at in self.times:
            if found and at - found[-1][1] <= _PAUSE:
                found[-1] = (found[-1][0], at)
            else:
                found.append((at, at))
        return found


class Shown:
    """What is said on the way: ``rich`` where it is installed."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text)

    def table(self, heard: list[Heard], killed: str) -> None:
        """A row for each channel."""
        from rich.table import Table
        from rich.text import Text

        made = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("channel", "node", "then", "longest silence", "heard"):
            made.add_column(name, justify="right" if name in ("longest silence", "heard") else "left", no_wrap=True)
        for one in heard:
            hit = one.before == killed
            made.add_row(
                one.channel,
                Text(one.before, style="red" if hit else ""),
                one.after if one.after != one.before else "the same",
                Text(f"{one.silence * 1e3:.0f} ms", style="red" if one.silence > _BOUND else ""),
                f"{one.heard:.2f} of {one.played:.2f} s",
            )
        self._console.print(made)


def run(file: Path | None, *, seconds: float, out: Path) -> dict[str, Any]:
    """Run it; returns what it found, as plain values: ``faults`` is empty if everything was heard, and no silence was
    longer than five seconds."""
    shown = Shown()
    with tempfile.TemporaryDirectory(prefix="isocord-") as scratch:
        file = clip.chosen(file, Path(scratch), seconds)
        length = min(seconds, isocord.AudioFile(file).duration or seconds)
        guilds = [GuildSpec(f"Server {n}", voice=(f"Room {n}",), members=(f"listener {n}",)) for n in _numbers()]
        with FakeDiscordProcess(guilds=guilds) as fake, _local_ray(shown) as address:
            try:
                heard, killed = asyncio.run(_play(fake, address, file, length, shown))
            except ClusterError as error:
                return {"faults": [str(error)]}
    return _report(heard, killed, out, shown)


def _numbers() -> range:
    return range(1, CHANNELS + 1)


@contextlib.contextmanager
def _local_ray(shown: Shown) -> Iterator[str]:
    """A head that carries nothing, and raylets that stand for machines."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster as Raylets

    shown.say(f"Starting Ray here: a head, and {NODES} raylets that stand for machines")
    raylets: Any = Raylets(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(NODES):
            raylets.add_node(num_cpus=1, resources={"isocord": 1})
        yield str(raylets.address)
    finally:
        raylets.shutdown()


@contextlib.asynccontextmanager
async def _bot(fake: FakeDiscordProcess) -> AsyncIterator[Any]:
    # py-cord's own classes are not typed.
    make_bot: Any = discord.Client
    bot = make_bot(intents=discord.Intents.default())
    async with fake.running(bot):
        yield bot


async def _play(
    fake: FakeDiscordProcess, address: str, file: Path, length: float, shown: Shown
) -> tuple[list[Heard], str]:
    # The nodes are to trust the fake Discord.
    trusted = {"env_vars": {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}}
    async with Cluster(address, resources={"isocord": 1}, runtime_env=trusted) as cluster, _bot(fake) as bot:
        await cluster.ready(_READY, nodes=NODES)
        nodes = _Nodes(cluster)
        shown.say("Media nodes: " + ", ".join(f"{name} (pid {pid})" for name, pid in nodes.pids().items()))
        listeners: list[Listener] = [fake.listen(f"Room {n}", user=f"listener {n}") for n in _numbers()]
        voices = [await _room(bot, n).connect(cls=cluster.VoiceClient) for n in _numbers()]
        shown.say(f"{CHANNELS} channels are connected: {nodes.spread(voices)}")
        ends = [voice.play(isocord.AudioFile(file), wait_finish=True) for voice in voices]
        await asyncio.sleep(length / 2)
        before = [nodes.of(voice) for voice in voices]
        ((victim, _),) = Counter(before).most_common(1)
        pid = nodes.pids()[victim]
        shown.say(f"[red]kill -9 {pid}[/red]: {victim}, which carries {before.count(victim)} of them")
        killed_ns = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        await asyncio.wait(ends, timeout=length / 2 + _LIMIT)
        after = [nodes.of(voice) for voice in voices]
        arrivals: list[list[Arrival]] = [await asyncio.to_thread(one.arrivals) for one in listeners]
        for voice in voices:
            await voice.disconnect()
    heard = [
        Heard(f"Room {n}", *carried, [(one.time_ns - killed_ns) / 1e9 for one in came if not one.is_silence], length)
        for n, carried, came in zip(_numbers(), zip(before, after, strict=True), arrivals, strict=True)
    ]
    return heard, victim


def _room(bot: Any, number: int) -> Any:
    guild = next(guild for guild in bot.guilds if guild.name == f"Server {number}")
    return guild.voice_channels[0]


class _Nodes:
    """The media nodes by numbers: all machines here have one address. They are numbered once, for one that is killed is
    not known for a moment."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._names = {node: f"node {n}" for n, node in enumerate(sorted(one.node for one in cluster.stats()), 1)}

    def pids(self) -> dict[str, int]:
        """Of their processes."""
        return {self._names[one.node]: one.pid for one in self._cluster.stats()}

    def of(self, voice: Any) -> str:
        """Which carries a connection."""
        return self._names.get(self._cluster.node_of(voice) or "", "none")

    def spread(self, voices: list[Any]) -> str:
        """How many each carries."""
        count = Counter(self.of(voice) for voice in voices)
        return ", ".join(f"{count[name]} at {name}" for name in self._names.values())


def _report(heard: list[Heard], killed: str, out: Path, shown: Shown) -> dict[str, Any]:
    from .cluster_picture import draw

    shown.say("")
    shown.table(heard, killed)
    draw(out / "cluster.png", heard, killed)
    shown.say(f"\nthe picture: {out / 'cluster.png'}")
    lost = [one.channel for one in heard if one.heard < one.played - _MISSED or one.silence > _BOUND]
    faults = [f"Not all of it was heard in {name}." for name in lost]
    return {"killed": killed, "channels": [one.as_dict() for one in heard], "faults": faults}
