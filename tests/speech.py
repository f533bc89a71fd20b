"""What people say in tests: by espeak-ng where it is installed, otherwise syllables of vowels and hisses; and noise."""

from __future__ import annotations

import shutil
import subprocess
import wave
from io import BytesIO
from typing import Any

import pytest

np = pytest.importorskip("numpy")

RATE = 48_000
LEVEL = 3_000.0
"""Root mean square of what is said, against 32,768."""
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240))


def syllables(seconds: float, pitch: float = 120.0) -> Any:
    """Vowels of 0.16 s as a throat makes them, each after a hiss of 0.04 s; mono, 48 kHz."""
    random = np.random.default_rng(1)
    parts: list[Any] = []
    for number in range(int(seconds / 0.2) + 1):
        formants = np.array(VOWELS[number % len(VOWELS)], dtype=float)
        at = np.arange(round(0.16 * RATE)) / RATE
        phase = 2 * np.pi * pitch * (at + 0.1 * at**2 * (-1) ** number)
        tones = np.arange(1, int(4_000 / pitch))
        near = 1 / (1 + ((tones[:, None] * pitch - formants) / np.array([60.0, 90.0, 120.0])) ** 2)
        vowel = ((near * [1.0, 0.5, 0.25]).sum(axis=1)[:, None] * np.sin(tones[:, None] * phase)).sum(axis=0)
        hiss = np.diff(random.standard_normal(round(0.04 * RATE)), append=0.0) * 0.03
        parts += [hiss, vowel * np.sin(np.pi * at / 0.16) ** 0.5]
    return np.concatenate(parts)[: round(seconds * RATE)]


def said(seconds: float, text: str = "What time does the last train to the city leave tonight, and from where?") -> Any:
    """So many seconds of speech at 48 kHz, mono, as floating point in the scale of 16 bits."""
    if (espeak := shutil.which("espeak-ng")) is None:
        sound = syllables(seconds)
    else:
        spoken = subprocess.run([espeak, "--stdout", text], check=True, capture_output=True, timeout=30).stdout
        with wave.open(BytesIO(spoken)) as file:
            rate = file.getframerate()
            mono = np.frombuffer(file.readframes(-1), "<i2").astype(float)
        # It is silent before and after.
        loud = np.flatnonzero(np.abs(mono) > 500)
        mono = mono[loud[0] : loud[-1]]
        at = np.arange(round(len(mono) * RATE / rate)) * rate / RATE
        sound = np.resize(np.interp(at, np.arange(len(mono)), mono), round(seconds * RATE))
    return sound * LEVEL / np.sqrt(np.mean(np.square(sound)))


def silence(seconds: float) -> Any:
    """Nothing."""
    return np.zeros(round(seconds * RATE))


def noise(seconds: float, below: float) -> Any:
    """Pink noise, so many decibels below speech."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    sound = np.fft.irfft(spectrum, count)
    return sound * LEVEL / np.sqrt(np.mean(np.square(sound))) / 10 ** (below / 20)


def stereo(*sounds: Any) -> bytes:
    """Sounds one after the other, s16le."""
    mono = np.clip(np.concatenate(sounds), -32_768, 32_767).astype("<i2")
    return bytes(np.repeat(mono, 2).tobytes())
