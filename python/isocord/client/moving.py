"""The moving part of :class:`isocord.VoiceClient`: from channel to channel, without a leave."""

from __future__ import annotations

from typing import Any

from ..connection.connection import VoiceConnection
from ..connection.states import Phase
from ..errors import ClientError, VoiceTimeoutError
from ..runtime.values import Record
from .connecting import ConnectingSurface

_SETTLE_LIMIT = 2.0
"""How long a move that is called off may still take effect."""
_EFFECT_LIMIT = 10.0
"""How long a move whose caller has gone may still take effect."""


class _Move(Record):
    """A move that was asked for: where to, and until when it may take effect."""

    channel_id: int
    until: float


class MovingSurface(ConnectingSurface):
    """Moves; see :class:`isocord.VoiceClient`."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._move: _Move | None = None

    async def move_to(self, channel: Any, *, timeout: float | None = 30.0) -> None:
        """Go to another channel of the guild, without a leave; what plays keeps its place.

        Args:
            channel: the voice channel; None disconnects.
            timeout: seconds to wait until the bot is connected there.

        Raises:
            ClientError: there is no connection, the channel is in another guild, or another move was asked for.
            ConnectError: the bot may not enter the channel, or it is full.
            VoiceTimeoutError: it took longer than ``timeout``. It is an ``asyncio.TimeoutError`` as well.
            TypeError: ``channel`` is no channel.
        """
        if channel is None:
            await self.disconnect()
            return
        self._moving()
        wanted = self._host.channel_id(channel)
        if wanted is None:
            raise TypeError(f"channel must be a voice channel or None, not {type(channel).__name__}")
        if self._host.is_elsewhere(channel, self._guild_id):
            raise self._error(ClientError, f"{channel} is in another guild, which needs a voice client of its own")
        if not self._is_in(wanted):
            await self._check_way(wanted)
        connection, here = self._moving(), self._is_in(wanted)
        earlier = self._move
        if here and (earlier is None or earlier.channel_id == wanted or self.loop.time() > earlier.until):
            return
        move = self._move = _Move(wanted, self.loop.time() + _EFFECT_LIMIT)
        sessions = connection.flow.sessions
        connection.move(wanted)
        self._waiters.wake()

        def arrived() -> bool:
            if connection.state.phase is Phase.DISCONNECTED:
                raise self._failure(connection.state)
            if self._move is not move:
                raise self._error(ClientError, "Another move was asked for meanwhile.")
            return self._is_in(wanted) and connection.flow.sessions > sessions

        if here:
            # Back to where the bot is: if the earlier move was refused, nothing will come of this one.
            timeout = _SETTLE_LIMIT if timeout is None else min(timeout, _SETTLE_LIMIT)
        try:
            await self._waiters.until(arrived, timeout)
        except VoiceTimeoutError:
            if not (here and self._is_in(wanted)):
                await self._check_way(wanted)
                text = "Discord did not move the bot in time; may it see and enter the channel?"
                raise VoiceTimeoutError(text) from None
        if self._move is move:
            self._move = None

    def _moving(self) -> VoiceConnection:
        connection = self._connection
        if connection is None or connection.state.phase is Phase.DISCONNECTED:
            raise self._error(ClientError, f"Not connected to voice: {self._standing()}")
        return connection

    async def _check_way(self, channel_id: int) -> None:
        channel = self._host.channel(self._place, channel_id)
        if channel is not None:
            await self._check_obstacles(channel)

    def _is_in(self, channel_id: int) -> bool:
        return channel_id == self._host.channel_id(self.channel) and self.is_connected()
