"""WAV files in memory, and objects that give them away piece by piece."""

from __future__ import annotations

import io
import wave


def wav(seconds: float = 2.0) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(b"\x10\x20" * round(48_000 * seconds))
    return data.getvalue()


class Piecewise:
    """A file object that gives less than is asked for, as sockets and raw files do."""

    def __init__(self, content: bytes, piece: int) -> None:
        self._rest = memoryview(content)
        self._piece = piece

    def read(self, size: int) -> bytes:
        piece, self._rest = self._rest[: self._piece], self._rest[self._piece :]
        assert len(piece) <= size
        return bytes(piece)
