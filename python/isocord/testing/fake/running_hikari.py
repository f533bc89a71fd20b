"""A bot of hikari under test: it is given its token when it is made, and says by events what fails in it."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import Any

from ..errors import BotError, WaitTimeoutError
from .running import END_TIMEOUT, GUILDS_TIMEOUT, Running


class RunningHikari(Running):
    """The context of :meth:`FakeDiscord.running` for such a bot; its commands it registers when it likes."""

    def _check(self) -> None:
        """By its class it is one of hikari's already."""

    async def _begin(self) -> None:
        bot, token = self._bot, self._discord.token
        for owner, given in ((bot, token), (bot._rest, f"Bot {token}")):
            self._stack.callback(setattr, owner, "_token", owner._token)
            owner._token = given
        failing = import_module("hikari.events.base_events").ExceptionEvent
        bot.event_manager.subscribe(failing, self._hear)
        self._stack.callback(bot.event_manager.unsubscribe, failing, self._hear)
        starting = asyncio.ensure_future(bot.start(check_for_updates=False))
        try:
            # No asyncio.wait_for: before Python 3.12 it may swallow the cancellation of the task that waits.
            done, _ = await asyncio.wait([starting], timeout=self._timeout)
            if not done:
                raise BotError(f"the bot was not ready within {self._timeout} s")
            starting.result()
            # Where guilds are not cached there is nothing to wait for.
            if bot.cache.settings.components & import_module("hikari.api.config").CacheComponents.GUILDS:
                wanted = {guild.id for guild in self._discord.guilds}
                with contextlib.suppress(WaitTimeoutError):
                    await self._discord.wait_for(
                        lambda: wanted <= set(bot.cache.get_available_guilds_view()), timeout=GUILDS_TIMEOUT
                    )
        finally:
            starting.cancel()

    async def _hear(self, event: Any) -> None:
        self._failed(event.failed_event, event.exception)

    async def _end(self) -> BaseException | None:
        try:
            if self._bot.is_alive:
                await asyncio.wait([asyncio.ensure_future(self._bot.close())], timeout=END_TIMEOUT)
        finally:
            self._stack.close()
        return None
