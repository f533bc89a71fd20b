"""The rows of the fault matrix: what goes wrong, and what it may do to a voice connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from isocord.testing import Mishap, MishapKind

HEARTBEAT = 2.0
"""Seconds between heartbeats of the voice gateway, so that a missing answer is noticed soon. A client is closed that is
silent for one and a half of them, and a busy machine may hold it up."""


class Effect(Enum):
    """What a mishap is to do to a voice connection."""

    NONE = "nothing"
    RESUMED = "the websocket is resumed, sound goes on meanwhile"
    REPLACED = "a new voice session, without a leave"
    ENDED = "disconnected and forgotten"


@dataclass(frozen=True)
class Case:
    """One row of the matrix.

    Attributes:
        lost: how many frames a listener may miss.
        missed: how many frames of others a recording may miss: a new session enters the encrypted group anew, and
            until then nobody can be understood.
        joins: how many opcode 4 with a channel the bot may send.
        leaves: how many without one.
        everywhere: whether one mishap happens to all guilds at once.
    """

    mishap: Mishap
    effect: Effect
    lost: int = 0
    missed: int = 0
    joins: int = 0
    leaves: int = 0
    everywhere: bool = False


IN_FLIGHT = 50
"""Frames, 1 s, that leave before a busy machine has heard that the server ended the session, or gave it other keys."""
ENTERING = 100
"""Frames, 2 s, until a new session has joined and has the keys of the others, on a busy machine."""


def _closed(code: int) -> Mishap:
    return Mishap(MishapKind.WEBSOCKET_CLOSED, code=code)


def _replaced(mishap: Mishap, *, missed: int = 0, joins: int = 0, everywhere: bool = False) -> Case:
    missed += ENTERING
    return Case(mishap, Effect.REPLACED, lost=IN_FLIGHT, missed=missed, joins=joins, everywhere=everywhere)


def _deaf(mishap: Mishap, frames: int, effect: Effect = Effect.NONE) -> Case:
    """Nothing gets through for so many frames."""
    return Case(mishap, effect, lost=frames + IN_FLIGHT, missed=frames + IN_FLIGHT)


CASES: tuple[Case, ...] = (
    Case(Mishap(MishapKind.WEBSOCKET_CUT), Effect.RESUMED),
    Case(_closed(1001), Effect.RESUMED),
    Case(_closed(4015), Effect.RESUMED),
    Case(Mishap(MishapKind.HEARTBEATS_UNANSWERED, lasting=HEARTBEAT * 1.5), Effect.RESUMED),
    _replaced(Mishap(MishapKind.SESSION_FORGOTTEN), joins=1),
    _replaced(_closed(4006), joins=1),
    _replaced(_closed(4009), joins=1),
    Case(_closed(1000), Effect.ENDED, leaves=1),
    Case(_closed(4004), Effect.ENDED, leaves=1),
    Case(_closed(4016), Effect.ENDED, leaves=1),
    Case(_closed(4017), Effect.ENDED, leaves=1),
    Case(_closed(4021), Effect.ENDED, leaves=1),
    Case(Mishap(MishapKind.KICKED), Effect.ENDED),
    Case(Mishap(MishapKind.CHANNEL_DELETED), Effect.ENDED),
    _replaced(Mishap(MishapKind.MOVED, channel="Music")),
    _replaced(Mishap(MishapKind.SERVER_MIGRATED)),
    _replaced(Mishap(MishapKind.ENDPOINT_GONE, lasting=0.4), missed=20),
    Case(Mishap(MishapKind.GATEWAY_CUT), Effect.NONE, everywhere=True),
    Case(Mishap(MishapKind.GATEWAY_RECONNECT), Effect.NONE, everywhere=True),
    # py-cord waits 5 s before it identifies anew.
    _replaced(Mishap(MishapKind.GATEWAY_REPLACED), missed=250, joins=1, everywhere=True),
    _deaf(Mishap(MishapKind.UDP_BLACK_HOLE, lasting=0.5), 25),
    _deaf(Mishap(MishapKind.UDP_PORT_CLOSED, lasting=0.3), 15),
    # The client asks for its address every 5 s.
    _deaf(Mishap(MishapKind.ADDRESS_CHANGED), 250),
    Case(Mishap(MishapKind.STRANGERS), Effect.NONE),
    Case(Mishap(MishapKind.GARBAGE), Effect.NONE),
    Case(Mishap(MishapKind.GROUP_MADE_ANEW), Effect.NONE),
    _deaf(Mishap(MishapKind.SERVER_SILENT, lasting=HEARTBEAT * 2.5), round(HEARTBEAT * 125), Effect.RESUMED),
    _replaced(Mishap(MishapKind.TLS_REFUSED, lasting=0.5), missed=75, joins=4),
    Case(Mishap(MishapKind.CERTIFICATE_UNTRUSTED), Effect.ENDED, lost=IN_FLIGHT, leaves=1),
)
