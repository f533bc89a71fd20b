"""A chirp as a file of any format: its pitch rises all the time, so that a piece of it can be at one place only."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE = 48_000
FRAME = 960
SECONDS = 6.0
Samples = npt.NDArray[np.float64]


def chirp(seconds: Samples) -> Samples:
    """The sound at the given times; silence outside of it."""
    sound = 0.4 * np.sin(2 * math.pi * (300.0 * seconds + 150.0 * seconds**2))
    return np.where((seconds >= 0) & (seconds < SECONDS), sound, 0.0)


def encode(
    path: Path,
    codec: str,
    rate: int = RATE,
    layout: str = "stereo",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    bit_rate: int | None = None,
    seconds: float = SECONDS,
) -> Path:
    """Write the chirp to ``path`` with PyAV; the container follows from the suffix."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        # FFmpeg counts its own Vorbis encoder among the experiments.
        stream = container.add_stream(codec, rate=rate, options={"strict": "experimental", **(options or {})})
        stream.codec_context.layout = layout
        stream.codec_context.time_base = Fraction(1, rate)
        if bit_rate is not None:
            stream.codec_context.bit_rate = bit_rate
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
        mono = chirp(np.arange(int(rate * seconds)) / rate)
        channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
        planes = np.zeros((channels, len(mono)), dtype=np.float32)
        planes[: min(channels, 2)] = mono
        size = stream.codec_context.frame_size or 1024
        for start in range(0, len(mono), size):
            piece = np.ascontiguousarray(planes[:, start : start + size])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = start
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def pcm(data: bytes) -> Samples:
    """The left side of s16le stereo."""
    return np.frombuffer(data, "<i2")[::2] / 32_768


def read_all(file: object, frames: int | None = None) -> Samples:
    """The left side of what is left of ``file``."""
    pieces = []
    while frames is None or len(pieces) < frames:
        data = file.read()  # type: ignore[attr-defined]
        if not data:
            break
        pieces.append(pcm(data))
    return np.concatenate(pieces) if pieces else np.zeros(0)


def place(sound: Samples, near: float, reach: int = 3000) -> float:
    """Where in the chirp ``sound`` begins, in samples of 48 kHz, looked for around ``near``."""
    piece = sound[: RATE // 2]
    span = np.arange(len(piece) + 2 * reach) + math.floor(near) - reach
    # By way of the spectrum: a thousand times faster than one place after the other.
    size = 1 << (len(span) - 1).bit_length()
    spectrum = np.fft.rfft(chirp(span / RATE), size) * np.conj(np.fft.rfft(piece, size))
    found = np.fft.irfft(spectrum, size)[: 2 * reach + 1]
    return math.floor(near) - reach + float(np.argmax(found))


def residue(sound: Samples, start: float) -> float:
    """How much of ``sound`` is not the chirp from ``start`` on, relative to it."""
    want = chirp((np.arange(len(sound)) + start) / RATE)
    gain = float(np.dot(sound, want) / np.dot(want, want))
    return float(np.linalg.norm(sound - gain * want) / np.linalg.norm(gain * want))
