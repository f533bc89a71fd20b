"""What a :class:`isocord.VoiceClient` tells of itself; all of it may be read from any thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .. import _native
from ..connection.session.encryption import EncryptionState
from .base import ClientBase
from .stats import VoiceStats, snapshot
from .websocket import VoiceWebSocket

if TYPE_CHECKING:
    from ..connection.session.session import SessionInfo


class InfoSurface(ClientBase):
    """State, session and counters; see :class:`isocord.VoiceClient`."""

    supported_modes: tuple[str, ...] = _native.TRANSPORT_MODES

    @property
    def user(self) -> Any:
        """The user connected to voice: the bot itself."""
        return self._host.user(self.client)

    @property
    def server_id(self) -> int:
        """The guild's id."""
        return self._guild_id

    @property
    def session_id(self) -> str | None:
        """The voice connection's session id."""
        return self._connection.flow.session_id if self._connection is not None else None

    @property
    def token(self) -> str | None:
        """The voice connection's token. Keep it to yourself."""
        return self._connection.flow.token if self._connection is not None else None

    @property
    def endpoint(self) -> str | None:
        """``host:port`` of the voice server."""
        return self._connection.flow.endpoint if self._connection is not None else None

    @property
    def endpoint_ip(self) -> str | None:
        """The IP address that sound is sent to."""
        return info.address if (info := self._info) is not None else None

    @property
    def voice_port(self) -> int | None:
        """The UDP port that sound is sent to."""
        return info.port if (info := self._info) is not None else None

    @property
    def ssrc(self) -> int | None:
        """The number that marks the bot's packets."""
        return info.ssrc if (info := self._info) is not None else None

    @property
    def mode(self) -> str | None:
        """The transport encryption mode."""
        return info.mode if (info := self._info) is not None else None

    @property
    def secret_key(self) -> list[int] | None:
        """The transport key, 32 numbers, while there is a connection. Keep it to yourself."""
        return list(info.secret_key) if (info := self._info) is not None and info.secret_key else None

    @property
    def ws(self) -> VoiceWebSocket | None:
        """The voice gateway, for ``await ws.speak(flags)``; None before ``connect``."""
        return VoiceWebSocket(self._connection, self._streams.by_ssrc) if self._connection is not None else None

    @property
    def latency(self) -> float:
        """Seconds between a heartbeat and its answer; infinite before the first."""
        return self._connection.latencies.last if self._connection is not None else float("inf")

    @property
    def average_latency(self) -> float:
        """The mean of the last 20 latencies in seconds; infinite before the first."""
        return self._connection.latencies.average if self._connection is not None else float("inf")

    @property
    def stats(self) -> VoiceStats:
        """Counters of the present connection.

        Raises:
            ClientError: ``connect`` has not been called.
        """
        return snapshot(self._begun())

    def is_dave_connection(self) -> bool:
        """Whether the call is end-to-end encrypted."""
        return self._encryption_state.version > 0

    @property
    def privacy_code(self) -> str | None:
        """30 digits in groups of five that all members of the call see alike, to compare by voice.

        None while the call is not encrypted end to end, or nobody else is in it. The bot dispatches
        ``voice_privacy_code_update(voice_client, code)`` when it changes, with every join and leave.
        Source: DAVE whitepaper, "Displayable Codes".
        """
        return displayed(self._encryption_state.privacy_code)

    @property
    def voice_privacy_code(self) -> str | None:
        """:attr:`privacy_code`, by the name that discord.py has for it."""
        return self.privacy_code

    async def verification_code(self, user: Any) -> str | None:
        """The digits that the bot and ``user`` (a member, a user, or an id) compare to know each other's keys.

        None where the user is no member of the encrypted call.
        Source: DAVE whitepaper, "Identity Key Verification".

        Raises:
            TypeError: ``user`` is none of these.
        """
        user_id = getattr(user, "id", user)
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise TypeError("user must be a member, a user or an id")
        if self._connection is None:
            return None
        # A tenth of a second of scrypt is too long for the bot's loop.
        return await asyncio.get_running_loop().run_in_executor(None, self._connection.verification_code, user_id)

    @property
    def _encryption_state(self) -> EncryptionState:
        return self._connection.encryption if self._connection is not None else EncryptionState()

    @property
    def _info(self) -> SessionInfo | None:
        return self._connection.info if self._connection is not None else None


def displayed(code: str | None) -> str | None:
    """A privacy code as it is shown to people: in groups of five digits."""
    return None if code is None else " ".join(code[at : at + 5] for at in range(0, len(code), 5))
