"""A bot of whichever library is installed, for a command: it is logged in, and about to join one channel."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import isocord

from ..hosts import present_packages
from .terminal import LIBRARIES, CannotError, output

if TYPE_CHECKING:
    from rich.console import Console

TOKEN = "DISCORD_TOKEN"  # noqa: S105 - the name of it
LOGIN = 30.0
"""Seconds that logging in may take, and as many that joining may."""
_CLOSING = 5.0
_ANSWER = 5.0
_ASKED = 100


def prepared(*, as_json: bool) -> tuple[str, Console | None]:
    """The token, and the terminal unless lines of JSON are wanted.

    Raises:
        CannotError: there is no token, no bot library, or nothing to show anything with.
    """
    token = os.environ.get(TOKEN, "").strip()
    out = output(as_json=as_json)
    if not token:
        raise CannotError(f"the bot's token is taken from the environment variable {TOKEN}, which is not set")
    if not present_packages():
        raise CannotError(f"no bot library is installed: {LIBRARIES}")
    return token, out


class Place(NamedTuple):
    """A channel as the bot sees it."""

    name: str
    join: Callable[[], Awaitable[Any]]
    """Gives an :class:`isocord.VoiceClient` that is connected."""
    people: Callable[[Any], set[int]]
    """The users, bots left out, who are in the channel that this client is in."""
    know: Callable[[Any], Awaitable[None]]
    """Has the library learn the names of those, which Discord tells unasked only of people who come later."""


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

        def people(voice: Any) -> set[int]:
            members = {user: guild.get_member(user) for user in voice.channel.voice_states if user != bot.user.id}
            return {user for user, member in members.items() if member is None or not member.bot}

        async def know(voice: Any) -> None:
            users = sorted(people(voice))
            # So many may be asked for at once; without names the ids have to do.
            with contextlib.suppress(asyncio.TimeoutError):
                for some in (users[at : at + _ASKED] for at in range(0, len(users), _ASKED)):
                    await asyncio.wait_for(guild.query_members(user_ids=some, limit=len(some)), _ANSWER)

        yield Place(str(found), lambda: found.connect(cls=isocord.VoiceClient, timeout=LOGIN), people, know)
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

        def people(voice: Any) -> set[int]:
            states = bot.cache.get_voice_states_view_for_channel(guild, voice.channel_id).values()
            return {int(state.user_id) for state in states if not state.member.is_bot}

        async def know(voice: Any) -> None:
            """It comes with the voice states."""

        yield Place(str(found), join, people, know)
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(bot.close(), _CLOSING)


@asynccontextmanager
async def joined(place: Place) -> AsyncIterator[Any]:
    """A voice connection, which is left at the end."""
    voice = await place.join()
    try:
        yield voice
    finally:
        await voice.disconnect()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C, and the wish of a service manager, cancel this task once; another one is as hard as ever."""
    task, loop, caught = asyncio.current_task(), asyncio.get_running_loop(), list[int]()
    assert task is not None

    def cancel() -> None:
        while caught:
            loop.remove_signal_handler(caught.pop())
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        # On Windows, and outside the main thread, asyncio.run does what can be done.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, cancel)
            caught.append(number)
    try:
        yield
    finally:
        while caught:
            loop.remove_signal_handler(caught.pop())


def _refused(error: BaseException | None) -> CannotError:
    return CannotError(f"the bot cannot log in: {type(error).__name__}: {error}")


def _no_guild(guild_id: int) -> CannotError:
    return CannotError(f"the bot is in no guild {guild_id}")


def _no_channel(guild: object, channel_id: int) -> CannotError:
    return CannotError(f"{guild} has no voice channel {channel_id} that the bot may see")
