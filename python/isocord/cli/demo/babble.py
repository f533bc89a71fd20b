"""A voice that is made here: syllables of harmonics below formants, which voice activity detection takes for speech."""

from __future__ import annotations

import numpy as np

from .compare import Samples

RATE = 48_000
_FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Of five vowels, in Hz."""


def babble(seconds: float, pitch: float = 120.0, *, seed: int = 1) -> bytes:
    """So many seconds of it as 48 kHz stereo s16le.

    Args:
        seconds: how many.
        pitch: of the voice in Hz: 120 for a low one, 200 for a high one.
        seed: another one says something else.
    """
    random = np.random.default_rng(seed)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < seconds * RATE:
        pieces += _syllable(random, pitch * random.uniform(0.9, 1.2))
    sound = np.concatenate(pieces)[: int(seconds * RATE)] * 13_000
    pcm: bytes = np.repeat(sound.astype("<i2"), 2).tobytes()
    return pcm


def _syllable(random: np.random.Generator, pitch: float) -> tuple[Samples, Samples]:
    """A vowel, and a breath after it."""
    count = int(RATE * random.uniform(0.12, 0.22))
    phase = 2 * np.pi * np.cumsum(pitch * np.linspace(1.1, 0.9, count)) / RATE
    formants = _FORMANTS[random.integers(len(_FORMANTS))]
    vowel = np.zeros(count)
    for harmonic in range(1, int(4_000 / pitch)):
        gain = sum(1 / (1 + ((harmonic * pitch - formant) / 80) ** 2) for formant in formants)
        vowel += gain / np.sqrt(harmonic) * np.sin(harmonic * phase)
    edges = np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.02 * RATE)
    breath = random.normal(size=int(RATE * random.uniform(0.02, 0.05))) * 0.03
    return vowel / np.abs(vowel).max() * np.minimum(1.0, edges), breath
