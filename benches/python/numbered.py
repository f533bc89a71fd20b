"""Opus packets that say which they are, so that a bench can count what a listener missed."""

from __future__ import annotations

import struct

import discord as pycord

_NUMBER = struct.Struct(">BI")


class Numbered(pycord.AudioSource):
    """Numbered packets without an end."""

    def __init__(self) -> None:
        self.number = 0

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        self.number += 1
        # A TOC of CELT, 20 ms, stereo; nobody decodes the rest.
        return _NUMBER.pack(0xFC, self.number) + bytes(60)

    def cleanup(self) -> None:
        return None


def number_of(opus: bytes) -> int:
    """The number of a packet that was heard."""
    number: int = _NUMBER.unpack_from(opus)[1]
    return number
