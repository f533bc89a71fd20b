"""``isocord play``: a bot that joins a channel, plays one file or URL there, and leaves."""

from __future__ import annotations

import asyncio
import contextlib
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
from .bots import CannotError, Place, channel
from .progress import Progress, progress
from .terminal import INTERRUPTED, NEEDS_RICH, complain, console

TOKEN = "DISCORD_TOKEN"  # noqa: S105 - the name of it
_LOOK = 0.25


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
        wrong = "no bot library is installed: pip install py-cord (or discord.py, disnake, nextcord, hikari)"
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
            async with channel(token, guild_id, channel_id) as place, _joined(place) as voice:
                shown.tell("connected", guild_id=str(guild_id), channel_id=str(channel_id), channel=place.name)
                with shown:
                    failure = await _until_over(file, voice, shown)
                if failure is not None:
                    raise CannotError(str(failure))
                stats = voice.stats
                shown.tell("finished", packets_sent=stats.packets_sent, lateness_p99=stats.lateness_p99)
                return 0
        except asyncio.CancelledError:
            shown.tell("interrupted")
            return INTERRUPTED
        except (CannotError, IsocordError) as error:
            shown.tell("failed", error=str(error))
            complain("play", error)
            return 1


async def _until_over(file: isocord.AudioFile, voice: Any, shown: Progress) -> BaseException | None:
    finished = asyncio.ensure_future(voice.play(file, wait_finish=True))
    while not finished.done():
        shown.show(file)
        await asyncio.wait([finished], timeout=_LOOK)
        if voice.state.phase is isocord.Phase.DISCONNECTED:
            return CannotError(f"the voice connection is over: {voice.state}")
    shown.show(file)
    error: BaseException | None = finished.result()
    return error


@asynccontextmanager
async def _joined(place: Place) -> AsyncIterator[Any]:
    """A voice connection, which is left at the end."""
    voice = await place.join()
    try:
        yield voice
    finally:
        await voice.disconnect()


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
