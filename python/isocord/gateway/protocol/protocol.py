"""The voice gateway, version 8, as a sans-IO state machine.

:class:`GatewayProtocol` lives for one voice session, which may see several websockets in a row: after a cut, the
next socket resumes it. It neither reads a clock nor touches a socket. The caller

1. calls :meth:`~GatewayProtocol.connected` when a socket is open,
2. gives every message to :meth:`~GatewayProtocol.receive` and every cut to :meth:`~GatewayProtocol.lost`,
3. calls :meth:`~GatewayProtocol.timeout` when :attr:`~GatewayProtocol.deadline` has come,

and after each of these, and after each request, sends what :meth:`~GatewayProtocol.take_outgoing` returns, acts on what
:meth:`~GatewayProtocol.take_events` returns, and gives the socket up if :attr:`~GatewayProtocol.fault` is set.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any

from ...runtime.values import Record, secret
from .close_codes import CloseAction, CloseVerdict, classify
from .counters import Counters, Latencies
from .messages import (
    BINARY_FROM_SERVER,
    PARSERS,
    Event,
    HeartbeatAcked,
    Hello,
    MlsMessage,
    Op,
    Ready,
    Resumed,
    SessionDescription,
    read_json,
    sequence_number,
)

ABANDONED = 4900
"""What the client closes a socket with that it gives up; not 1000, so that the session can be resumed."""

_LATE = 1.0
_GRACE = 5.0


class Credentials(Record):
    """What Identify and Resume show to the voice server. The secrets are never part of a ``repr``."""

    server_id: int
    user_id: int
    session_id: str = secret()
    token: str = secret()


class Fault(Record):
    """Why the socket is to be given up, and what to do then."""

    action: CloseAction
    meaning: str


SILENT = Fault(CloseAction.RESUME, "the voice server did not answer a heartbeat in time")
_READY_AGAIN = Fault(CloseAction.REJOIN, "the voice server began the session anew in the midst of it")


class GatewayState(enum.Enum):
    """Where a voice session stands."""

    DETACHED = "no socket yet, or the last one was lost"
    IDENTIFYING = "Identify was sent, Ready has not come"
    SELECTING = "Ready came, Select Protocol was not sent"
    SELECTED = "Select Protocol was sent, Session Description has not come"
    ESTABLISHED = "the session has its keys"
    RESUMING = "Resume was sent, Resumed has not come"


class GatewayProtocol:
    """One voice session.

    Args:
        credentials: who we are, and the secrets of this session.
        max_dave_version: highest DAVE protocol version that we can speak; 0 for none.
        latencies: where heartbeat latencies are noted.
    """

    def __init__(
        self, credentials: Credentials, *, max_dave_version: int = 0, latencies: Latencies | None = None
    ) -> None:
        self._credentials = credentials
        self._max_dave_version = max_dave_version
        self.latencies: Latencies = latencies if latencies is not None else Latencies()
        self.counters: Counters = Counters()
        self.state: GatewayState = GatewayState.DETACHED
        self.ssrc: int | None = None
        self.speaking_flags: int = 0
        self.fault: Fault | None = None
        self._resumable = False
        self._seq_ack = -1
        self._outgoing: list[str | bytes] = []
        self._encryption_outgoing: list[str | bytes] = []
        self._events: list[Event] = []
        self._interval: float | None = None
        self._next_beat: float | None = None
        self._beat_sent_at: float | None = None
        self._beat_nonce = 0

    def __repr__(self) -> str:
        return f"<GatewayProtocol {self.state.name} seq_ack={self._seq_ack} {self._credentials!r}>"

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message seen, -1 if none."""
        return self._seq_ack

    @property
    def can_resume(self) -> bool:
        """Whether the next socket will resume the session rather than identify anew."""
        return self._resumable

    @property
    def deadline(self) -> float | None:
        """When :meth:`timeout` is to be called next, or None while nothing is due."""
        return self._next_beat

    def forget(self) -> None:
        """The session is over for good: the secrets go. No socket may be opened for it any more."""
        self._credentials = Credentials(self._credentials.server_id, self._credentials.user_id, "", "")
        self._outgoing.clear()
        self._encryption_outgoing.clear()
        self._events.clear()
        self._resumable = False

    # What happens to us.

    def connected(self, now: float) -> None:
        """A new socket is open: queue Identify, or Resume for a session that was established before."""
        self._interval = self._next_beat = self._beat_sent_at = None
        self.fault = None
        # What was queued for the lost socket is stale: heartbeats, and answers that a resume asks for again.
        self._outgoing.clear()
        me = self._credentials
        if self._resumable:
            self.state = GatewayState.RESUMING
            body = {
                "server_id": str(me.server_id),
                "session_id": me.session_id,
                "token": me.token,
                "seq_ack": self._seq_ack,
            }
            self._send(Op.RESUME, body)
        else:
            self.state = GatewayState.IDENTIFYING
            self._seq_ack = -1
            self._encryption_outgoing.clear()
            body = {
                "server_id": str(me.server_id),
                "user_id": str(me.user_id),
                "session_id": me.session_id,
                "token": me.token,
                "max_dave_protocol_version": self._max_dave_version,
            }
            self._send(Op.IDENTIFY, body)

    def receive(self, data: str | bytes, now: float) -> None:
        """Take one message, text or binary. Malformed, unknown and repeated ones are counted and dropped."""
        self.counters.received += 1
        if isinstance(data, str):
            self._receive_json(data, now)
        else:
            self._receive_binary(data)

    def lost(self, code: int | None) -> CloseVerdict:
        """The socket is gone; ``code`` is its close code, None without a close frame. Says what to do next."""
        self.state = GatewayState.DETACHED
        # It was meant for this socket, not for the next one.
        self.fault = None
        self._next_beat = self._beat_sent_at = None
        if code == ABANDONED:
            code = None
        return classify(code)

    def timeout(self, now: float) -> None:
        """The deadline has come: queue a heartbeat, or give the socket up if the last one went unanswered."""
        if self._next_beat is None or now < self._next_beat or self._interval is None:
            return
        if self._beat_sent_at is not None:
            if now - self._next_beat > _LATE:
                # We were held up ourselves: the answer may wait in the socket's buffer.
                self._next_beat = now + min(self._interval, _GRACE)
                return
            self._next_beat = None
            self.fault = SILENT
            return
        self._beat(now)

    # What the caller asks for.

    def select_protocol(self, address: str, port: int, mode: str) -> None:
        """Queue Select Protocol: our address as the voice server sees it, and the transport mode."""
        if self.state is GatewayState.SELECTING:
            self.state = GatewayState.SELECTED
        self._send(Op.SELECT_PROTOCOL, {"protocol": "udp", "data": {"address": address, "port": port, "mode": mode}})

    def speak(self, flags: int) -> bool:
        """Queue Speaking, unless the server knows these flags already; returns whether it was queued.

        Has to be written before the first packet of a session leaves.
        """
        if self.ssrc is None or self.state is not GatewayState.ESTABLISHED or flags == self.speaking_flags:
            return False
        self.speaking_flags = flags
        self._send(Op.SPEAKING, {"speaking": flags, "delay": 0, "ssrc": self.ssrc})
        return True

    def send(self, message: str | bytes) -> None:
        """Queue a message of DAVE (opcodes 23, 26, 28, 31) as it is. It outlasts a socket that is lost meanwhile."""
        self._encryption_outgoing.append(message)

    def take_outgoing(self) -> list[str | bytes]:
        """Messages to send, oldest first; they are handed out once. Those of DAVE wait for a session."""
        outgoing, self._outgoing = self._outgoing, []
        if self.state is GatewayState.ESTABLISHED:
            outgoing += self._encryption_outgoing
            self._encryption_outgoing.clear()
        return outgoing

    def take_events(self) -> list[Event]:
        """Events to act on, oldest first; they are handed out once."""
        events, self._events = self._events, []
        return events

    # Inside.

    def _send(self, op: Op, body: Mapping[str, Any]) -> None:
        self._outgoing.append(json.dumps({"op": int(op), "d": body}, separators=(",", ":")))

    def _beat(self, now: float) -> None:
        assert self._interval is not None
        self._beat_nonce += 1
        self._beat_sent_at = now
        self._next_beat = now + self._interval
        self._send(Op.HEARTBEAT, {"t": self._beat_nonce, "seq_ack": self._seq_ack})

    def _receive_json(self, text: str, now: float) -> None:
        try:
            message = read_json(text)
        except ValueError:
            self.counters.malformed += 1
            return
        if not isinstance(message, dict):
            self.counters.malformed += 1
            return
        op, d, seq = message.get("op"), message.get("d"), sequence_number(message.get("seq"))
        if type(op) is not int:
            self.counters.malformed += 1
            return
        if seq is not None and not self._count(seq):
            return
        if op == Op.HEARTBEAT_ACK:
            self._acked(d, now)
        elif op == Op.RESUMED:
            self._resumed(now)
        elif op in PARSERS:
            try:
                event = PARSERS[op](d if isinstance(d, dict) else {})
            except (KeyError, ValueError):
                self.counters.malformed += 1
                return
            self._take(event, now)
        else:
            self.counters.unknown += 1

    def _receive_binary(self, data: bytes) -> None:
        if len(data) < 3:
            self.counters.malformed += 1
            return
        if not self._count(int.from_bytes(data[:2], "big")):
            return
        if data[2] not in BINARY_FROM_SERVER:
            self.counters.unknown += 1
            return
        self._events.append(MlsMessage(Op(data[2]), data[3:]))

    def _count(self, seq: int) -> bool:
        """Note a message's number; False for one that was seen before.

        Binary messages carry 16 bits of the number, so it is compared as a serial number of 16 bits (RFC 1982).
        """
        if self._seq_ack >= 0:
            ahead = (seq - self._seq_ack) & 0xFFFF
            if ahead == 0 or ahead > 0x7FFF:
                self.counters.duplicate += 1
                return False
        self._seq_ack = seq
        return True

    def _take(self, event: Event, now: float) -> None:
        taken = True
        match event:
            case Hello():
                taken = self._hello(event, now)
            case Ready():
                taken = self._ready(event, now)
            case SessionDescription():
                taken = self.state in (GatewayState.SELECTED, GatewayState.ESTABLISHED)
                if taken:
                    self.state = GatewayState.ESTABLISHED
                    self._resumable = True
        if taken:
            self._events.append(event)
        else:
            self.counters.misplaced += 1

    def _hello(self, hello: Hello, now: float) -> bool:
        if self._interval is not None:
            # One for each socket: a second one would put off the verdict on the last heartbeat.
            return False
        self._interval = hello.heartbeat_interval
        if self.state in (GatewayState.SELECTING, GatewayState.SELECTED, GatewayState.ESTABLISHED):
            self._beat(now)
        else:
            # A heartbeat before the authentication may be answered with 4003.
            self._next_beat = now + self._interval
        return True

    def _ready(self, ready: Ready, now: float) -> bool:
        if self.state is not GatewayState.IDENTIFYING:
            # What the session was is gone on the server, and with it the socket and the keys.
            self.fault = _READY_AGAIN
            self._resumable = False
            return False
        self.state = GatewayState.SELECTING
        self._resumable = False
        self.ssrc = ready.ssrc
        self.speaking_flags = 0
        self._authenticated(now)
        return True

    def _resumed(self, now: float) -> None:
        if self.state is not GatewayState.RESUMING:
            self.counters.misplaced += 1
            return
        self.state = GatewayState.ESTABLISHED
        self._authenticated(now)
        self._events.append(Resumed())

    def _authenticated(self, now: float) -> None:
        # The first heartbeat goes out at once, so that the latency is known early.
        if self._interval is not None and self._beat_sent_at is None:
            self._beat(now)

    def _acked(self, d: Any, now: float) -> None:
        nonce = d.get("t") if isinstance(d, dict) else d
        known = type(nonce) in (int, str) and nonce in (self._beat_nonce, str(self._beat_nonce))
        if self._beat_sent_at is None or not known:
            self.counters.misplaced += 1
            return
        latency = now - self._beat_sent_at
        self._beat_sent_at = None
        self.latencies.add(latency)
        self._events.append(HeartbeatAcked(latency))
