"""Where end-to-end encryption (DAVE) meets a call: the delivery service's place.

A call tells its delivery service who joins and leaves and what the members send
(opcodes 23, 26, 28, 31). The service answers through the members: ``signal`` for the JSON opcodes 21, 22 and 24,
``signal_binary`` for 25, 27, 29 and 30; both are numbered and kept for a Resume by the voice session.

Source: DAVE protocol whitepaper 1.1, "Voice Gateway Opcodes".
"""

from __future__ import annotations

from typing import Literal, Protocol

from ..ground.opcodes import VoiceOp
from ..ground.payloads import Json
from ..wire.rtp import MediaPacket

CLIENT_OPCODES = frozenset(
    {
        VoiceOp.DAVE_TRANSITION_READY,
        VoiceOp.DAVE_KEY_PACKAGE,
        VoiceOp.DAVE_COMMIT_WELCOME,
        VoiceOp.DAVE_INVALID_COMMIT,
    }
)
"""What members send to the delivery service."""


DaveVersion = Literal[0, 1, "required"]
"""Calls without end-to-end encryption, calls that have it while all members can, calls that refuse who cannot."""


class CallMember(Protocol):
    """Who takes part: a client's voice session, or a scripted participant without sockets."""

    user_id: int
    ssrc: int
    speaking: int
    max_dave_version: int
    is_scripted: bool

    def deliver(self, packet: MediaPacket) -> None:
        """Sound of another member."""

    def signal(self, op: VoiceOp, data: Json) -> None:
        """A numbered JSON message of the voice gateway."""

    def signal_binary(self, op: VoiceOp, payload: bytes) -> None:
        """A numbered binary message of the voice gateway."""


class DeliveryService(Protocol):
    """One call's delivery service."""

    @property
    def is_gathering(self) -> bool:
        """Whether a group is being made, and somebody who is to be in it has not given a key package yet."""

    def version_for(self, max_version: int) -> int:
        """The ``dave_protocol_version`` for the Session Description of one who can do ``max_version``; 0 for none."""

    def admits(self, max_version: int) -> bool:
        """Whether a client that can do at most ``max_version`` may join; if not, it is closed with 4017."""

    def joined(self, member: CallMember) -> None:
        """``member`` has its Session Description; the others know of it."""

    def left(self, member: CallMember) -> None:
        """``member`` is gone for good (not merely cut off)."""

    def received(self, member: CallMember, op: VoiceOp, body: Json | bytes) -> None:
        """One of ``CLIENT_OPCODES`` from ``member``; ``bytes`` for the binary ones.

        Raises:
            ValueError: the body is malformed; the sender is closed with 4002.
        """


class Unencrypted:
    """A call without end-to-end encryption: DAVE protocol version 0.

    A client that speaks DAVE nevertheless is not refused, for it may not have seen the version yet.
    """

    is_gathering = False

    def version_for(self, max_version: int) -> int:
        return 0

    def admits(self, max_version: int) -> bool:
        return True

    def joined(self, member: CallMember) -> None:
        return None

    def left(self, member: CallMember) -> None:
        return None

    def received(self, member: CallMember, op: VoiceOp, body: Json | bytes) -> None:
        return None


class FrameCrypto(Protocol):
    """End-to-end encryption of one scripted participant's frames."""

    def seal(self, opus: bytes) -> bytes | None:
        """The frame to send for an Opus packet, or None while there is no key."""

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        """The Opus packet in a frame of ``user_id``, or None if it cannot be opened."""


class PlainFrames:
    """Frames of a call without end-to-end encryption."""

    def seal(self, opus: bytes) -> bytes:
        return opus

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        return frame
