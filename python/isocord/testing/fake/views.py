"""Handles on a client's connections: what a test reads from them and does to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..bot.gateway import GatewayHub
from ..dave.delivery import EncryptedCall
from ..faults import Fault
from ..ground.opcodes import GatewayClose, GatewayOp, VoiceClose
from ..server.backend import Backend
from ..voice.session import SessionState, VoiceSession
from ..voice.sfu import Wrapping

OnServer = Callable[[Callable[[], Any]], Any]


class VoiceSessionView:
    """One client's voice session, from its Identify to its end; a cut websocket does not end it."""

    def __init__(self, session: VoiceSession, backend: Backend, on_server: OnServer) -> None:
        self._session = session
        self._backend = backend
        self._on_server = on_server

    def __repr__(self) -> str:
        return f"<VoiceSessionView user_id={self.user_id} ssrc={self.ssrc} {self.state.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoiceSessionView) and other._session is self._session

    def __hash__(self) -> int:
        return hash(self._session)

    @property
    def user_id(self) -> int:
        return self._session.user_id

    @property
    def channel_id(self) -> int:
        return self._session.grant.channel_id

    @property
    def endpoint(self) -> str:
        return self._session.grant.endpoint

    @property
    def ssrc(self) -> int:
        return self._session.ssrc

    @property
    def state(self) -> SessionState:
        return self._session.state

    @property
    def mode(self) -> str | None:
        """The transport mode that the client chose."""
        return self._session.mode

    @property
    def has_websocket(self) -> bool:
        return self._session.link is not None and self._session.link.is_open

    @property
    def speaking(self) -> int:
        """The client's speaking flags."""
        return self._session.speaking

    @property
    def max_dave_version(self) -> int:
        """``max_dave_protocol_version`` of the client's Identify."""
        return self._session.max_dave_version

    @property
    def resumes(self) -> int:
        """How often the client has resumed."""
        return self._session.resumes

    @property
    def address(self) -> tuple[str, int] | None:
        """Where the client's UDP packets come from; None before IP discovery."""
        return self._session.leg.address

    @property
    def packets_received(self) -> int:
        """Voice packets of this client that were opened."""
        return self._session.leg.packets_received

    @property
    def packets_sent(self) -> int:
        """Voice packets sent to this client."""
        return self._session.leg.packets_sent

    def close(self, code: int = VoiceClose.DISCONNECTED, reason: str = "") -> None:
        """Close the voice websocket with a code.

        After 1001 and 4015 (server crashed) the session can be resumed; every other code ends it.
        """
        self._on_server(lambda: self._backend.voice.close_session(self._session, code, reason))

    def cut(self) -> None:
        """Break the voice websocket without a close frame; the session can be resumed."""
        self._on_server(lambda: self._session.link.cut() if self._session.link is not None else None)

    def forget(self) -> None:
        """End the session and break its websocket: a Resume will be refused with 4006."""

        def forget() -> None:
            link = self._session.link
            self._backend.voice.end_session(self._session)
            if link is not None:
                link.cut()

        self._on_server(forget)

    def set_udp_faults(self, *, uplink: Fault[bytes] | None = None, downlink: Fault[bytes] | None = None) -> None:
        """Faults for this client's UDP datagrams, to the server and from it; None takes them away."""
        self._session.leg.uplink, self._session.leg.downlink = uplink, downlink

    def set_wrapping(self, wrapping: Wrapping) -> None:
        """RTP header extension and padding on the way to this client."""
        self._session.leg.wrapping = wrapping

    def send_message(self, message: str | bytes) -> None:
        """Write any message on the voice websocket as it is, right or wrong; nothing happens if there is none."""
        self._on_server(lambda: self._session.link.send(message) if self._session.link is not None else None)

    def send_udp(self, datagram: bytes) -> None:
        """Send any datagram from the voice server to this client.

        Raises:
            ValueError: the client's address is not known yet.
        """
        address = self._session.leg.address
        if address is None:
            raise ValueError("no IP discovery has happened yet")
        self._on_server(lambda: self._session.leg.relay.send(datagram, address))


class EncryptionView:
    """The end-to-end encryption of one channel's call, as the voice gateway sees it."""

    def __init__(self, call: EncryptedCall, on_server: OnServer) -> None:
        self._call = call
        self._on_server = on_server

    def __repr__(self) -> str:
        return f"<EncryptionView version={self.version} epoch={self.epoch} members={len(self.members)}>"

    @property
    def version(self) -> int:
        """The DAVE protocol version that the call has or is going to have; 0 while somebody in it has none."""
        return self._call.version

    @property
    def epoch(self) -> int:
        """The MLS epoch, 0 while there is no group."""
        return self._call.epoch

    @property
    def members(self) -> list[int]:
        """Ids of the users in the MLS group."""
        return self._call.members

    @property
    def settled(self) -> bool:
        """Whether everybody in the call is in the group and no transition is under way."""
        settled: bool = self._on_server(lambda: self._call.settled)
        return settled

    def recreate(self) -> None:
        """The gateway makes the MLS group anew: opcode 24 with epoch 1 to everyone."""
        self._on_server(self._call.recreate)

    def repeat_external_sender(self) -> None:
        """Opcode 25 to everyone once more, as the real gateway sometimes sends it."""
        self._on_server(self._call.repeat_external_sender)


class GatewayView:
    """The bot's main gateway connections."""

    def __init__(self, hub: GatewayHub, on_server: OnServer) -> None:
        self._hub = hub
        self._on_server = on_server

    @property
    def session_ids(self) -> list[str]:
        """The sessions that live, connected or resumable."""
        return list(self._hub.sessions)

    @property
    def is_connected(self) -> bool:
        return any(session.connection is not None for session in self._hub.sessions.values())

    @property
    def resumes(self) -> int:
        """How often the living sessions have been resumed."""
        return sum(session.resumes for session in self._hub.sessions.values())

    def cut(self) -> None:
        """Break the websockets without a close frame; the bot can resume."""
        self._each(lambda connection: connection.link.cut())

    def close(self, code: int = GatewayClose.UNKNOWN_ERROR, reason: str = "") -> None:
        """Close the websockets with a code."""
        self._each(lambda connection: connection.link.close(code, reason))

    def reconnect(self) -> None:
        """Opcode 7: ask the bot to reconnect and resume."""
        self._each(lambda connection: connection.send(GatewayOp.RECONNECT, None))

    def invalidate(self) -> None:
        """Opcode 9, not resumable: the session and its voice states are gone, the bot has to identify anew."""
        self._on_server(self._hub.invalidate)

    def _each(self, act: Callable[[Any], None]) -> None:
        def run() -> None:
            for connection in list(self._hub.connections):
                act(connection)

        self._on_server(run)
