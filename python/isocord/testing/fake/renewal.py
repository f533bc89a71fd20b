"""Lets a bot that has been closed begin anew, on whichever loop runs: one that lives in a module has no other way."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any


class Loaded:
    """What was loaded into a bot: its library takes it out when the bot is closed."""

    def __init__(self, bot: Any) -> None:
        self._extensions = list(getattr(bot, "extensions", None) or ())
        self._cogs = dict(getattr(bot, "cogs", None) or {})
        # nextcord keeps it to itself.
        self._name = "connector" if hasattr(bot.http, "connector") else "_connector"
        self._connector = getattr(bot.http, self._name, None)

    async def restore(self, bot: Any) -> None:
        """Load it again."""
        setattr(bot.http, self._name, self._connector)
        for name in self._extensions:
            if name not in bot.extensions:
                await _done(bot.load_extension(name))
        for name, cog in self._cogs.items():
            if name not in bot.cogs:
                await _done(bot.add_cog(cog))


async def renew(bot: Any) -> Loaded:
    """Give a bot the loop that runs, and if it was closed, its state of before; gives what is loaded into it."""
    connection, http = bot._connection, bot.http
    loop, earlier = asyncio.get_running_loop(), getattr(bot, "loop", None)
    was_closed = bool(bot.is_closed())
    if was_closed:
        await _done(bot.clear())
        if hasattr(http, "recreate"):
            # What it opened is opened again by the login.
            await http.close()
        for name in ("_locks", "_buckets", "_bucket_hashes"):
            getattr(http, name, {}).clear()
        for name, value in (("ws", None), ("_is_closed", False)):
            if name in vars(bot):
                setattr(bot, name, value)
    if hasattr(bot, "_async_setup_hook"):
        await bot._async_setup_hook()
    else:
        bot.loop = http.loop = connection.loop = loop
        bot._ready = asyncio.Event()
    if was_closed or earlier is not loop:
        _new_locks(bot)
    return Loaded(bot)


def _new_locks(bot: Any) -> None:
    """Locks, events and queues belong to the loop on which somebody has waited for them."""
    for owner in (bot, bot._connection, bot.http):
        for name, value in list(vars(owner).items()):
            if type(value) in (asyncio.Event, asyncio.Lock, asyncio.PriorityQueue):
                setattr(owner, name, type(value)())
    over = getattr(bot.http, "_global_over", None)
    if isinstance(over, asyncio.Event):
        over.set()
    prepare = getattr(bot, "_schedule_app_command_preparation", None)
    if prepare is not None:
        # disnake has begun it on the loop that it was made for.
        prepare()


async def _done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
