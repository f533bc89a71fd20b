"""Gives back memory that asyncio holds for each TLS connection.

From CPython 3.11 on asyncio reads every TLS connection through a buffer of 256 KiB of its own, as for a download. A
voice gateway's messages have some hundred bytes: hundreds of voice connections would hold tens of MiB for nothing.
"""

from __future__ import annotations

from typing import Any

SMALL_BUFFER = 16 * 1024
"""One TLS record (RFC 8446, section 5.1)."""


def shrink(transport: Any) -> bool:
    """Let the connection of ``transport`` read through a small buffer from now on; False if it cannot be told to.

    Called on the connection's loop. asyncio has no public way to ask for it; one that keeps its buffer elsewhere, and
    other loops than asyncio's, are left alone.
    """
    protocol = getattr(transport, "_ssl_protocol", None)
    buffer = getattr(protocol, "_ssl_buffer", None)
    view = getattr(protocol, "_ssl_buffer_view", None)
    if not (isinstance(buffer, bytearray) and isinstance(view, memoryview)):
        return False
    if not isinstance(getattr(protocol, "max_size", None), int) or len(buffer) <= SMALL_BUFFER:
        return False
    small = bytearray(SMALL_BUFFER)
    # The limit first: asyncio makes the buffer as large as that.
    protocol.max_size = SMALL_BUFFER  # type: ignore[union-attr]
    protocol._ssl_buffer, protocol._ssl_buffer_view = small, memoryview(small)  # type: ignore[union-attr]
    return True
