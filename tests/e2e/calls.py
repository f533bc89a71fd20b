"""A py-cord bot in encrypted calls of a fake Discord, and what is played and heard there."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord as pycord
import numpy as np

import isocord
from isocord.testing import FakeDiscord, GuildSpec, Listener, tone

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


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Call]:
    guild = GuildSpec(members=("alice", "bob", "carol", "dora"))
    async with FakeDiscord([guild], **options) as discord:
        bot = pycord.Bot(intents=pycord.Intents.all())
        call = Call(discord, bot)

        @bot.event
        async def on_voice_privacy_code_update(voice: isocord.VoiceClient, code: str | None) -> None:
            call.codes.append(code)

        async with discord.running(bot):
            yield call


def song(frequency: float, seconds: float) -> pycord.PCMAudio:
    return pycord.PCMAudio(io.BytesIO(tone(frequency, seconds)))


def loudest_frequency(pcm: bytes) -> float:
    left = np.frombuffer(pcm, "<i2")[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left * np.hanning(len(left))))
    return float(spectrum.argmax() * 48_000 / len(left))
