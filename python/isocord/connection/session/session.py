"""One voice session: its gateway protocol, its websocket, and the UDP handshake between them.

Everything here runs on the gateway thread's loop, native events included. A session may go through several websockets:
:meth:`VoiceSession.open` opens the first one, and each further one to resume.

The handshake: Identify -> Ready -> UDP socket and IP discovery -> Select Protocol -> Session Description -> (Speaking)
-> packets leave. Where the server sees us at another address later on, Select Protocol is sent once more, and the keys
that it is answered with take the place of the old ones; end-to-end encryption and speaking go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ... import _native
from ...errors import IsocordError, UnsupportedModeError
from ...gateway.protocol.close_codes import CloseAction, CloseVerdict
from ...gateway.protocol.counters import Latencies
from ...gateway.protocol.messages import (
    ClientDisconnect,
    ClientsConnect,
    DaveEvent,
    Event,
    ExecuteTransition,
    HeartbeatAcked,
    Hello,
    MlsMessage,
    PrepareEpoch,
    PrepareTransition,
    Ready,
    Resumed,
    SessionDescription,
    Speaking,
)
from ...gateway.protocol.protocol import ABANDONED, Credentials, GatewayProtocol, GatewayState
from ...runtime.log import GuildLog
from ...runtime.text import shown
from ...runtime.values import Record, secret
from ..states import Reason

if TYPE_CHECKING:
    from ...gateway.socket.transport import SocketHandler
    from ...runtime.thread import GatewayThread

SPEAKING_LIMIT = 0.1
"""How long a first packet waits for Speaking to be written, in seconds."""


class Socket(Protocol):
    """What a session needs of a websocket; see :class:`isocord.gateway.socket.transport.GatewaySocket`."""

    def write(self, data: str | bytes) -> None: ...
    async def flush(self, limit: float) -> bool: ...
    def close(self, code: int) -> None: ...


SocketOpener = Callable[[str, "SocketHandler"], Socket]
"""Opens a websocket to an endpoint, which reports to the handler."""


class SessionInfo(Record):
    """What an established session is like. The key is never part of a ``repr``."""

    ssrc: int
    address: str
    port: int
    mode: str
    secret_key: bytes = secret()
    dave_version: int

    def without_key(self) -> SessionInfo:
        """What may outlive the session."""
        return SessionInfo(self.ssrc, self.address, self.port, self.mode, b"", self.dave_version)


class SessionOwner(Protocol):
    """What a session reports to, on the gateway thread."""

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``; what it raises ends the session, and is told."""

    def session_established(self, *, resumed: bool) -> None:
        """Packets can leave."""

    def session_lost(self, verdict: CloseVerdict, reason: Reason) -> None:
        """The websocket is gone; the session waits for :meth:`VoiceSession.open` or :meth:`VoiceSession.close`.

        ``reason`` is why it has to be replaced, if the verdict says so and the server has not closed it.
        """

    def session_channel_event(self, event: Speaking | ClientsConnect | ClientDisconnect) -> None:
        """Something about others in the channel."""

    def session_dave_event(self, event: DaveEvent) -> None:
        """A message of the end-to-end encryption."""

    def session_changed(self) -> None:
        """Deadlines may have changed."""

    def wanted_flags(self) -> int:
        """The speaking flags that the server is to know before packets leave."""


