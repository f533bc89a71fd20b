"""The demo's own music, for those who bring no file."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from .compare import Samples

RATE = 48_000
_LONGEST = 12.0
_BEAT = 0.3
_MELODY = (0, 4, 7, 12, 11, 7, 4, 2, 5, 9, 12, 14, 12, 9, 7, 5)
_BASS = (-24, -24, -17, -17)


def chosen(file: Path | None, folder: Path, seconds: float) -> Path:
    """The file that was asked for; else a tune of so many seconds, 12 at most, in ``folder``."""
    if file is None:
        file = folder / "clip.wav"
        synthesise(file, min(seconds, _LONGEST))
    return file


def synthesise(path: Path, seconds: float) -> None:
    """Write a little tune as a WAV file, 48 kHz stereo."""
    total = round(seconds * RATE)
    sound = np.zeros((total, 2))
    for index in range(int(seconds / _BEAT) + 1):
        start = round(index * _BEAT * RATE)
        left = 0.5 + 0.4 * np.sin(index)
        _add(sound, start, _note(_MELODY[index % len(_MELODY)], 0.5), left)
        if index % 4 == 0:
            _add(sound, start, _note(_BASS[index // 4 % len(_BASS)], 1.2), 0.5)
    pcm = (np.clip(sound * 0.45, -1, 1) * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def _note(semitone: int, seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * 440 * 2 ** (semitone / 12)
    wave_ = np.sin(pitch * time) + 0.4 * np.sin(2 * pitch * time) + 0.15 * np.sin(3 * pitch * time)
    note: Samples = wave_ * np.exp(-5 * time) * np.minimum(1, time * 400)
    return note


def _add(sound: Samples, start: int, note: Samples, left: float) -> None:
    room = sound[start : start + len(note)]
    room[:, 0] += note[: len(room)] * left
    room[:, 1] += note[: len(room)] * (1 - left)
