"""The bot that is measured: one job in a process of its own, ``python -m timing.bot JOB`` with a JSON object.

The result is the last line of standard output, as JSON. Times are nanoseconds since 1970, as the kernel's stamps.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import discord

import isocord
from isocord.cli.demo.load import Load
from isocord.testing import Addresses
from isocord.testing.patching import patched

from . import assistant
from .sounds import Tune

Job = dict[str, Any]

_LOGIN_LIMIT = 30.0
_CONNECT_LIMIT = 150.0
"""py-cord itself sends its gateway 110 messages a minute at most, and each connect takes one."""
_WARM_UP = 1.0
_PAUSE = 0.3


async def cell(bot: discord.Bot, job: Job) -> dict[str, Any]:
    """Connect and play for a while under a load."""
    source = Tune.at(Path(job["tune"])).source(job["source"])
    async with Load(threads=job["threads"], block=job["block"]):
        await asyncio.sleep(_PAUSE)
        begin, begin_ns = time.monotonic(), time.time_ns()
        voice = await _connect(bot.guilds[0], job["client"])
        connected = time.monotonic() - begin
        voice.play(source)
        await asyncio.sleep(_WARM_UP)
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(job["seconds"])
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        stop_ns = time.time_ns()
        voice.stop()
    await asyncio.sleep(_PAUSE)
    await voice.disconnect()
    return {"begin_ns": begin_ns, "stop_ns": stop_ns, "connect": connected, "cpu": cpu / wall}


async def connects(bot: discord.Bot, job: Job) -> dict[str, Any]:
    """Connect, play a little and leave, several times; the first time is the cold one."""
    rounds = []
    for _ in range(job["rounds"]):
        source = Tune.at(Path(job["tune"])).source("pcm")
        begin, begin_ns = time.monotonic(), time.time_ns()
        voice = await _connect(bot.guilds[0], job["client"])
        connected = time.monotonic() - begin
        voice.play(source)
        await asyncio.sleep(_PAUSE)
        rounds.append({"begin_ns": begin_ns, "stop_ns": time.time_ns(), "connect": connected})
        voice.stop()
        await asyncio.sleep(_PAUSE)
        await voice.disconnect()
        await asyncio.sleep(_PAUSE)
    return {"rounds": rounds}


async def scale(bot: discord.Bot, job: Job) -> dict[str, Any]:
    """More and more streams at once, each in a guild of its own."""
    source, voices, steps = Tune.at(Path(job["tune"])).sources(job["source"]), list[Any](), []
    for count in job["counts"]:
        alone = _resident()
        for guild in bot.guilds[len(voices) : count]:
            voices.append(await _connect(guild, "isocord"))
        await asyncio.sleep(_WARM_UP)
        connected = _resident()
        for voice in voices:
            if not voice.is_playing():
                voice.play(source())
        await asyncio.sleep(_WARM_UP)
        begin_ns, cpu, wall = time.time_ns(), time.process_time(), time.monotonic()
        await asyncio.sleep(job["seconds"])
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        steps.append(
            {
                "begin_ns": begin_ns,
                "stop_ns": time.time_ns(),
                "cpu": cpu / wall / count,
                "resident": [alone, connected, _resident()],
                "underruns": sum(voice.stats.underruns for voice in voices),
                "missed": sum(voice.stats.missed_slots for voice in voices),
                "send_errors": sum(voice.stats.send_errors for voice in voices),
            }
        )
    await asyncio.gather(*(voice.disconnect() for voice in voices))
    return {"steps": steps}


async def assist(bot: discord.Bot, job: Job) -> dict[str, Any]:
    """Speak, answer, or be interrupted, under a load."""
    voice = await _connect(bot.guilds[0], job["client"])
    async with Load(threads=job["threads"], block=False):
        result = await (assistant.speak(voice, job) if job["part"] == "mouth" else assistant.listen(voice, job))
    await voice.disconnect()
    return result


async def _connect(guild: discord.Guild, client: str) -> Any:
    channel = guild.voice_channels[0]
    connecting = (
        channel.connect(cls=isocord.VoiceClient, timeout=_CONNECT_LIMIT) if client == "isocord" else channel.connect()
    )
    voice = await asyncio.wait_for(connecting, _CONNECT_LIMIT)
    if not voice.is_connected():
        raise RuntimeError("connect() has returned an unconnected client")
    return voice


def _resident() -> int:
    """Bytes of memory that the process holds, or 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


_WORK: dict[str, Callable[[discord.Bot, Job], Awaitable[dict[str, Any]]]] = {
    "assist": assist,
    "cell": cell,
    "connects": connects,
    "scale": scale,
}


async def _run(job: Job) -> dict[str, Any]:
    bot = discord.Bot(intents=discord.Intents.default(), guild_ready_timeout=0.5)
    running = asyncio.create_task(bot.start(job["token"]))
    try:
        await asyncio.wait_for(bot.wait_for("ready"), _LOGIN_LIMIT)
        return await _WORK[job["work"]](bot, job)
    finally:
        await asyncio.wait_for(bot.close(), _LOGIN_LIMIT)
        await asyncio.wait([running], timeout=5)
        if running.done():
            # py-cord's start() may end with "Session is closed" when the bot is closed.
            running.exception()


def main() -> None:
    job = json.loads(sys.argv[1])
    with patched(Addresses(**job["addresses"])):
        result = asyncio.run(_run(job))
    print(json.dumps(result), flush=True)
    # The stock client may leave threads behind that never end.
    os._exit(0)


if __name__ == "__main__":
    main()
