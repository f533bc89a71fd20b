"""Messages of the voice gateway as typed values, and how they are read from JSON.

Source: Discord's "Voice Connections" and "Opcodes and Status Codes", voice gateway version 8.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping
from math import inf
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
DaveEvent = SessionDescription | PrepareTransition | ExecuteTransition | PrepareEpoch | MlsMessage

_U16 = 0xFFFF
_U32 = 0xFFFF_FFFF
_U64 = 0xFFFF_FFFF_FFFF_FFFF

LONGEST_TEXT = 256 * 1024
"""Characters of a JSON message; the longest are lists of users, 23 characters for each."""
DEEPEST = 32
"""Lists and objects within each other; version 8 has four."""
_MOST_MODES = 64
_LONGEST_NAME = 64
"""Characters of an address and of a mode's name; an IPv6 address has 45 at most."""
_MOST_USERS = 10_000
"""Users of one message, and more than a voice channel holds."""
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 50, 300_000
"""Milliseconds. The bounds keep a broken server from asking for a flood, or for no heartbeats at all."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def read_json(text: str) -> Any:
    """The value that ``text`` stands for.

    Raises:
        ValueError: it is no JSON, too long, or nested deeper than any message is.
    """
    if len(text) > LONGEST_TEXT or _is_deep(text):
        raise ValueError("too much for a message")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _is_deep(text: str) -> bool:
    # Nearly every message has so few brackets that they need not be told from those in strings.
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        match found.group()[0]:
            case "[" | "{":
                depth += 1
                if depth > DEEPEST:
                    return True
            case "]" | "}":
                depth -= 1
    return False


def sequence_number(value: Any) -> int | None:
    """The number of a numbered message; None if it is none."""
    return value if type(value) is int and 0 <= value <= _U64 else None


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
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ValueError("not a string, or too long")
    return value


def _list(value: Any, longest: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        raise ValueError("not a list, or too long")
    return value


def _hello(d: Mapping[str, Any]) -> Hello:
    interval = d["heartbeat_interval"]
    # Integers of JSON have no bound: they are compared before they are calculated with.
    if isinstance(interval, bool) or not isinstance(interval, (int, float)) or not 0 < interval < inf:
        raise ValueError("no heartbeat interval")
    return Hello(min(max(interval, _SHORTEST_INTERVAL), _LONGEST_INTERVAL) / 1000)


def _ready(d: Mapping[str, Any]) -> Ready:
    offered = _list(d["modes"], _MOST_MODES)
    modes = tuple(mode for mode in offered if isinstance(mode, str) and len(mode) <= _LONGEST_NAME)
    port = integer(d["port"], _U16)
    if port == 0:
        raise ValueError("no port")
    return Ready(integer(d["ssrc"]), _text(d["ip"]), port, modes)


def _session_description(d: Mapping[str, Any]) -> SessionDescription:
    key = bytes(integer(number, 255) for number in _list(d["secret_key"], 32))
    if len(key) != 32:
        raise ValueError("the key is not 32 bytes")
    version = d.get("dave_protocol_version")
    return SessionDescription(_text(d["mode"]), key, integer(0 if version is None else version, _U16))


def _speaking(d: Mapping[str, Any]) -> Speaking:
    return Speaking(integer(d["user_id"], _U64), integer(d["ssrc"]), integer(d["speaking"]))


def _clients_connect(d: Mapping[str, Any]) -> ClientsConnect:
    return ClientsConnect(tuple(integer(user, _U64) for user in _list(d["user_ids"], _MOST_USERS)))


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