class VoiceSession:
    """One voice session; see the module's text."""

    def __init__(
        self,
        owner: SessionOwner,
        *,
        thread: GatewayThread,
        native: _native.Connection,
        credentials: Credentials,
        endpoint: str,
        open_socket: SocketOpener,
        max_dave_version: int,
        latencies: Latencies,
        log: GuildLog,
    ) -> None:
        self._owner = owner
        self._thread = thread
        self._native = native
        self._endpoint = endpoint
        self._open_socket = open_socket
        self._log = log
        self._socket: Socket | None = None
        self._started = False
        self._ready: Ready | None = None
        self._mode: str | None = None
        self._moved_to: tuple[str, int] | None = None
        self._udp_is_broken = False
        self._closed = False
        self._max_dave_version = max_dave_version
        self.protocol: GatewayProtocol = GatewayProtocol(
            credentials, max_dave_version=max_dave_version, latencies=latencies
        )
        self.info: SessionInfo | None = None

    @property
    def deadline(self) -> float | None:
        """When :meth:`timeout` is to be called next."""
        return self.protocol.deadline

    @property
    def can_resume(self) -> bool:
        """Whether the next websocket will resume the session: it has begun, and the server was not told otherwise."""
        return self._started and self.protocol.can_resume

    def open(self) -> None:
        """Open a websocket: the first one, or another one to resume."""
        self._drop_socket(ABANDONED)
        self._socket = self._open_socket(self._endpoint, self)

    def close(self, code: int) -> None:
        """End the session: nothing is reported any more, and its secrets are forgotten."""
        self._closed = True
        self._drop_socket(code)
        self.protocol.forget()
        if self.info is not None:
            self.info = self.info.without_key()

    def drop_socket(self, code: int) -> None:
        """Close the websocket but keep the session."""
        self._drop_socket(code)
        self.protocol.lost(None)

    def timeout(self, now: float) -> None:
        """The deadline has come."""
        self.protocol.timeout(now)
        self._pump()

    def speak(self, flags: int) -> bool:
        """Tell the server our speaking flags; whether there was anything to tell."""
        told = self.protocol.speak(flags)
        if told:
            self._pump()
        return told

    def send(self, message: str | bytes) -> None:
        """Send a message as it is, once the websocket is there."""
        self.protocol.send(message)
        self._write()

    async def flush(self, limit: float) -> bool:
        """Wait until what was queued is written; False if the websocket is away or too slow."""
        socket = self._socket
        return socket is not None and await socket.flush(limit)

    # Reports of the websocket.

    def socket_opened(self) -> None:
        self._owner.enter(self._opened)

    def socket_received(self, data: str | bytes) -> None:
        self._owner.enter(self._received, data)

    def socket_lost(self, code: int | None, error: str, *, trusted: bool) -> None:
        self._owner.enter(self._lost, code, error, trusted)

    def _opened(self) -> None:
        self.protocol.connected(self._now())
        self._pump()

    def _received(self, data: str | bytes) -> None:
        self.protocol.receive(data, self._now())
        self._pump()

    def _lost(self, code: int | None, error: str, trusted: bool) -> None:
        self._socket = None
        if self._closed:
            return
        verdict = self.protocol.lost(code)
        if not trusted:
            verdict = CloseVerdict(CloseAction.REFUSE, code, error)
        elif code is None:
            verdict = CloseVerdict(verdict.action, code, error)
        self._owner.session_lost(verdict, Reason.SESSION_INVALID)

    # Reports of the native connection.

    def discovered(self, event: _native.Discovered) -> None:
        """The voice server sees us at this address: select the protocol."""
        if self._closed or self._mode is None:
            return
        if self.info is not None:
            self._log.repeated(logging.INFO, "The voice server sees the connection at another address")
            self._moved_to = (event.address, event.port)
            self._tell_address()
        elif self.protocol.state is GatewayState.SELECTING:
            self.protocol.select_protocol(event.address, event.port, self._mode)
        self._pump()

    def discovery_failed(self, event: _native.DiscoveryFailed) -> None:
        """No address, so no session; or no way to the server any more, so another session on another socket."""
        if self._closed:
            return
        if self.info is not None:
            self._udp_is_broken = True
            self._leave_broken_udp()
        elif self.protocol.state in (GatewayState.SELECTING, GatewayState.SELECTED):
            self._fail(f"no answer over UDP: {event.reason}")

    # Inside.

    def _now(self) -> float:
        return self._thread.loop.time()

    def _pump(self) -> None:
        self._write()
        for event in self.protocol.take_events():
            if self._closed:
                return
            self._handle(event)
        self._write()
        fault = self.protocol.fault
        if fault is not None and self._socket is not None:
            self._fail(fault.meaning, fault.action, Reason.PROTOCOL_BROKEN)
        self._owner.session_changed()

    def _write(self) -> None:
        socket = self._socket
        if socket is not None:
            for message in self.protocol.take_outgoing():
                socket.write(message)

    def _handle(self, event: Event) -> None:
        match event:
            case Ready():
                self._open_udp(event)
            case SessionDescription():
                self._take_keys(event)
            case Resumed():
                self._tell_address()
                self._owner.session_established(resumed=True)
                self._leave_broken_udp()
            case Speaking() | ClientsConnect() | ClientDisconnect():
                self._owner.session_channel_event(event)
            case PrepareTransition() | ExecuteTransition() | PrepareEpoch() | MlsMessage():
                self._owner.session_dave_event(event)
            case Hello() | HeartbeatAcked():
                pass

    def _open_udp(self, ready: Ready) -> None:
        self._ready = ready
        try:
            self._mode = _native.choose_mode(ready.modes)
            self._native.open(ready.address, ready.port, ready.ssrc)
        except UnsupportedModeError:
            modes = shown(", ".join(ready.modes))
            self._fail(f"the voice server offers no known encryption mode: {modes}", CloseAction.REFUSE)
        except (IsocordError, ValueError, OSError) as error:
            self._fail(f"no UDP socket to the voice server: {error}")

    def _take_keys(self, description: SessionDescription) -> None:
        if self._ready is None:
            return
        if description.mode != self._mode:
            told = f"the voice server chose an encryption mode that was not selected: {shown(description.mode)}"
            self._fail(told, CloseAction.REJOIN, Reason.PROTOCOL_BROKEN)
            return
        if description.dave_version > self._max_dave_version:
            told = f"the voice server chose version {description.dave_version} of the end-to-end encryption (DAVE)"
            self._fail(f"{told}, which was not offered; update isocord", CloseAction.REFUSE)
            return
        self.info = SessionInfo(
            ssrc=self._ready.ssrc,
            address=self._ready.address,
            port=self._ready.port,
            mode=description.mode,
            secret_key=description.secret_key,
            dave_version=description.dave_version,
        )
        if not self._started and self.speak_first():
            self._thread.spawn(self._start_after_speaking(description), name="isocord-start")
        else:
            self._start(description)

    def speak_first(self) -> bool:
        """Queue the speaking flags that the server has to know before packets leave; whether any were queued."""
        told = self.protocol.speak(self._owner.wanted_flags())
        if told:
            self._write()
        return told

    async def _start_after_speaking(self, description: SessionDescription) -> None:
        socket = self._socket
        await self.flush(SPEAKING_LIMIT)
        # Meanwhile the websocket may have been lost, which the owner knows, or other keys may have come.
        if socket is self._socket is not None and not self._started:
            self._owner.enter(self._start, description)

    def _tell_address(self) -> None:
        """Select the protocol again if the address has changed; without a websocket that waits for the resume."""
        if self._moved_to is not None and self._mode is not None and self.protocol.state is GatewayState.ESTABLISHED:
            address, self._moved_to = self._moved_to, None
            self.protocol.select_protocol(*address, self._mode)

    def _leave_broken_udp(self) -> None:
        """Have the session replaced; without a websocket that waits for the resume, or for its end."""
        if self._udp_is_broken and self.protocol.state is GatewayState.ESTABLISHED:
            self._fail("packets to the voice server do not get away", CloseAction.REJOIN, Reason.UDP_BROKEN)

    def _start(self, description: SessionDescription) -> None:
        if self._closed:
            return
        try:
            self._native.start_session(description.mode, description.secret_key)
        except (IsocordError, ValueError) as error:
            self._fail(f"the voice session could not be started: {error}")
            return
        if self._started:
            self._owner.session_dave_event(description)
        else:
            self._started = True
            self._owner.session_established(resumed=False)

    def _fail(
        self, meaning: str, action: CloseAction = CloseAction.RESUME, reason: Reason = Reason.SESSION_INVALID
    ) -> None:
        self._log.debug("The voice session failed: %s", meaning)
        self._drop_socket(ABANDONED)
        self.protocol.lost(None)
        self._owner.session_lost(CloseVerdict(action, None, meaning), reason)

    def _drop_socket(self, code: int) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close(code)
