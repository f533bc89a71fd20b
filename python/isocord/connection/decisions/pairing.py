"""What the bot's gateway says of a join comes in two halves, in either order: which belong together.

The voice state tells the channel and the session, the voice server update the server and its token. A server counts
for the channel that it was given for: the end-to-end encryption of each channel is a group of its own.
"""

from __future__ import annotations

from . import limits
from .actions import Target


class Halves:
    """The latest voice state and voice server of one connection."""

    def __init__(self, channel_id: int) -> None:
        self.channel_id: int = channel_id
        self.session_id: str | None = None
        self.token: str | None = None
        self.endpoint: str | None = None
        self._server_channel = channel_id
        self._server_due = True
        self._lone_server_at: float | None = None

    def target(self) -> Target | None:
        """Where to connect to; None while a half is missing."""
        if self.session_id is None or self.token is None or self.endpoint is None:
            return None
        return Target(self.session_id, self.token, self.endpoint, self._server_channel)

    def asked(self) -> None:
        """A join was asked for: the next server belongs to it."""
        self._server_due = True

    def forget_server(self) -> None:
        """The server is gone."""
        self.token = self.endpoint = None

    def forget(self) -> None:
        """The connection is over."""
        self.session_id = self.token = self.endpoint = None

    def forget_session(self) -> None:
        """The bot's gateway has another session; the endpoint stays, should only the token change."""
        self.session_id = self.token = None
        self._server_due = True

    def voice_state(self, session_id: str, channel_id: int, now: float) -> None:
        """The bot is in this channel."""
        if channel_id != self.channel_id:
            self._changed_channel(channel_id, now)
        if session_id != self.session_id:
            if self.session_id is not None:
                self.token = None
            self.session_id = session_id

    def voice_server(self, token: str, endpoint: str, now: float) -> None:
        """The guild has this voice server."""
        # If nothing called for it, it may be the first half of a move.
        self._lone_server_at = None if self._server_due else now
        self._server_due = False
        self.token, self.endpoint, self._server_channel = token, endpoint, self.channel_id

    def _changed_channel(self, channel_id: int, now: float) -> None:
        self.channel_id = channel_id
        lone, self._lone_server_at = self._lone_server_at, None
        if self.session_id is None or (lone is not None and now - lone < limits.PAIR_LIMIT):
            self._server_channel = channel_id
        else:
            self._server_due = True
