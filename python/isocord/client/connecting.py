"""The connecting part of :class:`isocord.VoiceClient`: from its first join to its last leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _native
from ..connection.carrier import Carrier
from ..connection.connection import VoiceConnection
from ..connection.media import Here
from ..connection.session.session import Socket, SocketOpener
from ..connection.states import ConnectionState, Phase, Reason
from ..errors import ClientError, ConnectError, VoiceTimeoutError
from ..hosts import Joined
from ..playing.player import Player
from . import registry
from .link import ClientLink
from .membership import Membership
from .playing import PlaybackSurface
from .recording import RecordingSurface

if TYPE_CHECKING:
    from ..gateway.socket.options import SocketOptions
    from ..gateway.socket.transport import SocketHandler
    from ..runtime.thread import GatewayThread


_LEAVE_LIMIT = 1.0
_END_LIMIT = 10.0
"""Seconds that our own thread may take to end the connection, on a busy machine."""
_LOOK_INTERVAL = 0.5
_NEWS_LIMIT = 0.3
"""Seconds that news of the bot's gateway may be behind: a permission that was just given, say."""
_DEFAULT_TIMEOUT = 60.0


class ConnectingSurface(PlaybackSurface, RecordingSurface):
    """Connects, waits and leaves, which ends what plays and records; see :class:`isocord.VoiceClient`."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._membership = Membership(self, self.cleanup)
        self._link: ClientLink | None = None
        # Threads of bots wait for it.
        self._connected = threading.Event()
        self._timeout = _DEFAULT_TIMEOUT

    @property
    def timeout(self) -> float:
        """Seconds that ``connect`` was given."""
        return self._timeout

    # Waiting.

    def wait_until_connected(self, timeout: float | None = 30.0) -> bool:
        """Block the calling thread, not the bot's loop, until connected; False if that fails or takes too long."""
        link = self._link
        if link is not None:
            link.settled.wait(timeout)
        return self.is_connected()

    async def wait_for_state(self, *phases: Phase, timeout: float | None = None) -> ConnectionState:
        """Wait for one of ``phases``: members of :class:`isocord.Phase`.

        Returns:
            The state that it was waited for; the present one, if that is one of ``phases``.

        Raises:
            ConnectError: the connection is over, and ``phases`` do not name ``DISCONNECTED``.
            VoiceTimeoutError: it took longer than ``timeout`` seconds; an ``asyncio.TimeoutError`` as well.
            TypeError: no phase was given, or something that is none.
        """
        if not phases or not all(isinstance(phase, Phase) for phase in phases):
            raise TypeError("wait_for_state takes members of isocord.Phase, e.g. isocord.Phase.CONNECTED")
        reached: list[ConnectionState] = []

        def arrived() -> bool:
            state = self.state
            if state.phase in phases:
                reached.append(state)
            elif state.phase is Phase.DISCONNECTED:
                raise self._error(ConnectError, f"The voice connection is over: {state}", state.code)
            return bool(reached)

        await self._waiters.until(arrived, timeout)
        return reached[-1]

    # What it does.

    async def connect(
        self,
        *,
        timeout: float = _DEFAULT_TIMEOUT,
        reconnect: bool = True,
        self_deaf: bool = False,
        self_mute: bool = False,
        **_: Any,
    ) -> None:
        """Connect to the channel. The bot library calls it in ``channel.connect``.

        Args:
            timeout: seconds that the whole connect may take.
            reconnect: whether to make a new voice session where the present one is lost and cannot be resumed.
            self_deaf: join deafened.
            self_mute: join muted.

        Raises:
            VoiceTimeoutError: it took longer than ``timeout``. It is an ``asyncio.TimeoutError`` as well.
            ConnectError: the bot lacks an intent or a permission, or the channel is full, which is told at once; or
                Discord refused, or the handshake failed too often.
            ClientError: connected already, or the bot was made for another event loop than the one that runs. Both
                are a ``ClientException`` of the bot library as well.
        """
        await self._establish(timeout=timeout, reconnect=reconnect, self_deaf=self_deaf, self_mute=self_mute)

    async def _establish(
        self,
        *,
        timeout: float = _DEFAULT_TIMEOUT,
        reconnect: bool = True,
        self_deaf: bool,
        self_mute: bool,
        joined: Joined | None = None,
    ) -> None:
        """Connect, to a channel that the bot library has ``joined`` already or that is to be joined."""
        if self.loop is not asyncio.get_running_loop():
            self.cleanup()
            text = "The bot was made for another event loop than the one that runs: start it with `async with bot:`"
            raise self._error(ClientError, f"{text} and `await bot.start(token)`.")
        holder = self._host.registered(self.client, self._guild_id)
        live = self._connection is not None and self.state.phase is not Phase.DISCONNECTED
        if live or holder not in (None, self):
            raise self._error(ClientError, "Already connected to a voice channel.")
        self._user_id = joined.user_id if joined is not None else self._host.user(self.client).id
        if holder is None:
            self._host.register(self.client, self._guild_id, self)
        self._timeout = timeout if timeout is not None else _DEFAULT_TIMEOUT
        self._self_deaf, self._self_mute = self_deaf, self_mute
        try:
            await self._check_obstacles(self.channel)
            connection = self._connect(reconnect)
            self._membership.joined = joined
            connection.start()
            await self._answered(connection)
            state = connection.state
            if state.phase is Phase.DISCONNECTED:
                raise self._failure(state)
        except BaseException:
            if joined is not None:
                # The library joins anew by itself, which must not overtake the leave.
                await self.disconnect(force=True)
            elif self._connection is not None:
                self._connection.stop(leave=True)
            self.cleanup()
            raise

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave the channel.

        Args:
            force: clean up even where nothing is connected.
        """
        connection, membership = self._connection, self._membership
        if connection is None or connection.state.phase is Phase.DISCONNECTED:
            if force:
                self.cleanup()
            return
        self.stop()
        self._end_recording()
        membership.leaving = True
        membership.left.clear()
        # The leave takes the way of the joins, so that it overtakes none; it is sent even if it is late.
        connection.stop(leave=True)
        gone = asyncio.ensure_future(self._gone(connection))
        try:
            await asyncio.wait([asyncio.wrap_future(connection.finished)], timeout=_END_LIMIT)
            done, _ = await asyncio.wait([gone], timeout=_LEAVE_LIMIT)
            if not done:
                self._log.debug("Discord did not confirm the leave in time")
        finally:
            gone.cancel()
            membership.leaving = False
            self.cleanup()

    def cleanup(self) -> None:
        """End everything and leave the bot's registry, unless a newer client took the place. Does nothing twice."""
        self._end_recording()
        if self._connection is not None:
            self._connection.stop(leave=False)
        self._connected.clear()
        self._membership.ended = True
        self._host.unregister(self.client, self._guild_id, self)

    # What the bot library tells.

    async def on_voice_state_update(self, data: Any) -> None:
        """The bot's own voice state changed. Called by the bot library."""
        try:
            update = self._host.voice_state(data)
        except ValueError as error:
            self._log.debug("Ignoring %s", error)
            return
        self._membership.voice_state(update)

    async def on_voice_server_update(self, data: Any) -> None:
        """The guild has another voice server. Called by the bot library."""
        try:
            update = self._host.voice_server(data)
        except ValueError as error:
            self._log.debug("Ignoring %s", error)
            return
        self._membership.voice_server(update)

    # Inside; on the bot's loop.

    def _connect(self, reconnect: bool) -> VoiceConnection:
        self._membership.ended = False
        self._link = link = ClientLink(self._membership, self.loop, self._guild_id, self._connected)
        host, loop, log = self._host, self.loop, self._log
        channel_id = host.channel_id(self.channel)
        assert channel_id is not None

        def player(native: _native.Connection, sync: Callable[[], None]) -> Player:
            return Player(native, sync, loop=loop, manners=host.manners, log=log)

        self._connection = link.connection = VoiceConnection(
            link,
            server_id=self._guild_id,
            user_id=self._user_id,
            channel_id=channel_id,
            timeout=self._timeout,
            reconnect=reconnect,
            player=player,
            carrier=self._carrier(),
        )
        registry.remember(self)
        return self._connection

    def _carrier(self) -> Carrier:
        return Here(_socket_opener(self._host.socket_options(self.client)))

    async def _check_obstacles(self, channel: Any) -> None:
        """Raise what is in the way to ``channel``, unless the bot's gateway tells in a moment that it is gone."""
        deadline = self.loop.time() + _NEWS_LIMIT
        while obstacle := self._host.obstacle(self.client, self.guild, channel):
            if self.loop.time() >= deadline:
                raise self._error(ConnectError, obstacle)
            await asyncio.sleep(_NEWS_LIMIT / 10)

    async def _answered(self, connection: VoiceConnection) -> None:
        """Wait until a connection is made or over."""
        connected = asyncio.wrap_future(connection.connected)
        deadline = self.loop.time() + self._timeout + _LEAVE_LIMIT
        while not connection.connected.done():
            left = deadline - self.loop.time()
            if left <= 0:
                raise VoiceTimeoutError("Could not connect to voice in time")
            if connection.flow.session_id is None:
                # Discord answers no join that it does not allow; that it does not may be news since the last look.
                await self._check_obstacles(self.channel)
            # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the result.
            await asyncio.wait([connected], timeout=min(left, _LOOK_INTERVAL))

    async def _gone(self, connection: VoiceConnection) -> None:
        await asyncio.wrap_future(connection.finished)
        if self._link is not None:
            await self._link.written()
        if not self._membership.is_closing():
            await self._membership.left.wait()

    def _failure(self, state: ConnectionState) -> Exception:
        text = f"Could not connect to voice: {state.detail or state.reason.value}"
        if state.reason is Reason.TIMED_OUT:
            return VoiceTimeoutError(text)
        if state.code is not None:
            text = f"{text} (close code {state.code})"
        return self._error(ConnectError, text, state.code)


def _socket_opener(options: SocketOptions) -> Callable[[GatewayThread], SocketOpener]:
    """What opens websockets with the bot's own network settings; aiohttp is not imported before the first one."""

    def on(thread: GatewayThread) -> SocketOpener:
        def open_socket(endpoint: str, handler: SocketHandler) -> Socket:
            from ..gateway.socket.transport import GatewaySocket

            return GatewaySocket(thread, endpoint, options, handler)

        return open_socket

    return on
