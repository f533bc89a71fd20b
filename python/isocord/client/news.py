"""What happens to others in the channel, on its way to a bot whose loop may be blocked: bounded, and merged by user.

The gateway thread puts it in, the bot's loop takes it out. While the loop is blocked, of each user the latest of each
kind waits, in the order in which they came: what the bot then hears of is how things stand now.
"""

from __future__ import annotations

import threading
from itertools import groupby

from ..connection.states import ChannelEvent, UsersConnected

MOST_WAITING = 4096
"""Pieces of news that wait at once; the oldest one is dropped for another one."""


class ChannelNews:
    """The news that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[type, int], ChannelEvent] = {}
        self.merged: int = 0
        """Pieces that a later one of the same kind took the place of."""
        self.dropped: int = 0
        """Pieces for which there was no room."""

    def put(self, event: ChannelEvent) -> bool:
        """Have it wait; True if nothing waited before, so that the loop has to be told."""
        if isinstance(event, UsersConnected):
            pieces: list[tuple[int, ChannelEvent]] = [(user, UsersConnected((user,))) for user in event.user_ids]
        else:
            pieces = [(event.user_id, event)]
        with self._lock:
            was_empty = not self._waiting
            for user_id, piece in pieces:
                self._put((type(piece), user_id), piece)
            return was_empty and bool(self._waiting)

    def take(self) -> list[ChannelEvent]:
        """All that waits, oldest first; users who connected one after the other are told together again."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        told: list[ChannelEvent] = []
        for connected, group in groupby(waiting.values(), lambda event: isinstance(event, UsersConnected)):
            events = list(group)
            if connected:
                users = (user for event in events if isinstance(event, UsersConnected) for user in event.user_ids)
                told.append(UsersConnected(tuple(users)))
            else:
                told += events
        return told

    def _put(self, key: tuple[type, int], piece: ChannelEvent) -> None:
        if self._waiting.pop(key, None) is not None:
            self.merged += 1
        elif len(self._waiting) >= MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        self._waiting[key] = piece
