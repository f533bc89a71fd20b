"""A Ray cluster of raylets on this machine, a fake Discord in a process of its own, and a bot that plays by them.

Each packet says its number, so that what a listener missed, heard twice, and how long it heard nothing can be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import discord as pycord
from benches.python.numbered import Numbered, number_of

from isocord.ray import Cluster
from isocord.testing import FakeDiscordProcess

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DISABLE_IMPORT_WARNING", "1")
# While the head is away the raylets, and with them what runs on them, are to wait for it.
os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "600")

LIMIT = 60.0


def numbers(arrivals: list[Any]) -> list[tuple[float, int]]:
    """When which packet was heard; silence between sounds is left out."""
    return [(one.time_ns / 1e9, number_of(one.opus)) for one in arrivals if one.opus and len(one.opus) > 5]


class Heard:
    """What a listener heard around a fault.

    Attributes:
        gap: seconds between two packets at most.
        lost: seconds of sound that were never heard.
        again: seconds of sound that were heard twice.
        mixed: packets that came from two senders at the same time.
    """

    def __init__(self, arrivals: list[Any]) -> None:
        heard = numbers(arrivals)
        times = [at for at, _ in heard]
        said = [number for _, number in heard]
        self.gap = max((after - before for before, after in pairwise(times)), default=float("inf"))
        self.lost = (max(said) - min(said) + 1 - len(set(said))) * 0.02 if said else float("inf")
        self.again = (len(said) - len(set(said))) * 0.02
        streams = [one.ssrc for one in arrivals]
        self.mixed = sum(before != after for before, after in pairwise(streams)) - len(set(streams)) + 1

    def __repr__(self) -> str:
        return f"gap {self.gap:.2f} s, lost {self.lost:.2f} s, again {self.again:.2f} s, mixed {self.mixed}"


class RayMachines:
    """A Ray cluster: a head that carries nothing, and raylets with the resource ``isocord``. It blocks."""

    def __init__(self, count: int) -> None:
        from ray.cluster_utils import Cluster as Raylets

        self.raylets: Any = Raylets(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False},
        )
        self.nodes: list[Any] = [self.add() for _ in range(count)]

    @property
    def address(self) -> str:
        """Of the head."""
        return str(self.raylets.address)

    def add(self, **labels: str) -> Any:
        """One more machine."""
        return self.raylets.add_node(num_cpus=1, resources={"isocord": 1}, labels=labels)

    def kill(self, node: str) -> None:
        """Kill a machine's raylet; what ran there ends with it."""
        found = next(one for one in self.nodes if one.node_id == node)
        self.nodes.remove(found)
        found.kill_raylet(check_alive=False)
        self.raylets.remove_node(found, allow_graceful=False)

    def kill_head(self) -> None:
        """Kill what all others ask."""
        self.raylets.head_node.kill_gcs_server(check_alive=False)

    def close(self) -> None:
        """End all of it."""
        self.raylets.shutdown()


class Stage:
    """All of it, with one connection that plays and a listener who hears it."""

    def __init__(self, machines: RayMachines, discord: Any, cluster: Cluster, bot: Any) -> None:
        self.machines, self.discord, self.cluster, self.bot = machines, discord, cluster, bot
        self.listener: Any = None
        self.voice: Any = None

    async def play(self) -> None:
        """Join, play, and wait until it is heard."""
        self.listener = self.discord.listen("General", user="alice")
        channel = next(one for one in self.bot.guilds[0].voice_channels if one.name == "General")
        self.voice = await channel.connect(cls=self.cluster.VoiceClient, timeout=30.0)
        self.voice.play(Numbered())
        await self.hears()

    async def hears(self, packets: int = 25) -> list[Any]:
        """Wait until so many more packets are heard; gives all that were heard so far."""
        before = len(await self.arrivals())
        return await until(self._arrived, before + packets)

    async def _arrived(self, count: int) -> list[Any] | None:
        found = await self.arrivals()
        return found if len(found) >= count else None

    async def arrivals(self) -> list[Any]:
        """What was heard so far."""
        found: list[Any] = await asyncio.to_thread(self.listener.arrivals)
        return found

    async def node(self) -> Any:
        """Statistics of the node that carries the connection."""
        return await until(self._node)

    async def _node(self) -> Any:
        node = self.cluster.node_of(self.voice)
        return next((one for one in self.cluster.stats() if one.node == node), None)

    async def another(self, before: Any) -> Any:
        """Wait until another process carries it, and it is heard."""

        async def moved() -> Any:
            now = await self._node()
            return now if now is not None and now.pid != before.pid else None

        found = await until(moved)
        await self.hears()
        return found


async def until(condition: Callable[..., Any], *args: Any, limit: float = LIMIT) -> Any:
    """Ask again and again, until it gives something true."""
    deadline = time.monotonic() + limit
    while not (found := await condition(*args)):
        assert time.monotonic() < deadline, f"it did not happen in time: {condition.__qualname__}"
        await asyncio.sleep(0.05)
    return found


@contextlib.asynccontextmanager
async def staged(count: int = 3, *, channels: int = 1) -> AsyncIterator[Stage]:
    """A cluster of so many machines, all with a media node."""
    with FakeDiscordProcess(guilds=channels) as discord:
        machines = RayMachines(count)  # only the main thread may start raylets
        try:
            trusted = {"env_vars": {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}}
            async with Cluster(machines.address, resources={"isocord": 1}, runtime_env=trusted) as cluster:
                await cluster.ready(nodes=count)
                bot = pycord.Client(intents=pycord.Intents.default())
                async with discord.running(bot):
                    yield Stage(machines, discord, cluster, bot)
        finally:
            machines.close()


def stop(pid: int) -> None:
    """Have a process stand still."""
    os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    """End it at once."""
    os.kill(pid, signal.SIGKILL)
