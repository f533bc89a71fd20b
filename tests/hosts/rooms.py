"""A bot in a voice channel of each of several guilds, and who listens there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from .ears import Ear
from .world import World, logged_in, until


class Room:
    """A guild's voice channel: who listens there, and the bot's connection."""

    def __init__(self, channel: Any, listener: Any) -> None:
        self.channel, self.listener = channel, listener
        self.ear = Ear(listener)
        self.voice: Any = None

    @property
    def packets(self) -> list[bytes]:
        return [arrival.opus for arrival in self.listener.arrivals() if not arrival.is_silence]

    async def hears(self, more: int) -> None:
        """Wait for so many packets more."""
        wanted = len(self.packets) + more
        await until(lambda: len(self.packets) >= wanted)

    async def hears_tones(self, levels: dict[float, float]) -> None:
        """Wait until tones are as loud as that, all at once."""
        await until(
            lambda: self.packets and all(abs(self.ear.tone(pitch) - level) < 0.06 for pitch, level in levels.items())
        )


@asynccontextmanager
async def rooms(count: int, **options: Any) -> AsyncIterator[tuple[World, list[Room]]]:
    """As many guilds; the bot has joined none of their channels."""
    async with logged_in(guilds=count, **options) as world:
        made = []
        for guild in world.bot.guilds:
            channel = next(channel for channel in guild.voice_channels if channel.name == "General")
            made.append(Room(channel, world.discord.listen(channel.id, user="alice")))
        yield world, made
