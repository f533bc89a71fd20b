"""What is said in recorded calls, and what recordings hold."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isocord.testing import Speaker

from .calls import Call

RATE = 48_000
FRAME = 3840
TONES = {"alice": 440.0, "bob": 1000.0, "carol": 2500.0}


async def until(condition: Callable[[], object], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        await asyncio.sleep(0.005)


def left(path: Any) -> np.ndarray[Any, Any]:
    with wave.open(path, "rb") as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")[::2].astype(float)


def share(pcm: np.ndarray[Any, Any], frequency: float) -> float:
    """Share of the sound's energy within 5 Hz of a tone."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = np.fft.rfftfreq(len(pcm), 1 / RATE)
    return float(spectrum[np.abs(at - frequency) < 5].sum() / spectrum.sum())


def clicks(seconds: float, every: float = 0.5) -> bytes:
    """A short burst of 3 kHz at every half second, and silence."""
    samples = np.zeros(round(seconds * RATE))
    burst = 20_000 * np.sin(2 * np.pi * 3000 * np.arange(96) / RATE)
    for start in range(round(every / 2 * RATE), len(samples) - 96, round(every * RATE)):
        samples[start : start + 96] = burst
    return np.repeat(samples.astype("<i2"), 2).tobytes()


def onsets(pcm: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Samples at which it becomes loud after a fifth of a second of less."""
    loud = np.flatnonzero(np.abs(pcm) > 4000)
    return loud[np.insert(np.diff(loud) > RATE // 5, 0, True)]


class Sent:
    """Notes when packets leave; their schedule is that of those which the sender's loop delayed least."""

    def __init__(self) -> None:
        self.number = 0
        self.start = float("inf")

    def __call__(self, packet: Any) -> Any:
        self.start = min(self.start, packet.time_ns / 1e9 - self.number * 0.020)
        self.number += 1
        return ((0.0, packet),)


async def stop(voice: Any, sink: Any) -> None:
    voice.stop_recording()
    await until(lambda: sink.finished)


async def spoken(*speakers: Speaker) -> None:
    await until(lambda: all(speaker.sent > 0 and not speaker.is_playing for speaker in speakers))


def speak(call: Call, name: str, pcm: bytes, **options: Any) -> Speaker:
    speaker = call.discord.speak("General", user=name, **options)
    speaker.play(pcm)
    return speaker
