"""The moving part of :class:`isocord.VoiceClient`: from channel to channel, without a leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..connection.states import ConnectionState, Phase
from ..errors import ClientError
from ..runtime.values import Record

if TYPE_CHECKING:
    from ..connection.connection import VoiceConnection
    from ..hosts import Host

_SETTLE_LIMIT = 2.0
"""How long a move that is called off may still take effect."""
_EFFECT_LIMIT = 10.0
"""How long a move whose caller has gone may still take effect."""


class _Move(Record):
    """A move that was asked for: where to, and until when it may take effect."""

    channel_id: int
    until: float


class MovingSurface:
    """Moves; see :class:`isocord.VoiceClient`."""

    channel: Any
    loop: asyncio.AbstractEventLoop
    _host: Host
    _connection: VoiceConnection | None
    _move: _Move | None

    def is_connected(self) -> bool:
        """Whether sound can leave."""
        raise NotImplementedError

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave the channel."""
        raise NotImplementedError

    async def _wait(self, condition: Callable[[], bool], timeout: float | None) -> None:
        raise NotImplementedError

    def _wake(self) -> None:
        raise NotImplementedError

    def _failure(self, state: ConnectionState) -> Exception:
        raise NotImplementedError

    async def move_to(self, channel: Any, *, timeout: float | None = 30.0) -> None:
        """Go to another channel of the guild, without a leave; what plays keeps its place.

        Args:
            channel: the voice channel; None disconnects.
            timeout: seconds to wait until the bot is connected there.

        Raises:
            ClientError: there is no connection, or another move was asked for meanwhile.
            asyncio.TimeoutError: it took longer than ``timeout``.
        """
        if channel is None:
            await self.disconnect()
            return
        connection = self._connection
        if connection is None or connection.state.phase is Phase.DISCONNECTED:
            raise self._host.error(ClientError, "Not connected to voice")
        here = self._is_in(channel.id)
        earlier = self._move
        if here and (earlier is None or earlier.channel_id == channel.id or self.loop.time() > earlier.until):
            return
        move = self._move = _Move(channel.id, self.loop.time() + _EFFECT_LIMIT)
        sessions = connection.flow.sessions
        connection.move(channel.id)
        self._wake()

        def arrived() -> bool:
            if connection.state.phase is Phase.DISCONNECTED:
                raise self._failure(connection.state)
            if self._move is not move:
                raise self._host.error(ClientError, "Another move was asked for meanwhile.")
            return self._is_in(channel.id) and connection.flow.sessions > sessions

        if here:
            # Back to where the bot is: if the earlier move was refused, nothing will come of this one.
            timeout = _SETTLE_LIMIT if timeout is None else min(timeout, _SETTLE_LIMIT)
        try:
            await self._wait(arrived, timeout)
        except asyncio.TimeoutError:
            if not (here and self._is_in(channel.id)):
                text = "Discord did not move the bot in time; may it see and enter the channel?"
                raise asyncio.TimeoutError(text) from None
        if self._move is move:
            self._move = None

    def _is_in(self, channel_id: int) -> bool:
        return channel_id == getattr(self.channel, "id", None) and self.is_connected()
