"""A bot of any bot library that connects again and again, ``python -m timing.peer JOB`` with a JSON object.

It runs in the environment of that library. The result is the last line of standard output, as JSON; times are
nanoseconds since 1970, as the kernel's stamps.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
import time
from typing import Any

import isocord
from isocord.cli.demo.load import Load
from isocord.testing import Addresses
from isocord.testing.patching import patched

library: Any = importlib.import_module(
    next(name for name in ("disnake", "nextcord", "discord") if importlib.util.find_spec(name))
)
FRAME = b"\xfc" + bytes(60)
"""Opus, and no silence frame: 20 ms of stereo."""
_LIMIT = 30.0
_PAUSE = 0.4
_PERIOD = 0.5


class Frames(library.AudioSource):  # type: ignore[misc, name-defined]
    """Opus packets without end, so that no library needs libopus."""

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        return FRAME


async def connects(bot: Any, job: dict[str, Any]) -> list[dict[str, float]]:
    """When each connect began, how long it took in seconds, and when it was left again."""
    channel, rounds = bot.guilds[0].voice_channels[0], []
    # What is imported belongs to the start of a program.
    options = {"cls": isocord.VoiceClient} if job["client"] == "isocord" else {}
    for number in range(job["rounds"]):
        async with Load(threads=job["threads"], block=job["block"]):
            # At every moment of the load alike, for a loop is blocked half of the time.
            await asyncio.sleep(_PAUSE + _PERIOD * number / job["rounds"])
            began, began_ns = time.monotonic(), time.time_ns()
            voice = await asyncio.wait_for(channel.connect(**options), _LIMIT)
            connected = time.monotonic() - began
            voice.play(Frames())
            await asyncio.sleep(job["seconds"])
            rounds.append({"begin_ns": began_ns, "stop_ns": time.time_ns(), "connect": connected})
        voice.stop()
        await voice.disconnect(force=True)
        await asyncio.sleep(_PAUSE)
    return rounds


async def run(job: dict[str, Any]) -> list[dict[str, float]]:
    bot = library.Client(intents=library.Intents.default())
    running = asyncio.create_task(bot.start(job["token"]))
    try:
        # discord.py waits for events only once its start() runs.
        await asyncio.sleep(0)
        await asyncio.wait_for(bot.wait_until_ready(), _LIMIT)
        return await connects(bot, job)
    finally:
        running.cancel()


def main() -> None:
    job = json.loads(sys.argv[1])
    with patched(Addresses(**job["addresses"])):
        rounds = asyncio.run(run(job))
    print(json.dumps({"library": f"{library.__title__} {library.__version__}", "rounds": rounds}), flush=True)
    # Clients of others may leave threads behind that never end.
    os._exit(0)


if __name__ == "__main__":
    main()
