"""A voice that is made here: syllables of harmonics below formants, which voice activity detection takes for speech."""

from __future__ import annotations

from .world import RATE, np

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Formants in Hz."""


def voice(seconds: float, pitch: float = 120.0, seed: int = 1, amplitude: float = 0.4) -> bytes:
    """So many seconds of babble as 48 kHz stereo s16le."""
    rng = np.random.default_rng(seed)
    pieces, length = [], 0
    while length < seconds * RATE:
        pieces.append(_syllable(rng, pitch * rng.uniform(0.9, 1.2)))
        length += len(pieces[-1])
    sound = np.concatenate(pieces)[: int(seconds * RATE)] * amplitude * 32767
    data: bytes = np.repeat(sound.astype("<i2"), 2).tobytes()
    return data


def _syllable(rng: np.random.Generator, pitch: float) -> np.ndarray:
    samples = int(RATE * rng.uniform(0.12, 0.22))
    phase = 2 * np.pi * np.cumsum(pitch * np.linspace(1.1, 0.9, samples)) / RATE
    formants = VOWELS[rng.integers(len(VOWELS))]
    sound = np.zeros(samples)
    for harmonic in range(1, int(4_000 / pitch)):
        at = harmonic * pitch
        gain = sum(1 / (1 + ((at - formant) / 80) ** 2) for formant in formants) / np.sqrt(harmonic)
        sound += gain * np.sin(harmonic * phase)
    rise = np.minimum(1, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / (0.02 * RATE))
    breath = rng.normal(size=int(RATE * rng.uniform(0.02, 0.05))) * 0.03
    return np.concatenate([sound / np.abs(sound).max() * rise, breath])
