"""Holds what was heard against what was played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_WINDOW = 480
"""Samples of one point of a loudness curve."""
_STEP = 96
"""Sounds are shifted against each other by as many samples at a time."""
_PIECE = 100
_SEARCH = 500
_EVEN = 0.15
"""A curve that varies by less, against its mean, is even: white noise varies by 0.03."""
_BANDS = [20, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400]
_BANDS += [5300, 6400, 7700, 9500, 12000, 15500]
"""Edges in Hz, after Zwicker's critical bands; what lies higher the coder may leave out."""
_ALIKE = 0.8
"""Less is no place found, so the search goes on from the last one."""


@dataclass(frozen=True)
class Likeness:
    """How alike two sounds are.

    Attributes:
        delay: by how many seconds the heard sound begins later.
        correlation: the mean of all seconds, 1.0 is the same: of the loudness curves, 10 ms a point, or where those are
            even, as those of tones and noise are, how much of the sound is there in each band of the spectrum.
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
    """Compare by loudness: an Opus coder keeps that, and not the exact waveform.

    Seconds are compared one by one: what comes after a gap is later by the gap, but no less alike.
    """
    curve = _loudness(played)
    curves = [_loudness(heard[step * _STEP :]) for step in range(_WINDOW // _STEP)]
    shift, begin, alike = 0, None, list[float]()
    for at in range(0, len(curve) - _PIECE + 1, _PIECE):
        piece = curve[at : at + _PIECE]
        if not piece.any():
            continue
        if piece.std() < _EVEN * piece.mean():
            # Such a curve says neither where the sound lies nor what it is.
            begin = shift if begin is None else begin
            alike.append(_shared(_spectrum(played, at * _WINDOW), _spectrum(heard, at * _WINDOW + shift * _STEP)))
            continue
        found = max(
            ((_correlation(piece, _at(curves, at, to)), to) for to in range(shift, shift + _SEARCH)),
            key=lambda match: match[0],
        )
        correlation, shift = found if found[0] > _ALIKE else (found[0], shift)
        begin = shift if begin is None else begin
        alike.append(correlation)
    whole = sum(alike) / len(alike) if alike else 0.0
    return Likeness((begin or 0) * _STEP / 48_000, whole, len(played) / 48_000, len(heard) / 48_000)


def _spectrum(sound: Samples, at: int) -> Samples:
    """How loud a second is in each band."""
    second = sound[at : at + _PIECE * _WINDOW]
    power = np.abs(np.fft.rfft(second, _PIECE * _WINDOW)) ** 2
    return np.sqrt([band.sum() for band in np.split(power, _BANDS)[1:-1]])


def _shared(one: Samples, other: Samples) -> float:
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def _at(curves: list[Samples], at: int, shift: int) -> Samples:
    whole, step = divmod(shift, len(curves))
    return curves[step][at + whole : at + whole + _PIECE]


def _loudness(sound: Samples) -> Samples:
    whole = len(sound) // _WINDOW * _WINDOW
    loudness: Samples = np.sqrt((sound[:whole].reshape(-1, _WINDOW) ** 2).mean(axis=1))
    return loudness


def _correlation(first: Samples, second: Samples) -> float:
    if len(first) != len(second) or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
