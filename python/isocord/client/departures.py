"""Leaves that were sent and that Discord has not confirmed yet, for each bot and guild.

The word that a bot has left comes to whichever client is there by then: the next one must not take it for a kick.
Everything here runs on the bot's loop.
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import Any

CONFIRM_LIMIT = 10.0
"""How long Discord's word is waited for, in seconds; none comes if the bot was in no channel."""


class Leave:
    """One opcode 4 that leaves, by the client that sent it."""

    def __init__(self, client: Any) -> None:
        # A client knows its bot, which would otherwise keep itself alive through its leaves.
        self._client = weakref.ref(client)
        self.deadline = math.inf

    @property
    def client(self) -> Any:
        """The client, or None if it is gone."""
        return self._client()

    def written(self, now: float) -> None:
        """It left: from now on its time runs."""
        self.deadline = now + CONFIRM_LIMIT


_pending: weakref.WeakKeyDictionary[Any, dict[int, deque[Leave]]] = weakref.WeakKeyDictionary()


def begin(bot: Any, guild_id: int, client: Any) -> Leave:
    """A client is about to leave; the caller then calls :meth:`Leave.written` or :func:`forget`."""
    leave = Leave(client)
    _pending.setdefault(bot, {}).setdefault(guild_id, deque()).append(leave)
    return leave


def forget(bot: Any, guild_id: int, leave: Leave) -> None:
    """It could not be sent."""
    leaves = _pending.get(bot, {}).get(guild_id)
    if leaves is not None and leave in leaves:
        leaves.remove(leave)


def confirmed(bot: Any, guild_id: int, now: float) -> Leave | None:
    """Discord says that the bot has left the guild: the leave that brought it about, None for a kick."""
    leaves = _pending.get(bot, {}).get(guild_id)
    while leaves:
        leave = leaves.popleft()
        if now < leave.deadline:
            return leave
    return None
