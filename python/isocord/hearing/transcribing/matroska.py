"""The tracks of a Matroska or WebM file (RFC 9559), by their names: as much of it as that takes."""

from __future__ import annotations

import os
from collections.abc import Iterator

_HEAD = 1 << 20
"""The list of tracks comes before the sound."""
_SEGMENT, _TRACKS, _ENTRY, _TYPE, _NAME = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x536E
_AUDIO = 2


def audio_tracks(path: str | os.PathLike[str]) -> list[str | None]:
    """The names of its tracks of sound, in order; empty if it is no such file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return []
    names: list[str | None] = []
    for element, content in _elements(head):
        inner = _elements(content) if element == _SEGMENT else ()
        entries = (entry for found, tracks in inner if found == _TRACKS for entry in _elements(tracks))
        for kind, entry in entries:
            fields = dict(_elements(entry)) if kind == _ENTRY else {}
            if int.from_bytes(fields.get(_TYPE, b""), "big") == _AUDIO:
                name = fields.get(_NAME, b"").split(b"\0")[0].decode("utf-8", "replace")
                names.append(name or None)
    return names


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Those that follow each other, the last one as far as it is there."""
    at = 0
    while at < len(data):
        length = _length(data[at])
        element = int.from_bytes(data[at : at + length], "big")
        at += length
        if at >= len(data):
            return
        length = _length(data[at])
        size = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
        at += length
        # All ones: not known, up to the end.
        size = len(data) - at if size == (1 << 7 * length) - 1 else size
        yield element, data[at : at + size]
        at += size


def _length(first: int) -> int:
    """Bytes of a number, which its first one tells; what is none is passed over byte by byte."""
    return 9 - first.bit_length() if first else 1
