#!/usr/bin/env python3
"""Many voice connections of one process, all cut at once: when all are back, what the listeners missed, what it cost.

The fake Discord is a process of its own, with a listener in each call; end-to-end encryption is on. First every
voice websocket breaks (resumes), then every voice session is gone (new joins, which py-cord's own limit of 110 gateway
messages a minute would stretch; the bench lifts it).

    python benches/python/reconnect_many.py [--connections 200] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import discord as pycord
from numbered import Numbered, number_of

import isocord
from isocord.testing import FakeDiscordProcess, Mishap, MishapKind

LIMIT = 60.0


def threads_of_process() -> int:
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0


async def connect_all(bot: Any) -> list[Any]:
    """A connection in every guild, and a song in every connection."""

    async def one(guild: Any) -> Any:
        voice = await guild.voice_channels[0].connect(cls=isocord.VoiceClient, timeout=LIMIT)
        voice.play(Numbered())
        return voice

    return list(await asyncio.gather(*(one(guild) for guild in bot.guilds)))


async def cut(
    discord: FakeDiscordProcess, bot: Any, voices: list[Any], listeners: dict[int, Any], kind: MishapKind
) -> Any:
    """Let it happen to everybody at once; gives the figures."""
    counter = "resumes" if kind is MishapKind.WEBSOCKET_CUT else "reconnects"
    before = [getattr(voice.stats, counter) for voice in voices]
    for listener in listeners.values():
        await asyncio.to_thread(listener.clear)
    await asyncio.sleep(0.5)
    cpu, began = time.process_time(), time.monotonic()
    await asyncio.to_thread(discord.stage_everywhere, Mishap(kind))
    back: dict[int, float] = {}
    while len(back) < len(voices) and time.monotonic() < began + LIMIT:
        for number, voice in enumerate(voices):
            done = number not in back and getattr(voice.stats, counter) > before[number]
            if done and voice.state.phase is isocord.Phase.CONNECTED:
                back[number] = time.monotonic() - began
        await asyncio.sleep(0.01)
    cpu = time.process_time() - cpu
    # Until everybody's frames come again.
    await asyncio.sleep(2.0)
    lost, silent = 0, 0
    for listener in listeners.values():
        arrivals = await asyncio.to_thread(listener.take)
        numbers = {number_of(a.opus) for a in arrivals if a.opus is not None and len(a.opus) > 5}
        lost += max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0
        fresh = time.time_ns() - 1_500_000_000
        silent += not any(a.time_ns > fresh for a in arrivals)
    times = sorted(back.values())
    return {
        "back": f"{len(back)} of {len(voices)}",
        "half were back after": round(times[len(times) // 2], 3) if times else None,
        "all were back after": round(times[-1], 3) if times else None,
        "frames lost by all listeners": lost,
        "listeners that hear nothing": silent,
        "cpu seconds": round(cpu, 2),
    }


async def bench(discord: FakeDiscordProcess) -> dict[str, Any]:
    bot = pycord.Client(intents=pycord.Intents.default())
    running = asyncio.create_task(bot.start(discord.token))
    await asyncio.wait_for(bot.wait_for("ready"), LIMIT)
    listeners = {}
    for guild in discord.guilds:
        channel = next(channel for channel in guild.channels.values() if channel.name == "General")
        member = next(member.id for member in guild.members.values() if member.user.name == "alice")
        listeners[guild.id] = await asyncio.to_thread(discord.listen, channel.id, user=member, only=discord.bot.id)
    began, cpu = time.monotonic(), time.process_time()
    voices = await connect_all(bot)
    connected, cpu = time.monotonic() - began, time.process_time() - cpu
    await asyncio.sleep(3.0)
    figures: dict[str, Any] = {
        "connections": len(voices),
        "connect": {"seconds": round(connected, 2), "cpu seconds": round(cpu, 2)},
        "threads of the process": threads_of_process(),
        "websockets cut": await cut(discord, bot, voices, listeners, MishapKind.WEBSOCKET_CUT),
        "sessions gone": await cut(discord, bot, voices, listeners, MishapKind.SESSION_FORGOTTEN),
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
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    pycord.gateway.GatewayRatelimiter.__init__.__defaults__ = (1_000_000, 60.0)
    with FakeDiscordProcess(guilds=options.connections) as discord:
        figures = asyncio.run(bench(discord))
    print(json.dumps(figures, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    whole = f"{figures['connections']} of {figures['connections']}"
    return 0 if all(figures[name]["back"] == whole for name in ("websockets cut", "sessions gone")) else 1


if __name__ == "__main__":
    sys.exit(main())
