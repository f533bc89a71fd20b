"""Who is in the channel, and whose stream is whose, as the voice gateway tells it; on the gateway thread."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ... import _native
from ...errors import ClosedError
from ...gateway.protocol.messages import ClientDisconnect, ClientsConnect, Speaking
from ..states import ChannelEvent, UserDisconnected, UsersConnected, UserSpeaking
from .encryption import Encryption

_log = logging.getLogger(__name__)


MOST_USERS = 4096
"""Users that are known at once, as many as the native side knows streams; the one of whom nothing was heard for the
longest time is forgotten for another one."""


class Roster:
    """Lets those know who have to: the native side, the end-to-end encryption, the bot.

    Args:
        native: the connection, which is told whose streams it hears.
        tell: told what happens to others in the channel.
        user_id: the bot, which is not one of the others.
    """

    def __init__(self, native: _native.Connection, tell: Callable[[ChannelEvent], None], *, user_id: int) -> None:
        self._native = native
        self._tell = tell
        self._user_id = user_id
        self._ssrcs: dict[int, int | None] = {}

    @property
    def others(self) -> bool:
        """Whether anybody else is known to be in the channel."""
        return bool(self._ssrcs.keys() - {self._user_id})

    def clear(self) -> None:
        """Another voice session begins, which tells everything anew."""
        self._ssrcs.clear()

    def take(self, event: Speaking | ClientsConnect | ClientDisconnect, encryption: Encryption | None) -> None:
        """Something about others in the channel."""
        match event:
            case Speaking():
                self._note(event.user_id, event.ssrc)
                tell_native(self._native.assign_ssrc, event.ssrc, event.user_id)
                self._tell(UserSpeaking(event.user_id, event.ssrc, event.flags))
            case ClientsConnect():
                for user_id in event.user_ids:
                    self._note(user_id, self._ssrcs.get(user_id))
                if encryption is not None:
                    encryption.take(event)
                self._tell(UsersConnected(event.user_ids))
            case ClientDisconnect():
                if encryption is not None:
                    encryption.take(event)
                tell_native(self._native.user_left, event.user_id)
                self._tell(UserDisconnected(event.user_id, self._ssrcs.pop(event.user_id, None)))

    def _note(self, user_id: int, ssrc: int | None) -> None:
        self._ssrcs.pop(user_id, None)
        self._ssrcs[user_id] = ssrc
        if len(self._ssrcs) > MOST_USERS:
            forgotten = next(iter(self._ssrcs))
            if self._ssrcs.pop(forgotten) is not None:
                tell_native(self._native.user_left, forgotten)


def tell_native(method: Callable[..., None], *args: int) -> None:
    """Give the native side a command that means nothing any more once its threads have stopped."""
    try:
        method(*args)
    except ClosedError:
        _log.debug("The native side takes no commands any more")
