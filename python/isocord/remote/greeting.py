"""The first bytes that both ends of a link send, of a fixed length: a bot its version and the key, a node its answer.

Whoever has not shown the key gets nothing else read. The layout is that of all versions from 2 on, so that each end can
say to one of another version what it is.
"""

from __future__ import annotations

import enum
import hmac
import struct

VERSION = 2
"""Of what both ends say, these bytes and the messages. A node serves bots of its own version and of the one before;
version 1 showed its key within a pickle, and is not served."""
OLDEST = 2
KEY_SIZE = 32
"""Bytes."""
_MAGIC = b"ISOCORD\n"
_HELLO = struct.Struct(f"!8sH{KEY_SIZE}s")
_ANSWER = struct.Struct("!8sHB")
HELLO_SIZE = _HELLO.size
ANSWER_SIZE = _ANSWER.size
"""Bytes."""


class Answer(enum.IntEnum):
    """What a node says to a bot's first bytes."""

    WELCOME = 0
    WRONG_KEY = 1
    WRONG_VERSION = 2


def hello(key: bytes) -> bytes:
    """A bot's first bytes."""
    return _HELLO.pack(_MAGIC, VERSION, key)


def judged(data: bytes, key: bytes) -> tuple[Answer, int]:
    """What a node with this key says to those bytes, and the version that they are of."""
    magic, version, shown = _HELLO.unpack(data)
    if not (hmac.compare_digest(shown, key) and magic == _MAGIC):
        return Answer.WRONG_KEY, version
    return (Answer.WELCOME if OLDEST <= version <= VERSION else Answer.WRONG_VERSION), version


def answer(kind: Answer) -> bytes:
    """A node's first bytes."""
    return _ANSWER.pack(_MAGIC, VERSION, kind)


def refusal(data: bytes) -> str | None:
    """Why a node that answers so does not let a bot in; None if it does."""
    magic, version, kind = _ANSWER.unpack(data)
    if magic != _MAGIC or kind not in list(Answer):
        return "it is no media node of this version"
    told = {
        Answer.WELCOME: None,
        Answer.WRONG_KEY: "the key is not this node's",
        Answer.WRONG_VERSION: f"it speaks version {version} of the protocol, and this bot version {VERSION}",
    }
    return told[Answer(kind)]
