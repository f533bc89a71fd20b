"""A bot that records until it is killed: ``-m tests.hosts.crash FOLDER PACKETS SINK[,name=value...] ...``.

It kills itself when that many packets have been said to it since something was written, and prints for how long all
that was; with 0 it prints when it began, by the system's clock, and waits for somebody else to. Run by tests.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

import isocord
from isocord import testing

from .. import loops


def sink_of(folder: str, kind: str, *given: str) -> isocord.sinks.FileSink:
    """A sink that writes into the folder; ``mixdown``, ``tracks`` and ``opened`` say how."""
    options = {name: int(value) for name, _, value in (option.partition("=") for option in given)}
    made = getattr(isocord.sinks, kind)
    whole = os.path.join(folder, f"all.{made.encoding}")
    if options.pop("opened", 0):
        # A file object with a buffer of its own.
        return made(open(os.path.join(folder, "opened"), "wb"), mixdown=True, **options)  # type: ignore[no-any-return]
    if options.pop("tracks", 0):
        return made(whole, tracks=True, **options)  # type: ignore[no-any-return]
    if options.pop("mixdown", 0):
        return made(folder, mixdown=whole, **options)  # type: ignore[no-any-return]
    return made(folder, **options)  # type: ignore[no-any-return]


async def main(place: str, count: str, *sinks: str) -> None:
    name = next(name for name in ("discord", "disnake", "nextcord", "hikari") if importlib.util.find_spec(name))
    library = importlib.import_module("tests.hosts.hikari_names" if name == "hikari" else name)
    packets = int(count)
    async with testing.FakeDiscord() as discord:
        bot = library.Client(intents=library.Intents.default())
        running = asyncio.create_task(bot.start(discord.token))
        while not (bot.is_ready() and bot.guilds):
            await asyncio.sleep(0.01)
        channel = next(channel for channel in bot.guilds[0].voice_channels if channel.name == "General")
        voice = await channel.connect(cls=isocord.VoiceClient)
        speakers = [discord.speak("General", user=user) for user in ("bob", "alice")[: 1 if packets else 2]]

        def speak() -> None:
            for speaker, pitch in zip(speakers, (440, 1000), strict=False):
                speaker.play(testing.tone(pitch, 30.0))

        if not packets:
            speak()
        while not packets and any(speaker.sent < 10 for speaker in speakers):
            await asyncio.sleep(0.01)
        for index, sink in enumerate(sinks):
            folder = os.path.join(place, str(index)) if len(sinks) > 1 else place
            os.makedirs(folder, exist_ok=True)
            voice.start_recording(sink_of(folder, *sink.split(",")), sync_start=not packets)
            if not packets:
                print(time.monotonic(), flush=True)
        if packets:
            speak()
        # A busy machine may take its time until something is written.
        while packets and not any(file.is_file() and file.stat().st_size for file in Path(place).rglob("*")):
            await asyncio.sleep(0.01)
        last = speakers[0].sent + packets
        while not packets or speakers[0].sent < last:
            await asyncio.sleep(0.01)
        print(speakers[0].sent * 0.02, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        await running


loops.use()
asyncio.run(main(*sys.argv[1:]))
