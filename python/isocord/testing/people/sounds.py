"""Sound for scripted participants, and WAV files of what they heard."""

from __future__ import annotations

import array
import math
import sys
import wave
from importlib import import_module
from importlib.util import find_spec
from os import PathLike

from ..errors import MissingDependencyError
from ..wire.opus import BYTES_PER_SAMPLE
from ..wire.rtp import SAMPLE_RATE


def tone(frequency: float, seconds: float, *, amplitude: float = 0.3) -> bytes:
    """A sine tone as 48 kHz stereo s16le.

    Args:
        frequency: Hz.
        amplitude: 0 to 1 of full scale.

    Example:
        >>> len(tone(440, 0.02))
        3840
    """
    step = 2 * math.pi * frequency / SAMPLE_RATE
    scale = 32767 * amplitude
    samples = array.array("h")
    for n in range(round(seconds * SAMPLE_RATE)):
        value = round(scale * math.sin(step * n))
        samples.append(value)
        samples.append(value)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def load(path: str | PathLike[str]) -> bytes:
    """Any audio file that PyAV can read, as 48 kHz stereo s16le.

    Raises:
        MissingDependencyError: PyAV is not installed.
        OSError: the file cannot be read.
        ValueError: it has no sound.
    """
    if find_spec("av") is None:
        raise MissingDependencyError("reading audio files needs av")
    av = import_module("av")
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=SAMPLE_RATE)
    pcm = bytearray()
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"no sound in {path}")
        for frame in container.decode(audio=0):
            for out in resampler.resample(frame):
                pcm += bytes(out.planes[0])[: out.samples * BYTES_PER_SAMPLE]
        for out in resampler.resample(None):
            pcm += bytes(out.planes[0])[: out.samples * BYTES_PER_SAMPLE]
    return bytes(pcm)


def write_wav(path: str | PathLike[str], pcm: bytes) -> None:
    """Write 48 kHz stereo s16le as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm)
