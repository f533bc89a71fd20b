"""A real py-cord bot, logged in to the fake Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord

from ...testing import FakeDiscordProcess

_LOGIN = 20.0


@asynccontextmanager
async def channel_of_bot(fake: FakeDiscordProcess, name: str = "General") -> AsyncIterator[Any]:
    """The voice channel as the bot sees it."""
    # py-cord's own classes are not typed.
    make_bot: Any = discord.Bot
    bot = make_bot(intents=discord.Intents.default())
    running = asyncio.create_task(bot.start(fake.token))
    try:
        await asyncio.wait_for(bot.wait_for("ready"), _LOGIN)
        channel = discord.utils.get(bot.guilds[0].voice_channels, name=name)
        assert channel is not None
        yield channel
    finally:
        await bot.close()
        await asyncio.wait([running], timeout=5)
        if running.done():
            # py-cord's start() may end with "Session is closed" when the bot is closed.
            running.exception()
