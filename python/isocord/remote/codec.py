"""Messages as bytes: a length of four bytes, then a pickle that may name nothing but the values of the vocabulary.

The other end is known by its key. It still gets to make no object that is not listed here.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterator
from typing import Any

from ..errors import IsocordError
from . import messages

MAX_MESSAGE = 64 << 20
"""Bytes. The longest utterance there is, two minutes of f32 in stereo, is some 50 MB."""
_LENGTH = struct.Struct("!I")
_MODULES = {
    "isocord.remote.messages",
    "isocord.remote.beside.messages",
    "isocord.connection.states",
    "isocord.connection.decisions.actions",
    "isocord.connection.session.encryption",
    "isocord.connection.session.session",
    "isocord.gateway.protocol.close_codes",
    "isocord.errors",
}
_NATIVE = {"HeardFrame", "SpeakingChanged", "Utterance"}
_BUILTINS = {"frozenset", "ValueError", "TypeError", "OSError", "RuntimeError", "OverflowError"}


class LinkError(IsocordError):
    """What came over a link is not of this vocabulary, or the link is gone."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = (
            (module in _MODULES and "." not in name)
            or (module == "isocord._native" and name in _NATIVE)
            or (module == "builtins" and name in _BUILTINS)
            or (module, name) == ("copyreg", "__newobj__")
        )
        found = super().find_class(module, name) if known else None
        if not isinstance(found, type) and (module, name) != ("copyreg", "__newobj__"):
            raise pickle.UnpicklingError(f"{module}.{name} is not part of the vocabulary")
        return found


def encode(message: messages.Message) -> bytes:
    """The bytes of a message.

    Raises:
        LinkError: it is too long, or holds what does not pickle.
    """
    try:
        body = pickle.dumps(message, 5)
    except Exception as error:
        # A pickle can fail in any way.
        raise LinkError(f"a {type(message).__name__} does not pickle: {type(error).__name__}") from None
    if len(body) > MAX_MESSAGE:
        raise LinkError(f"a {type(message).__name__} of {len(body)} bytes is too long")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts what comes into messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[messages.Message]:
        """The messages that are whole now.

        Raises:
            LinkError: it is no message.
        """
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > MAX_MESSAGE:
                raise LinkError(f"a message of {length} bytes is too long")
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield _read(body)


def _read(body: bytes) -> messages.Message:
    try:
        found = _Reader(io.BytesIO(body)).load()
    except Exception as error:
        # A pickle can fail in any way.
        raise LinkError(f"what came is no message: {type(error).__name__}") from None
    if not isinstance(found, messages.Message):
        raise LinkError(f"a {type(found).__name__} is no message")
    return found
