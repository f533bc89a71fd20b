"""``isocord play``: a bot that joins a channel, plays one file or URL there, and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

import isocord

from ..errors import AudioFileError, IsocordError
from ..hosts import present_packages
from .progress import Progress, progress
from .terminal import INTERRUPTED, NEEDS_RICH, complain, console

TOKEN = "DISCORD_TOKEN"  # noqa: S105 - the name of it
_LOGIN = 30.0
_LOOK = 0.25
_CLOSING = 5.0


class _CannotError(Exception):
    """What keeps it from playing, told to the user as it stands."""


def run(source: str, *, guild_id: int, channel_id: int, as_json: bool) -> int:
    """Play ``source``; returns the exit status: 2 where it could not begin, 1 where it failed, 130 after a Ctrl-C."""
    token = os.environ.get(TOKEN, "").strip()
    out = None if as_json else console()
    wrong = None
    if not as_json and out is None:
        wrong = NEEDS_RICH
    elif not token:
        wrong = f"the bot's token is taken from the environment variable {TOKEN}, which is not set"
    elif not present_packages():
        wrong = "no bot library is installed: pip install py-cord (or discord.py, disnake, nextcord)"
    if wrong is not None:
        complain("play", wrong)
        return 2
    try:
        file = isocord.AudioFile(source)
    except (AudioFileError, ValueError) as error:
        complain("play", error)
        return 2
    shown = progress(out, PurePath(urlsplit(source).path).name or source)
    try:
        return asyncio.run(_play(file, token, guild_id, channel_id, shown))
    finally:
        file.close()


async def _play(file: isocord.AudioFile, token: str, guild_id: int, channel_id: int, shown: Progress) -> int:
    me = asyncio.current_task()
    assert me is not None
    with _interruptible(me):
        try:
            async with _channel(token, guild_id, channel_id) as channel, _joined(channel) as voice:
                shown.tell("connected", guild_id=str(guild_id), channel_id=str(channel_id), channel=str(channel))
                with shown:
                    failure = await _until_over(file, voice, shown)
                if failure is not None:
                    raise _CannotError(str(failure))
                stats = voice.stats
                shown.tell("finished", packets_sent=stats.packets_sent, lateness_p99=stats.lateness_p99)
                return 0
        except asyncio.CancelledError:
            shown.tell("interrupted")
            return INTERRUPTED
        except (_CannotError, IsocordError) as error:
            shown.tell("failed", error=str(error))
            complain("play", error)
            return 1


async def _until_over(file: isocord.AudioFile, voice: Any, shown: Progress) -> BaseException | None:
    finished = asyncio.ensure_future(voice.play(file, wait_finish=True))
    while not finished.done():
        shown.show(file)
        await asyncio.wait([finished], timeout=_LOOK)
        if voice.state.phase is isocord.Phase.DISCONNECTED:
            return _CannotError(f"the voice connection is over: {voice.state}")
    shown.show(file)
    error: BaseException | None = finished.result()
    return error


@asynccontextmanager
async def _joined(channel: Any) -> AsyncIterator[Any]:
    """A voice connection, which is left at the end."""
    voice = await channel.connect(cls=isocord.VoiceClient, timeout=_LOGIN)
    try:
        yield voice
    finally:
        await voice.disconnect()


@asynccontextmanager
async def _channel(token: str, guild_id: int, channel_id: int) -> AsyncIterator[Any]:
    """The channel as a bot that is logged in sees it."""
    library: Any = importlib.import_module(present_packages()[0])
    intents = library.Intents.none()
    intents.guilds = intents.voice_states = True
    bot = library.Client(intents=intents)
    running = asyncio.create_task(bot.start(token), name="isocord-play-bot")
    try:
        ready = asyncio.create_task(bot.wait_until_ready())
        await asyncio.wait([running, ready], timeout=_LOGIN, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            error = running.exception()
            raise _CannotError(f"the bot cannot log in: {type(error).__name__}: {error}")
        if not ready.done():
            ready.cancel()
            raise _CannotError(f"the bot did not get ready within {_LOGIN:.0f} s")
        guild = bot.get_guild(guild_id)
        if guild is None:
            raise _CannotError(f"the bot is in no guild {guild_id}")
        channel = guild.get_channel(channel_id)
        if channel is None or not hasattr(channel, "connect"):
            raise _CannotError(f"{guild} has no voice channel {channel_id} that the bot may see")
        yield channel
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(bot.close(), _CLOSING)
        running.cancel()
        await asyncio.wait([running], timeout=_CLOSING)
        if running.done() and not running.cancelled():
            # Libraries may end start() with an error when the bot is closed.
            running.exception()


@contextlib.contextmanager
def _interruptible(task: asyncio.Task[Any]) -> Any:
    """Ctrl-C, and the wish of a service manager, cancel ``task`` once; another one is as hard as ever."""
    loop, caught = asyncio.get_running_loop(), list[int]()

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
