"""One client's voice session: numbered messages, what a Resume replays, and its place in the call."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ..ground.opcodes import VoiceOp
from ..ground.payloads import Json
from ..wire.ciphers import make_cipher
from ..wire.rtp import MediaPacket
from ..wire.websocket import Link, MessageFilter
from .call import Call
from .sfu import UdpLeg, UdpRelay, Wrapping

_BUFFERED_MESSAGES = 1024
_BINARY_HEAD = struct.Struct(">HB")


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to open a voice session: what VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE told a client."""

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str
    endpoint: str

    def __repr__(self) -> str:
        return f"<Grant guild_id={self.guild_id} channel_id={self.channel_id} user_id={self.user_id}>"


class SessionState(Enum):
    """How far a voice session has come."""

    IDENTIFIED = "identified: Ready was sent, no transport keys yet"
    CONNECTED = "connected: the client has its Session Description"
    ENDED = "ended: only a new Identify helps"


class _FilterHolder(Protocol):
    message_filter: MessageFilter | None
    silent: set[int]


class VoiceSession:
    """A member of a call that is a client on the network.

    Args:
        version: voice gateway version of the client; messages are numbered from version 8 on.
        max_dave_version: from its Identify.
        filters: holds the fault filter for gateway messages.
    """

    is_scripted = False

    def __init__(
        self,
        grant: Grant,
        call: Call,
        relay: UdpRelay,
        ssrc: int,
        *,
        version: int,
        max_dave_version: int,
        wrapping: Wrapping,
        filters: _FilterHolder,
    ) -> None:
        self.grant = grant
        self.user_id: int = grant.user_id
        self.ssrc = ssrc
        self.call = call
        self.speaking = 0
        self.has_spoken = False
        self.version = version
        self.max_dave_version = max_dave_version
        self.state: SessionState = SessionState.IDENTIFIED
        self.mode: str | None = None
        self.link: Link | None = None
        self.resumes = 0
        self.seq: int = 0
        self.leg: UdpLeg = UdpLeg(grant.user_id, ssrc, relay, self._media, wrapping)
        self.expiry: asyncio.TimerHandle | None = None
        self._filters = filters
        self._buffer: deque[tuple[int, VoiceOp, str | bytes, Json]] = deque()
        # True once a message that the client may lack has been forgotten.
        self._forgotten_up_to = 0
        relay.add(self.leg)

    def send(self, op: VoiceOp, data: Json | int | None) -> None:
        """A message without a number: Hello, Heartbeat ACK, Resumed."""
        self._put(op, json.dumps({"op": op, "d": data}), data)

    def signal(self, op: VoiceOp, data: Json) -> None:
        """A numbered message, kept for a Resume until the client acknowledges it."""
        if self.version < 8:
            self.send(op, data)
            return
        self.seq += 1
        self._keep_and_put(op, json.dumps({"op": op, "d": data, "seq": self.seq}), data)

    def signal_binary(self, op: VoiceOp, payload: bytes) -> None:
        """A numbered binary message: uint16 seq, uint8 op, payload."""
        self.seq += 1
        frame = _BINARY_HEAD.pack(self.seq & 0xFFFF, op) + payload
        self._keep_and_put(op, frame, {"bytes": len(payload)})

    def acknowledge(self, seq_ack: int) -> None:
        """The client has seen everything up to ``seq_ack``."""
        while self._buffer and self._buffer[0][0] <= seq_ack:
            self._forgotten_up_to = self._buffer.popleft()[0]

    def can_replay(self, seq_ack: int) -> bool:
        """Whether everything after ``seq_ack`` is still there."""
        return self._forgotten_up_to <= max(seq_ack, 0) <= self.seq

    def replay(self, seq_ack: int) -> int:
        """Send again what came after ``seq_ack``; gives the number of messages."""
        self.acknowledge(seq_ack)
        for seq, op, frame, data in self._buffer:
            self._put(op, frame, data, seq)
        return len(self._buffer)

    def select(self, mode: str) -> bytes:
        """Make the transport key for ``mode``; the leg opens and seals with it from now on."""
        key = os.urandom(32)
        self.mode = mode
        self.leg.set_keys(make_cipher(mode, key), make_cipher(mode, key))
        self.state = SessionState.CONNECTED
        return key

    def deliver(self, packet: MediaPacket) -> None:
        self.leg.send(packet)

    def end(self) -> None:
        """Leave the call for good; idempotent."""
        if self.state is SessionState.ENDED:
            return
        self.state = SessionState.ENDED
        self.cancel_expiry()
        self.leg.relay.remove(self.leg)
        self.call.leave(self)
        self._buffer.clear()

    def cancel_expiry(self) -> None:
        if self.expiry is not None:
            self.expiry.cancel()
            self.expiry = None

    def _media(self, packet: MediaPacket) -> None:
        if not self.has_spoken:
            self.leg.relay.log.count("rtp_before_speaking")
        self.call.relay(self, packet)

    def _keep_and_put(self, op: VoiceOp, frame: str | bytes, data: Json) -> None:
        self._buffer.append((self.seq, op, frame, data))
        if len(self._buffer) > _BUFFERED_MESSAGES:
            self._forgotten_up_to = self._buffer.popleft()[0]
        self._put(op, frame, data, self.seq)

    def _put(self, op: VoiceOp, frame: str | bytes, data: Json | int | None, seq: int | None = None) -> None:
        if self.link is None or not self.link.is_open or self.grant.guild_id in self._filters.silent:
            return
        if self._filters.message_filter is not None and not self._filters.message_filter("sent", op, data):
            return
        self.link.log.add("voice", "sent", self.link.number, op, name=op.name, data=data, seq=seq)
        self.link.send(frame)
