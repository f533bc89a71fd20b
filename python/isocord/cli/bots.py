"""A bot of whichever library is installed, for ``isocord play``: it is logged in, and about to join one channel."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import isocord

from ..hosts import present_packages

LOGIN = 30.0
"""Seconds that logging in may take, and as many that joining may."""
_CLOSING = 5.0


class CannotError(Exception):
    """What keeps it from playing, told to the user as it stands."""


class Place(NamedTuple):
    """A channel as the bot sees it."""

    name: str
    join: Callable[[], Awaitable[Any]]
    """Gives an :class:`isocord.VoiceClient` that is connected."""


def channel(token: str, guild_id: int, channel_id: int) -> AbstractAsyncContextManager[Place]:
    """The channel, for as long as the bot is logged in.

    Raises:
        CannotError: it cannot log in, or there is no such channel.
    """
    package = present_packages()[0]
    opened = _of_hikari if package == "hikari" else _of_discords_family
    return opened(importlib.import_module(package), token, guild_id, channel_id)


@asynccontextmanager
async def _of_discords_family(library: Any, token: str, guild_id: int, channel_id: int) -> AsyncIterator[Place]:
    intents = library.Intents.none()
    intents.guilds = intents.voice_states = True
    bot = library.Client(intents=intents)
    running = asyncio.create_task(bot.start(token), name="isocord-play-bot")
    try:
        ready = asyncio.create_task(bot.wait_until_ready())
        await asyncio.wait([running, ready], timeout=LOGIN, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            raise _refused(running.exception())
        if not ready.done():
            ready.cancel()
            raise CannotError(f"the bot did not get ready within {LOGIN:.0f} s")
        guild = bot.get_guild(guild_id)
        if guild is None:
            raise _no_guild(guild_id)
        found = guild.get_channel(channel_id)
        if found is None or not hasattr(found, "connect"):
            raise _no_channel(guild, channel_id)
        yield Place(str(found), lambda: found.connect(cls=isocord.VoiceClient, timeout=LOGIN))
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(bot.close(), _CLOSING)
        running.cancel()
        await asyncio.wait([running], timeout=_CLOSING)
        if running.done() and not running.cancelled():
            # Libraries may end start() with an error when the bot is closed.
            running.exception()


@asynccontextmanager
async def _of_hikari(hikari: Any, token: str, guild_id: int, channel_id: int) -> AsyncIterator[Place]:
    intents = hikari.Intents.GUILDS | hikari.Intents.GUILD_VOICE_STATES
    try:
        bot = hikari.GatewayBot(token, intents=intents, banner=None, logs=None, suppress_optimization_warning=True)
    except ValueError as error:
        raise _refused(error) from None
    try:
        try:
            await asyncio.wait_for(bot.start(check_for_updates=False), LOGIN)
        except asyncio.TimeoutError:
            raise CannotError(f"the bot did not get ready within {LOGIN:.0f} s") from None
        except hikari.HikariError as error:
            raise _refused(error) from None
        try:
            guild = await bot.rest.fetch_guild(guild_id)
        except (hikari.ForbiddenError, hikari.NotFoundError):
            raise _no_guild(guild_id) from None
        kinds = (hikari.GuildVoiceChannel, hikari.GuildStageChannel)
        found = next((one for one in await bot.rest.fetch_guild_channels(guild) if one.id == channel_id), None)
        if not isinstance(found, kinds):
            raise _no_channel(guild, channel_id)

        async def join() -> Any:
            joining = bot.voice.connect_to(guild, found, isocord.VoiceClient, timeout=LOGIN)
            try:
                return await asyncio.wait_for(joining, LOGIN)
            except (asyncio.TimeoutError, hikari.VoiceError) as error:
                raise CannotError(str(error) or f"the bot could not join within {LOGIN:.0f} s") from None

        yield Place(str(found), join)
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(bot.close(), _CLOSING)


def _refused(error: BaseException | None) -> CannotError:
    return CannotError(f"the bot cannot log in: {type(error).__name__}: {error}")


def _no_guild(guild_id: int) -> CannotError:
    return CannotError(f"the bot is in no guild {guild_id}")


def _no_channel(guild: object, channel_id: int) -> CannotError:
    return CannotError(f"{guild} has no voice channel {channel_id} that the bot may see")
