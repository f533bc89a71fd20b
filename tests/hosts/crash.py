"""A bot that records and is killed in the midst of it; prints how long it had been spoken to. Run by a test."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import signal
import sys

import isocord
from isocord import testing

from .. import loops


def sink_of(place: str, kind: str, *given: str) -> isocord.sinks.FileSink:
    options = {name: int(value) for name, _, value in (option.partition("=") for option in given)}
    if options.pop("opened", 0):
        # A file object with a buffer of its own.
        target = open(os.path.join(place, "opened"), "wb")  # noqa: SIM115
        return getattr(isocord.sinks, kind)(target, mixdown=True, **options)  # type: ignore[no-any-return]
    return getattr(isocord.sinks, kind)(place, **options)  # type: ignore[no-any-return]


async def main(place: str, *sink: str) -> None:
    name = next(name for name in ("discord", "disnake", "nextcord", "hikari") if importlib.util.find_spec(name))
    library = importlib.import_module("tests.hosts.hikari_names" if name == "hikari" else name)
    async with testing.FakeDiscord() as discord:
        bot = library.Client(intents=library.Intents.default())
        running = asyncio.create_task(bot.start(discord.token))
        while not (bot.is_ready() and bot.guilds):
            await asyncio.sleep(0.01)
        channel = next(channel for channel in bot.guilds[0].voice_channels if channel.name == "General")
        voice = await channel.connect(cls=isocord.VoiceClient)
        bob = discord.speak("General", user="bob")
        voice.start_recording(sink_of(place, *sink))
        bob.play(testing.tone(440, 30.0))
        while bob.sent < 150:
            await asyncio.sleep(0.01)
        print(bob.sent * 0.02, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        await running


loops.use()
asyncio.run(main(*sys.argv[1:]))
