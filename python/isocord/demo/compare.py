"""Holds what was heard against what was played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_WINDOW = 480
_SEARCH = 100


@dataclass(frozen=True)
class Likeness:
    """How alike two sounds are.

    Attributes:
        delay: by how many seconds the heard sound begins later.
        correlation: of the loudness curves, 10 ms a point; 1.0 is the same.
        played: seconds of sound.
        heard: seconds of sound, from first to last.
    """

    delay: float
    correlation: float
    played: float
    heard: float


def mono(pcm: bytes) -> Samples:
    """s16le stereo to samples in -1 to 1."""
    samples: Samples = np.frombuffer(pcm, "<i2").reshape(-1, 2).mean(axis=1) / 32_768
    return samples


def likeness(played: Samples, heard: Samples) -> Likeness:
    """Compare by loudness: an Opus coder keeps that, and not the exact waveform."""
    first, second = _loudness(played), _loudness(heard)
    best, shift = max((_correlation(first, second, shift), shift) for shift in range(_SEARCH))
    return Likeness(shift * _WINDOW / 48_000, best, len(played) / 48_000, len(heard) / 48_000)


def _loudness(sound: Samples) -> Samples:
    whole = len(sound) // _WINDOW * _WINDOW
    loudness: Samples = np.sqrt((sound[:whole].reshape(-1, _WINDOW) ** 2).mean(axis=1))
    return loudness


def _correlation(first: Samples, second: Samples, shift: int) -> float:
    second = second[shift:]
    length = min(len(first), len(second))
    if length < 2 or first[:length].std() == 0 or second[:length].std() == 0:
        return 0.0
    return float(np.corrcoef(first[:length], second[:length])[0, 1])
