"""Leaves that were sent and that Discord has not confirmed yet, for each bot and guild.

The word that a bot has left comes to whichever client is there by then: the next one must not take it for a kick.
Everything here runs on the bot's loop.
"""

from __future__ import annotations

import asyncio
import math
import weakref
from collections import deque

CONFIRM_LIMIT = 10.0
"""How long Discord's word is waited for, in seconds; none comes if the bot was in no channel."""


class Leave:
    """One opcode 4 that leaves.

    Args:
        left: to be set when Discord confirms it.
    """

    def __init__(self, left: asyncio.Event) -> None:
        # Who waits for the event knows the bot, which would otherwise keep itself alive through its leaves.
        self._left = weakref.ref(left)
        self.deadline: float = math.inf

    def is_of(self, left: asyncio.Event) -> bool:
        """Whether it was sent by whoever has this event."""
        return self._left() is left

    def written(self, now: float) -> None:
        """It left: from now on its time runs."""
        self.deadline = now + CONFIRM_LIMIT

    def confirm(self) -> None:
        """Tell who sent it, if it is still there."""
        left = self._left()
        if left is not None:
            left.set()


Loop = asyncio.AbstractEventLoop
# Loops can be referred to weakly; of the libraries' clients hikari's cannot.
_pending: weakref.WeakKeyDictionary[Loop, dict[tuple[int, int], deque[Leave]]] = weakref.WeakKeyDictionary()


def begin(loop: Loop, bot: object, guild_id: int, left: asyncio.Event) -> Leave:
    """A client is about to leave; the caller then calls :meth:`Leave.written` or :func:`forget`."""
    leave = Leave(left)
    _pending.setdefault(loop, {}).setdefault((id(bot), guild_id), deque()).append(leave)
    return leave


def forget(loop: Loop, bot: object, guild_id: int, leave: Leave) -> None:
    """It could not be sent."""
    leaves = _pending.get(loop, {}).get((id(bot), guild_id))
    if leaves is not None and leave in leaves:
        leaves.remove(leave)


def confirmed(loop: Loop, bot: object, guild_id: int) -> Leave | None:
    """Discord says that the bot has left the guild: the leave that brought it about, None for a kick."""
    leaves = _pending.get(loop, {}).pop((id(bot), guild_id), None)
    while leaves:
        leave = leaves.popleft()
        if loop.time() < leave.deadline:
            if leaves:
                _pending[loop][id(bot), guild_id] = leaves
            return leave
    return None
