"""Who is in the bot's voice channel, as the bot library tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Participants:
    """Follows who else is in the channel, bots included. It needs the intent ``voice_states``, which bots have.

    Args:
        voice: the voice client.
        joined: awaited with the id of each who is there at the beginning or joins.
        left: awaited with the id of each who leaves.
    """

    def __init__(
        self, voice: Any, joined: Callable[[int], Awaitable[object]], left: Callable[[int], Awaitable[object]]
    ) -> None:
        self._voice, self._joined, self._left = voice, joined, left
        self.ids: tuple[int, ...] = ()
        """Those who were told of, in the order in which they came."""

    async def follow(self) -> None:
        """Tell of everybody until it is cancelled."""
        bot = self._voice.client
        while True:
            # Whatever happens from now on is seen in the next round.
            change = asyncio.ensure_future(bot.wait_for("voice_state_update"))
            try:
                await self._tell()
                await change
            finally:
                change.cancel()

    async def _tell(self) -> None:
        there = [user_id for user_id in self._voice.channel.voice_states if user_id != self._voice.user.id]
        before = self.ids
        self.ids = tuple(there)
        for user_id in before:
            if user_id not in there:
                await self._left(user_id)
        for user_id in there:
            if user_id not in before:
                await self._joined(user_id)
