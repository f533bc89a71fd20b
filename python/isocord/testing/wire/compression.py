"""Transport compression of the main gateway: one stream for each websocket."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any, Protocol


class Compressor(Protocol):
    """Turns one gateway message into what goes over the websocket."""

    def __call__(self, text: str) -> str | bytes: ...


def plain(text: str) -> str:
    return text


class ZlibStream:
    """``compress=zlib-stream``: one zlib stream, flushed after every message."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def __call__(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """``compress=zstd-stream``; needs ``zstandard``, which a client that asks for it has as well.

    Raises:
        ImportError: it is not installed.
    """

    def __init__(self) -> None:
        zstandard = import_module("zstandard")
        self._flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self._stream: Any = zstandard.ZstdCompressor().compressobj()

    def __call__(self, text: str) -> bytes:
        return bytes(self._stream.compress(text.encode()) + self._stream.flush(self._flush))


def compressor_for(parameter: str | None) -> Compressor:
    """The compressor for the ``compress`` query parameter.

    Raises:
        ValueError: the parameter names no compression that this server has.
    """
    if not parameter:
        return plain
    if parameter == "zlib-stream":
        return ZlibStream()
    if parameter == "zstd-stream":
        try:
            return ZstdStream()
        except ImportError as error:
            raise ValueError("zstd-stream needs the package zstandard") from error
    raise ValueError(f"unknown compression {parameter!r}")
