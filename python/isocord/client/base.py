"""What every surface of the voice client stands on: whose client it is, its channel, and its connection."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from ..connection.states import ConnectionState, Phase, Reason
from ..errors import ClientError, IsocordError
from ..runtime.log import GuildLog
from .streams import Streams
from .waiting import Waiters

if TYPE_CHECKING:
    from ..connection.connection import VoiceConnection
    from ..hosts import Host

_E = TypeVar("_E", bound=IsocordError)

_IDLE = ConnectionState(Phase.IDLE, Reason.REQUESTED)


class ClientBase:
    """The part of :class:`isocord.VoiceClient` that its surfaces share; what only one of them needs is its own.

    Attributes:
        client: the bot.
        channel: the voice channel that the bot is in.
        loop: the bot's event loop.
    """

    _host: Host

    def __init__(self, client: Any, channel: Any) -> None:
        self.client = client
        self.channel = channel
        self.loop: asyncio.AbstractEventLoop = self._host.loop(client)
        self._guild_id = self._host.guild_id(channel)
        self._user_id = 0
        """The bot's own; known from the first connect on."""
        self._log = GuildLog(logging.getLogger("isocord.client"), self._guild_id)
        self._connection: VoiceConnection | None = None
        self._waiters = Waiters(self.loop)
        self._streams = Streams()
        # Every opcode 4 says both anew.
        self._self_mute = False
        self._self_deaf = False
        self._unheard = ""
        """Why nobody hears what plays; empty where somebody may."""

    @property
    def guild(self) -> Any:
        """The guild that the bot is connected to, if applicable."""
        return self._host.guild(self.client, self._guild_id, self.channel)

    @property
    def _place(self) -> Any:
        """The guild as the host's methods take it, whether or not the library knows it."""
        return self._host.place(self.client, self._guild_id, self.channel)

    def _member(self, user_id: int) -> Any:
        """A member of the guild as the bot library knows it, or None."""
        return self._host.member(self._place, user_id)

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands, and why."""
        return self._connection.state if self._connection is not None else _IDLE

    def is_connected(self) -> bool:
        """Whether sound can leave: also while the websocket alone is being resumed."""
        return self.state.is_connected

    def _error(self, kind: type[_E], message: str, code: int | None = None) -> _E:
        """An exception that is isocord's ``kind`` and the bot library's own at once."""
        return self._host.error(kind, message, code)

    def _live(self, kind: type[ClientError] = ClientError, message: str = "Not connected to voice") -> VoiceConnection:
        """The connection, if sound can leave.

        Raises:
            ClientError: it cannot, or whatever ``kind`` is.
        """
        if self._connection is None or not self.is_connected():
            raise self._error(kind, f"{message}: {self._standing()}")
        return self._connection

    def _standing(self) -> str:
        """Where the connection stands, for a message; or what makes one."""
        if self._connection is None:
            return "`voice = await channel.connect(cls=isocord.VoiceClient)` comes first"
        return str(self.state)

    def _begun(self) -> VoiceConnection:
        """The connection, whatever its state.

        Raises:
            ClientError: ``connect`` has not been called.
        """
        if self._connection is None:
            raise self._error(ClientError, f"Not connected to voice: {self._standing()}")
        return self._connection
