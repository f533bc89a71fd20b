"""``isocord play``: a bot that joins a channel, plays one file or URL there, and leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import isocord

from ..errors import AudioFileError, IsocordError
from ..runtime.urls import file_name
from .bots import channel, interruptible, joined, prepared
from .progress import Progress, progress
from .terminal import INTERRUPTED, CannotError, complain

_LOOK = 0.25


def run(source: str, *, guild_id: int, channel_id: int, allow_private: bool, as_json: bool) -> int:
    """Play ``source``; returns the exit status: 2 where it could not begin, 1 where it failed, 130 after a Ctrl-C."""
    try:
        token, out = prepared(as_json=as_json)
        file = isocord.AudioFile(source, allow_private=allow_private)
    except (CannotError, AudioFileError, ValueError) as error:
        complain("play", _worded(error))
        return 2
    shown = progress(out, file_name(source) or "-")
    try:
        return asyncio.run(_play(file, token, guild_id, channel_id, shown))
    finally:
        file.close()


async def _play(file: isocord.AudioFile, token: str, guild_id: int, channel_id: int, shown: Progress) -> int:
    with interruptible():
        try:
            async with channel(token, guild_id, channel_id) as place, joined(place) as voice:
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
            shown.tell("failed", error=_worded(error))
            complain("play", _worded(error))
            return 1


def _worded(error: Exception) -> str:
    """Options are called as the command calls them."""
    return str(error).replace("give allow_private=True", "say --allow-private")


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
