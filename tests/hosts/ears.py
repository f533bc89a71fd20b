"""What a listener hears, as sound: a sine that is played, and how loud it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import isocord

from .world import RATE, World, np, share, until, wave_file

PITCH = 240.0
LEVEL = 16_000.0
FRAME = 960
IDEAL = LEVEL * (2 * np.pi * PITCH / RATE) ** 2
"""The largest second difference of the sine."""


def sine(path: Path, seconds: float, pitch: float = PITCH) -> Path:
    """A WAV file; whole periods, so that the next one goes on where it ends."""
    values = LEVEL * np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)
    path.write_bytes(wave_file(np.repeat(values.astype("<i2"), 2).tobytes()))
    return path


async def heard_by(world: World, listener: Any, frames: int) -> None:
    await until(lambda: len(listener.arrivals()) >= frames)


class Ear:
    """Hears what came to a listener, frame after frame, and leaves out silence; the left side."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._decoder = isocord._native.OpusDecoder()
        self._heard = 0
        self._pieces: list[Any] = []

    def sound(self) -> Any:
        """All of it until now."""
        arrivals = self._listener.arrivals()[self._heard :]
        self._heard += len(arrivals)
        for arrival in arrivals:
            pcm = np.frombuffer(self._decoder.decode(arrival.opus), "<i2")[::2].astype(float)
            if not arrival.is_silence:
                self._pieces.append(pcm)
        return np.concatenate(self._pieces)

    def level(self) -> float:
        """How loud the last two frames are; 1.0 for the file as it is."""
        return float(np.abs(self.sound()[-2 * FRAME :]).max() / LEVEL)

    def tone(self, pitch: float) -> float:
        """How loud a tone is in the last 100 ms; 1.0 for a file of it as it is."""
        return float(_tone(self.sound()[-5 * FRAME :], pitch))

    def seconds(self, pitch: float) -> float:
        """For how long a tone was heard, to the frame."""
        return 0.02 * sum(_tone(frame, pitch) > 0.1 for frame in self.sound().reshape(-1, FRAME))


def _tone(sound: Any, pitch: float) -> Any:
    turning = np.exp(-2j * np.pi * pitch * np.arange(sound.size) / RATE)
    return 2 * np.abs(np.mean(sound * turning)) / LEVEL


def is_heard(listener: Any, frequency: float) -> bool:
    """Whether a tone sounded alone for half a second."""
    pcm = np.frombuffer(listener.pcm(), dtype="<i2").reshape(-1, 2)[:, 0]
    parts = [pcm[at : at + RATE // 2] for at in range(0, len(pcm) - RATE // 2, RATE // 10)]
    return any(share(part, frequency) > 0.9 for part in parts if part.any())
