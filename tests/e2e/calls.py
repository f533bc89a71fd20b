"""A py-cord bot in encrypted calls of a fake Discord, and what is played and heard there."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord as pycord
import numpy as np
from discord.gateway import KeepAliveHandler

import isocord
from isocord.testing import FakeDiscord, FakeDiscordProcess, GuildSpec, Listener, tone

CONNECT = 30.0


class Call:
    """A bot that is logged in to a fake Discord, and the events it dispatched."""

    def __init__(self, discord: FakeDiscord, bot: pycord.Bot) -> None:
        self.discord = discord
        self.bot = bot
        self.codes: list[str | None] = []

    async def join(self, name: str = "General", cls: Any = isocord.VoiceClient) -> Any:
        channel = pycord.utils.get(self.bot.guilds[0].voice_channels, name=name)
        return await asyncio.wait_for(channel.connect(cls=cls), CONNECT)

    async def settled(self, name: str = "General") -> None:
        """Until everybody is in the group and has its keys."""
        encryption = self.discord.encryption(name)
        assert encryption is not None
        await self.discord.wait_for(lambda: encryption.settled, timeout=15, what="one group of all")

    async def agreed(self, voice: isocord.VoiceClient, *others: Any) -> None:
        """Until the bot and these show one privacy code: native threads have a new key before anyone is told."""

        def codes() -> set[str | None]:
            return {voice.privacy_code, *(other.privacy_code for other in others)}

        await self.discord.wait_for(lambda: len(codes()) == 1 and None not in codes(), timeout=15, what="one code")

    async def heard(self, listener: Listener, number: int) -> None:
        """Until so many more packets have come."""
        wanted = len(listener.arrivals()) + number
        await self.discord.wait_for(lambda: len(listener.arrivals()) >= wanted, timeout=15, what="packets")


async def close(bot: pycord.Bot, task: asyncio.Task[None]) -> None:
    """End a py-cord bot with all that it leaves behind."""
    await bot.close()
    # start() may raise "Session is closed" when the bot is closed, whatever server it talks to.
    await asyncio.wait([task], timeout=10)
    assert task.done()
    task.exception()
    # Heartbeat threads of voice websockets that the server closed go on, and fail once the loop is closed.
    for thread in threading.enumerate():
        if isinstance(thread, KeepAliveHandler):
            thread.stop()
            thread.join(5)


@asynccontextmanager
async def logged_in(discord: FakeDiscord | FakeDiscordProcess) -> AsyncIterator[pycord.Bot]:
    """A bot in a fake Discord."""
    bot = pycord.Bot(intents=pycord.Intents.all())
    task = asyncio.create_task(bot.start(discord.token))
    try:
        await asyncio.wait_for(bot.wait_for("ready"), 20)
        yield bot
    finally:
        await close(bot, task)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Call]:
    guild = GuildSpec(members=("alice", "bob", "carol", "dora"))
    async with FakeDiscord([guild], **options) as discord, logged_in(discord) as bot:
        call = Call(discord, bot)

        @bot.event
        async def on_voice_privacy_code_update(voice: isocord.VoiceClient, code: str | None) -> None:
            call.codes.append(code)

        yield call


def song(frequency: float, seconds: float) -> pycord.PCMAudio:
    return pycord.PCMAudio(io.BytesIO(tone(frequency, seconds)))


def loudest_frequency(pcm: bytes) -> float:
    left = np.frombuffer(pcm, "<i2")[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left * np.hanning(len(left))))
    return float(spectrum.argmax() * 48_000 / len(left))
