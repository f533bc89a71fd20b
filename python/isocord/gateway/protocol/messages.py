"""Messages of the voice gateway as typed values, and how they are read from JSON.

Source: Discord's "Voice Connections" and "Opcodes and Status Codes", voice gateway version 8.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ...runtime.values import Record, secret


class Op(enum.IntEnum):
    """Opcodes of the voice gateway; the ones from 25 on, but for 31, travel as binary messages."""

    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9
    CLIENTS_CONNECT = 11
    CLIENT_DISCONNECT = 13
    DAVE_PREPARE_TRANSITION = 21
    DAVE_EXECUTE_TRANSITION = 22
    DAVE_TRANSITION_READY = 23
    DAVE_PREPARE_EPOCH = 24
    MLS_EXTERNAL_SENDER = 25
    MLS_KEY_PACKAGE = 26
    MLS_PROPOSALS = 27
    MLS_COMMIT_WELCOME = 28
    MLS_ANNOUNCE_COMMIT_TRANSITION = 29
    MLS_WELCOME = 30
    MLS_INVALID_COMMIT_WELCOME = 31


BINARY_FROM_SERVER = frozenset(
    {Op.MLS_EXTERNAL_SENDER, Op.MLS_PROPOSALS, Op.MLS_ANNOUNCE_COMMIT_TRANSITION, Op.MLS_WELCOME}
)


class Hello(Record):
    """Opcode 8; the interval is in seconds."""

    heartbeat_interval: float


class Ready(Record):
    """Opcode 2: the voice server's UDP address and our SSRC."""

    ssrc: int
    address: str
    port: int
    modes: tuple[str, ...]


class SessionDescription(Record):
    """Opcode 4: the transport keys. The key is 32 bytes and never part of a ``repr``."""

    mode: str
    secret_key: bytes = secret()
    dave_version: int


class Resumed(Record):
    """Opcode 9: the session goes on; every numbered message that was missed follows."""


class HeartbeatAcked(Record):
    """Opcode 6: the answer to our heartbeat, after ``latency`` seconds."""

    latency: float


class Speaking(Record):
    """Opcode 5 from the server: a user's SSRC and speaking flags."""

    user_id: int
    ssrc: int
    flags: int


class ClientsConnect(Record):
    """Opcode 11: users who are in the channel."""

    user_ids: tuple[int, ...]


class ClientDisconnect(Record):
    """Opcode 13: a user left the channel."""

    user_id: int


class PrepareTransition(Record):
    """Opcode 21: protocol version 0 is a downgrade, transition 0 is executed at once."""

    transition_id: int
    protocol_version: int


class ExecuteTransition(Record):
    """Opcode 22."""

    transition_id: int


class PrepareEpoch(Record):
    """Opcode 24: epoch 1 asks for a new group."""

    protocol_version: int
    epoch: int


class MlsMessage(Record):
    """A binary message of opcode 25, 27, 29 or 30; the payload starts after the opcode byte."""

    op: Op
    payload: bytes = secret()


Event = (
    Hello
    | Ready
    | SessionDescription
    | Resumed
    | HeartbeatAcked
    | Speaking
    | ClientsConnect
    | ClientDisconnect
    | PrepareTransition
    | ExecuteTransition
    | PrepareEpoch
    | MlsMessage
)
DaveEvent = PrepareTransition | ExecuteTransition | PrepareEpoch | MlsMessage

_U16 = 0xFFFF
_U32 = 0xFFFF_FFFF
_U64 = 0xFFFF_FFFF_FFFF_FFFF


def integer(value: Any, limit: int = _U32) -> int:
    """Read an unsigned integer, also one written as a string of digits.

    Raises:
        ValueError: it is no such integer, or over ``limit``.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise ValueError("not an integer in range")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _hello(d: Mapping[str, Any]) -> Hello:
    interval = d["heartbeat_interval"]
    if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not isfinite(interval) or interval <= 0:
        raise ValueError("no heartbeat interval")
    # Bounds keep a broken server from asking for a flood, or for no heartbeats at all.
    return Hello(min(max(interval / 1000, 0.05), 300.0))


def _ready(d: Mapping[str, Any]) -> Ready:
    modes = tuple(mode for mode in _list(d["modes"]) if isinstance(mode, str))
    return Ready(integer(d["ssrc"]), _text(d["ip"]), integer(d["port"], _U16), modes)


def _session_description(d: Mapping[str, Any]) -> SessionDescription:
    numbers = _list(d["secret_key"])
    key = bytes(integer(number, 255) for number in numbers)
    if len(key) != 32:
        raise ValueError("the key is not 32 bytes")
    return SessionDescription(_text(d["mode"]), key, integer(d.get("dave_protocol_version") or 0, _U16))


def _speaking(d: Mapping[str, Any]) -> Speaking:
    return Speaking(integer(d["user_id"], _U64), integer(d["ssrc"]), integer(d["speaking"]))


def _clients_connect(d: Mapping[str, Any]) -> ClientsConnect:
    return ClientsConnect(tuple(integer(user, _U64) for user in _list(d["user_ids"])))


def _client_disconnect(d: Mapping[str, Any]) -> ClientDisconnect:
    return ClientDisconnect(integer(d["user_id"], _U64))


def _prepare_transition(d: Mapping[str, Any]) -> PrepareTransition:
    return PrepareTransition(integer(d["transition_id"], _U16), integer(d["protocol_version"], _U16))


def _execute_transition(d: Mapping[str, Any]) -> ExecuteTransition:
    return ExecuteTransition(integer(d["transition_id"], _U16))


def _prepare_epoch(d: Mapping[str, Any]) -> PrepareEpoch:
    return PrepareEpoch(integer(d["protocol_version"], _U16), integer(d["epoch"], _U64))


PARSERS: Mapping[int, Callable[[Mapping[str, Any]], Event]] = {
    Op.HELLO: _hello,
    Op.READY: _ready,
    Op.SESSION_DESCRIPTION: _session_description,
    Op.SPEAKING: _speaking,
    Op.CLIENTS_CONNECT: _clients_connect,
    Op.CLIENT_DISCONNECT: _client_disconnect,
    Op.DAVE_PREPARE_TRANSITION: _prepare_transition,
    Op.DAVE_EXECUTE_TRANSITION: _execute_transition,
    Op.DAVE_PREPARE_EPOCH: _prepare_epoch,
}
"""Readers of the ``d`` of a JSON message; they raise KeyError or ValueError for a malformed one."""
