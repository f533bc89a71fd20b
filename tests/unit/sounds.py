"""Sound as arrays, through filters and back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

import isocord

if TYPE_CHECKING:
    from isocord.filters import Filter

RATE = 48_000
Sound = npt.NDArray[np.float64]


def stereo(left: Sound, right: Sound | None = None) -> Sound:
    return np.stack([left, left if right is None else right], axis=1)


def tone(hertz: float, seconds: float, level: float = 0.5) -> Sound:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, level: float = 0.1, seed: int = 1) -> Sound:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def as_file(sound: Sound) -> isocord.AudioFile:
    """A file of 32-bit floats, for samples of one channel or of two."""
    data = io.BytesIO()
    wavfile.write(data, RATE, (sound if sound.ndim == 2 else stereo(sound)).astype(np.float32))
    data.seek(0)
    return isocord.AudioFile(data)


def samples(pcm: bytes) -> Sound:
    return np.frombuffer(pcm, "<i2").reshape(-1, 2) / 32_768


def read_all(source: isocord.Filtered) -> Sound:
    return samples(b"".join(iter(source.read, b"")))


def through(sound: Sound, *filters: Filter) -> Sound:
    return read_all(isocord.Filtered(as_file(sound), *filters))


def pitch(sound: Sound, near: float) -> float:
    """The loudest frequency within a third of an octave, to a thousandth of a hertz or so."""
    middle = sound[len(sound) // 5 : -len(sound) // 5]
    size = 1 << 22
    level = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size))
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    inside = np.abs(np.log2(np.maximum(hertz, 1e-9) / near)) < 1 / 6
    return float(hertz[inside][level[inside].argmax()])


def loudness(sound: Sound) -> float:
    """Integrated, in LUFS: ITU-R BS.1770-4, with the filters that it gives for 48 kHz."""
    from scipy.signal import lfilter

    shelf = lfilter(
        [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585], sound, axis=0
    )
    weighted = lfilter([1, -2, 1], [1, -1.99004745483398, 0.99007225036621], shelf, axis=0)
    power = np.square(weighted).sum(axis=1)
    starts = np.arange(0, len(power) - RATE * 2 // 5 + 1, RATE // 10)
    blocks = np.array([power[start : start + RATE * 2 // 5].mean() for start in starts])

    def lufs(energy: Sound) -> Sound:
        return -0.691 + 10 * np.log10(np.maximum(energy, 1e-12))

    loud = blocks[lufs(blocks) > -70]
    loud = loud[lufs(loud) > lufs(loud.mean()) - 10]
    return float(lufs(loud.mean()))
