"""The voice client that bots see.

``VoiceClient(client, channel)`` makes an instance of a class that is both isocord's and the voice protocol of the
library that ``client`` belongs to. The methods here belong to the bot's loop, as the libraries have it; those that play
may be called from any thread. Audio and heartbeats never wait for that loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _native
from ..connection.connection import VoiceConnection
from ..connection.session.encryption import EncryptionState
from ..connection.session.session import Socket, SocketOpener
from ..connection.states import ChannelEvent, ConnectionState, Phase, Reason, UsersConnected, UserSpeaking
from ..errors import ClientError, ConnectError
from ..hosts import Host, host_of, payloads
from ..playing.player import Player
from . import departures
from .hearing import ListeningSurface
from .info import InfoSurface
from .link import ClientLink
from .moving import MovingSurface
from .playing import PlaybackSurface
from .recording import RecordingSurface

if TYPE_CHECKING:
    # Type checkers of bots are to take it for the voice protocol of their library, whichever that is.
    _AnyProtocol = Any
    from ..gateway.socket.options import SocketOptions
    from ..gateway.socket.transport import SocketHandler
    from ..runtime.thread import GatewayThread
else:
    _AnyProtocol = object

_log = logging.getLogger(__name__)

_LEAVE_LIMIT = 1.0
_DEFAULT_TIMEOUT = 60.0


class VoiceClient(InfoSurface, MovingSurface, PlaybackSurface, RecordingSurface, ListeningSurface, _AnyProtocol):  # type: ignore[misc]
    """A voice connection; get one with ``await channel.connect(cls=isocord.VoiceClient)``.

    Attributes:
        client: the bot.
        channel: the voice channel that the bot is in.
        loop: the bot's event loop.
    """

    def __new__(cls, client: Any, channel: Any, *args: Any, **kwargs: Any) -> VoiceClient:
        host = host_of(client)
        made: VoiceClient = object.__new__(_joined(cls, host))
        made._host = host
        return made

    def __init__(self, client: Any, channel: Any) -> None:
        self.client = client
        self.channel = channel
        self.loop = self._host.loop(client)
        self._key: int = channel._get_voice_client_key()[0]
        self._connection: VoiceConnection | None = None
        self._link: ClientLink | None = None
        self._timeout = _DEFAULT_TIMEOUT
        self._self_mute = False
        self._self_deaf = False
        self._waiters: set[asyncio.Event] = set()
        self._left = asyncio.Event()
        self._leaving = False
        self._move = None
        self._encoding = {}
        self._lookahead = 25
        self._packet_encoder = None
        self._privacy_code: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} guild={self._key} {self.state}>"

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
            asyncio.TimeoutError: it took longer than ``timeout`` seconds.
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
                raise self._host.error(ConnectError, f"The voice connection is over: {state}", state.code)
            return bool(reached)

        await self._wait(arrived, timeout)
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
            asyncio.TimeoutError: it took longer than ``timeout``.
            ConnectError: Discord refused, or the handshake failed too often.
            ClientError: connected already, or the bot was made for another event loop than the one that runs. Both
                are a ``ClientException`` of the bot library as well.
        """
        if self.loop is not asyncio.get_running_loop():
            self.cleanup()
            text = "The bot was made for another event loop than the one that runs: start it with `async with bot:`"
            raise self._host.error(ClientError, f"{text} and `await bot.start(token)`.")
        holder = self._host.registered(self.client, self._key)
        live = self._connection is not None and self.state.phase is not Phase.DISCONNECTED
        if live or holder not in (None, self):
            raise self._host.error(ClientError, "Already connected to a voice channel.")
        if holder is None:
            self._host.register(self.client, self._key, self)
        self._timeout = timeout if timeout is not None else _DEFAULT_TIMEOUT
        self._self_deaf, self._self_mute = self_deaf, self_mute
        try:
            connection = self._connect(reconnect)
            connection.start()
            await asyncio.wait_for(asyncio.wrap_future(connection.connected), self._timeout + _LEAVE_LIMIT)
            state = connection.state
            if state.phase is Phase.DISCONNECTED:
                raise self._failure(state)
        except BaseException:
            if self._connection is not None:
                self._connection.stop(leave=True)
            self.cleanup()
            raise

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave the channel.

        Args:
            force: clean up even where nothing is connected.
        """
        connection = self._connection
        if connection is None or connection.state.phase is Phase.DISCONNECTED:
            if force:
                self.cleanup()
            return
        self.stop()
        self._end_recording()
        self._leaving = True
        self._left.clear()
        # The leave takes the way of the joins, so that it overtakes none; it is sent even if it is late.
        connection.stop(leave=True)
        try:
            await asyncio.wait_for(self._gone(connection), _LEAVE_LIMIT)
        except asyncio.TimeoutError:
            _log.debug("Discord did not confirm the leave in time")
        finally:
            self._leaving = False
            self.cleanup()

    def cleanup(self) -> None:
        """End everything and leave the bot's registry, unless a newer client took the place. Does nothing twice."""
        self._end_recording()
        if self._connection is not None:
            self._connection.stop(leave=False)
        self._host.unregister(self.client, self._key, self)

    # What the bot library tells.

    async def on_voice_state_update(self, data: Any) -> None:
        """The bot's own voice state changed. Called by the bot library."""
        try:
            update = payloads.voice_state(data)
        except ValueError as error:
            _log.debug("Ignoring %s", error)
            return
        if update.channel_id is None:
            leave = departures.confirmed(self.client, self._key, self.loop.time())
            if leave is not None and leave.client is not self:
                # Most likely the word of an earlier client's leave, and no kick.
                if leave.client is not None:
                    leave.client._left.set()
                if self._connection is not None:
                    self._connection.maybe_left()
                return
            self._left.set()
        else:
            if update.channel_id != getattr(self.channel, "id", None):
                self._find_channel(update.channel_id)
            if update.self_mute is not None:
                self._self_mute = update.self_mute
            if update.self_deaf is not None:
                self._self_deaf = update.self_deaf
        if self._connection is not None:
            self._connection.voice_state(update)
        self._wake()

    async def on_voice_server_update(self, data: Any) -> None:
        """The guild has another voice server. Called by the bot library."""
        try:
            update = payloads.voice_server(data)
        except ValueError as error:
            _log.debug("Ignoring %s", error)
            return
        if self._connection is not None:
            self._connection.voice_server(update)

    # Inside; on the bot's loop.

    def _connect(self, reconnect: bool) -> VoiceConnection:
        self._link = link = ClientLink(self, self.loop)
        host, loop = self._host, self.loop

        def player(native: _native.Connection, sync: Callable[[], None]) -> Player:
            return Player(native, sync, loop=loop, manners=host.manners)

        self._connection = link.connection = VoiceConnection(
            link,
            server_id=self._key,
            user_id=self.user.id,
            channel_id=self.channel.id,
            timeout=self._timeout,
            reconnect=reconnect,
            player=player,
            open_socket=_socket_opener(host.socket_options(self.client)),
        )
        return self._connection

    async def _gone(self, connection: VoiceConnection) -> None:
        await asyncio.wrap_future(connection.finished)
        if self._link is not None:
            await self._link.written()
        if not self._host.is_closing(self.client):
            await self._left.wait()

    async def _change_voice_state(self, channel_id: int | None) -> None:
        guild = self._host.guild(self.client, self._key) or self.guild
        await self._host.change_voice_state(guild, channel_id, self_mute=self._self_mute, self_deaf=self._self_deaf)

    def _find_channel(self, channel_id: int) -> None:
        guild = self._host.guild(self.client, self._key) or self.guild
        found = guild.get_channel(channel_id) if guild is not None else None
        if found is not None:
            self.channel = found

    def _take_state(self, connection: VoiceConnection | None, state: ConnectionState) -> None:
        if connection is not self._connection:
            return
        if state.phase is Phase.DISCONNECTED and not self._leaving:
            self.cleanup()
        self._wake()
        self.client.dispatch("voice_connection_state_update", self, state)

    def _take_encryption(self, connection: VoiceConnection | None, state: EncryptionState) -> None:
        if connection is self._connection and state.privacy_code != self._privacy_code:
            self._privacy_code = state.privacy_code
            self.client.dispatch("voice_privacy_code_update", self, self.privacy_code)

    def _take_channel_event(self, event: ChannelEvent) -> None:
        names, guild, dispatch = self._host.events, self.guild, self.client.dispatch

        def member(user_id: int) -> Any:
            return guild.get_member(user_id) if guild is not None else None

        if isinstance(event, UserSpeaking):
            state = self._host.speaking_state(event.flags)
            dispatch(names.speaking, member(event.user_id), event.ssrc, state)
        elif isinstance(event, UsersConnected):
            for found in filter(None, map(member, event.user_ids)):
                dispatch(names.connect, found)
        else:
            dispatch(names.disconnect, member(event.user_id), event.ssrc)

    def _check_registry(self, connection: VoiceConnection | None) -> None:
        """See that the library still knows this client: a new session of the bot's gateway empties its registry."""
        if connection is None or connection is not self._connection or connection.state.phase is Phase.DISCONNECTED:
            return
        holder = self._host.registered(self.client, self._key)
        if holder is self:
            if not connection.state.is_connected and self._host.gateway_is_away(self.client, self._key):
                connection.hold()
        elif holder is not None:
            connection.stop(Reason.SUPERSEDED, leave=False)
        elif not self._host.is_closing(self.client):
            _log.info("The bot's gateway has a new session: joining the voice channel of guild %d again", self._key)
            self._host.register(self.client, self._key, self)
            self._find_channel(self.channel.id)
            connection.rejoin()

    def _failure(self, state: ConnectionState) -> Exception:
        text = f"Could not connect to voice: {state.detail or state.reason.value}"
        if state.reason is Reason.TIMED_OUT:
            return asyncio.TimeoutError(text)
        if state.code is not None:
            text = f"{text} (close code {state.code})"
        return self._host.error(ConnectError, text, state.code)

    async def _wait(self, condition: Callable[[], bool], timeout: float | None) -> None:
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            deadline = None if timeout is None else self.loop.time() + timeout
            while not condition():
                changed.clear()
                remaining = None if deadline is None else deadline - self.loop.time()
                await asyncio.wait_for(changed.wait(), remaining)
        finally:
            self._waiters.discard(changed)

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set()


def _joined(cls: type[VoiceClient], host: Host) -> type[VoiceClient]:
    """A class that is both ``cls`` and the host's voice protocol; one for each pair."""
    if issubclass(cls, host.voice_protocol):
        return cls
    known: dict[type, type[VoiceClient]] | None = cls.__dict__.get("_isocord_joined")
    if known is None:
        known = {}
        cls._isocord_joined = known
    if host.voice_protocol not in known:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        known[host.voice_protocol] = type(cls.__name__, (cls, host.voice_protocol), names)
    return known[host.voice_protocol]


def _socket_opener(options: SocketOptions) -> Callable[[GatewayThread], SocketOpener]:
    """What opens websockets with the bot's own network settings; aiohttp is not imported before the first one."""

    def on(thread: GatewayThread) -> SocketOpener:
        def open_socket(endpoint: str, handler: SocketHandler) -> Socket:
            from ..gateway.socket.transport import GatewaySocket

            return GatewaySocket(thread, endpoint, options, handler)

        return open_socket

    return on
