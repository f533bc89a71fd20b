"""Bots in interpreters of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from .world import library

START = f"""
    import asyncio, os, sys, threading, time
    import {library.__name__} as library
    import isocord
    from isocord.testing import FakeDiscord
    from tests import loops

    loops.use()

    class Tone(library.AudioSource):
        def read(self):
            return b"\\1\\2" * 1920

    class Stuck(library.AudioSource):
        def read(self):
            time.sleep(600)

    async def connect(discord):
        bot = library.Client(intents=library.Intents.default())
        bot.running = asyncio.create_task(bot.start(discord.token))
        while not (bot.is_ready() and bot.guilds):
            await asyncio.sleep(0.01)
        channel = bot.guilds[0].voice_channels[0]
        return bot, await channel.connect(cls=isocord.VoiceClient, timeout=30)
"""


def run(code: str, *, limit: float = 100.0) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(START) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=limit, check=False)
