"""What people say in tests: by espeak-ng where it is installed, otherwise syllables that are made here; and noise."""

from __future__ import annotations

import shutil
import subprocess
import wave
from io import BytesIO
from pathlib import Path
from typing import Any

from .voices import voice
from .world import RATE, np, wave_file

LEVEL = 3_000.0
"""Root mean square of what is said, against 32,768."""


def said(seconds: float, text: str = "What time does the last train to the city leave tonight, and from where?") -> Any:
    """So many seconds of speech at 48 kHz, mono, as floating point in the scale of 16 bits."""
    if (espeak := shutil.which("espeak-ng")) is None:
        sound = np.frombuffer(voice(seconds), "<i2")[::2].astype(float)
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


def is_whole(frames: list[Any]) -> bool:
    """Whether one who speaks without a pause was heard so, by filled frames: a busy machine may have held it up."""
    spoken = [at for at, frame in enumerate(frames) if frame.kind == "voice"]
    return bool(spoken) and spoken[-1] - spoken[0] + 1 == len(spoken)


def stereo(*sounds: Any) -> bytes:
    """Sounds one after the other, s16le."""
    mono = np.clip(np.concatenate(sounds), -32_768, 32_767).astype("<i2")
    return bytes(np.repeat(mono, 2).tobytes())


def wav(path: Path, *sounds: Any) -> Path:
    """A file of sounds one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wave_file(stereo(*sounds)))
    return path
