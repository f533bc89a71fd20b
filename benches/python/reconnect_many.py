#!/usr/bin/env python3
"""Many voice connections of one process, lost at once: when all are back, what it cost, and who was starved meanwhile.

The fake Discord is a process of its own, with a listener in each call; end-to-end encryption is on. First the
voice websockets break (resumes), then the voice sessions are gone (new joins, which py-cord's own limit of 110 gateway
messages a minute would stretch; the bench lifts it). Some connections are spared: what comes to their listeners, and
how late the bot's own loop is, tell whether the others starve them.

    python benches/python/reconnect_many.py [--connections 200] [--playing 200] [--spared 5] [--json FILE]

The fake Discord takes some 10,000 packets a second, so of a thousand connections not all can play.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import discord as pycord
from numbered import Numbered, number_of

import isocord
from isocord.testing import FakeDiscordProcess, Mishap, MishapKind

LIMIT = 60.0
_LOOK = 0.01


def threads_of_process() -> int:
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0


class Voices:
    """A connection in every guild of a bot, and a song in the first ones.

    Attributes:
        clients: the connections.
        connected: when those that were lost were connected again, by guild.
    """

    def __init__(self, bot: Any, playing: int) -> None:
        self._bot, self._playing = bot, playing
        self.clients: list[Any] = []
        self.connected: dict[int, float] = {}
        self._lost = 0
        self._all = asyncio.Event()
        # To ask a thousand of them again and again would cost more than what is measured.
        bot.event(self.on_voice_connection_state_update)

    async def on_voice_connection_state_update(self, voice: Any, state: isocord.ConnectionState) -> None:
        if state.phase is isocord.Phase.CONNECTED:
            self.connected.setdefault(voice.guild.id, time.monotonic())
            if len(self.connected) == self._lost:
                self._all.set()

    def late(self) -> int:
        """Slots so far for which a source had no frame in time, or the clock was too late itself."""
        stats = [voice.stats for voice in self.clients[: self._playing]]
        return sum(one.underruns + one.missed_slots for one in stats)

    def lose(self, count: int) -> None:
        """So many will be lost."""
        self.connected.clear()
        self._all.clear()
        self._lost = count

    async def come_back(self) -> None:
        """Wait for them, for a while."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._all.wait(), LIMIT)

    async def connect(self) -> None:
        self.clients += await asyncio.gather(*map(self._connect, self._bot.guilds))
        for voice in self.clients[: self._playing]:
            voice.play(Numbered())

    async def _connect(self, guild: Any) -> Any:
        return await guild.voice_channels[0].connect(cls=isocord.VoiceClient, timeout=LIMIT)


class Lateness:
    """How late the bot's loop is at most, in seconds, while it is entered."""

    async def __aenter__(self) -> Lateness:
        self.most = 0.0
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + _LOOK
            await asyncio.sleep(_LOOK)
            self.most = max(self.most, time.monotonic() - due)


def longest_gap(arrivals: list[Any]) -> float:
    """Between two packets, in milliseconds."""
    times = [arrival.time_ns for arrival in arrivals]
    return max((after - before for before, after in pairwise(times)), default=0) / 1e6


async def cut(
    discord: FakeDiscordProcess, voices: Voices, spared: int, listeners: dict[int, Any], kind: MishapKind
) -> dict[str, Any]:
    """Let it happen to all but the spared at once; gives the figures."""
    guilds = [voice.guild.id for voice in voices.clients]
    others, lost = guilds[:spared], guilds[spared:]
    for listener in listeners.values():
        await asyncio.to_thread(listener.clear)
    voices.lose(len(lost))
    late = voices.late()
    cpu, began = time.process_time(), time.monotonic()
    happening = asyncio.create_task(asyncio.to_thread(discord.stage_everywhere, Mishap(kind), spared=others))
    async with Lateness() as lateness:
        await voices.come_back()
    cpu = time.process_time() - cpu
    await happening
    # Until everybody's frames come again.
    await asyncio.sleep(2.0)
    missed, silent, gaps = 0, 0, {}
    for guild_id, listener in listeners.items():
        arrivals = await asyncio.to_thread(listener.take)
        numbers = {number_of(a.opus) for a in arrivals if a.opus is not None and len(a.opus) > 5}
        missed += max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0
        fresh = time.time_ns() - 1_500_000_000
        silent += not any(a.time_ns > fresh for a in arrivals)
        gaps[guild_id] = longest_gap(arrivals)
    times = sorted(when - began for when in voices.connected.values())
    return {
        "back": f"{len(times)} of {len(lost)}",
        "half were back after": round(times[len(times) // 2], 3) if times else None,
        "all were back after": round(times[-1], 3) if times else None,
        "cpu seconds": round(cpu, 2),
        "cpu milliseconds of each": round(1e3 * cpu / len(lost), 2),
        "frames that listeners lack": missed,
        "listeners that hear nothing": silent,
        "longest gap of the lost in ms": round(max(gaps.get(guild, 0.0) for guild in lost), 1),
        "longest gap of the spared in ms": round(max((gaps.get(guild, 0.0) for guild in others), default=0.0), 1),
        "frames that were not there in time": voices.late() - late,
        "the bot's loop was late by ms, at most": round(1e3 * lateness.most, 1),
    }


async def bench(discord: FakeDiscordProcess, playing: int, spared: int) -> dict[str, Any]:
    bot = pycord.Client(intents=pycord.Intents.default())
    running = asyncio.create_task(bot.start(discord.token))
    await asyncio.wait_for(bot.wait_for("ready"), LIMIT)
    listeners = {}
    # In the order of the bot's, of which the first play.
    order = {guild.id: number for number, guild in enumerate(bot.guilds)}
    for guild in sorted(discord.guilds, key=lambda guild: order[guild.id])[:playing]:
        channel = next(channel for channel in guild.channels.values() if channel.name == "General")
        member = next(member.id for member in guild.members.values() if member.user.name == "alice")
        listeners[guild.id] = await asyncio.to_thread(discord.listen, channel.id, user=member, only=discord.bot.id)
    began, cpu = time.monotonic(), time.process_time()
    voices = Voices(bot, playing)
    await voices.connect()
    connected, cpu = time.monotonic() - began, time.process_time() - cpu
    await asyncio.sleep(3.0)
    figures: dict[str, Any] = {
        "connections": len(voices.clients),
        "playing": len(listeners),
        "connect": {"seconds": round(connected, 2), "cpu seconds": round(cpu, 2)},
        "threads of the process": threads_of_process(),
        "websockets cut": await cut(discord, voices, spared, listeners, MishapKind.WEBSOCKET_CUT),
        "sessions gone": await cut(discord, voices, spared, listeners, MishapKind.SESSION_FORGOTTEN),
    }
    await bot.close()
    await asyncio.wait([running], timeout=5)
    if running.done() and not running.cancelled():
        # Whatever the library makes of being closed in the midst of something.
        running.exception()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--playing", type=int, default=200, help="how many of them play, to a listener each")
    parser.add_argument("--spared", type=int, default=5, help="of which nothing happens to these")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    pycord.gateway.GatewayRatelimiter.__init__.__defaults__ = (1_000_000, 60.0)
    with FakeDiscordProcess(guilds=options.connections) as discord:
        figures = asyncio.run(bench(discord, options.playing, options.spared))
    print(json.dumps(figures, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    lost = figures["connections"] - options.spared
    whole = f"{lost} of {lost}"
    return 0 if all(figures[name]["back"] == whole for name in ("websockets cut", "sessions gone")) else 1


if __name__ == "__main__":
    sys.exit(main())
