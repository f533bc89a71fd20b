"""The demo's sound desk: two tunes that go over into one another, and a voice over the second one."""

from __future__ import annotations

import asyncio
import contextlib
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import isocord
from isocord.testing import Listener

from .compare import Samples, mono
from .load import Load

RATE = 48_000
STEP = 480
"""Samples from one value of a level to the next."""
CROSSFADE, DUCK = 2.0, 0.25
BANDS = {"first tune": (200, 700), "second tune": (800, 1_800), "voice": (2_000, 4_500)}
"""Each sound has a band in Hz of its own, so that each can be told in what is heard."""

_WINDOW = 4_096
_CHORDS = {
    "first tune": ((262, 330, 392), (349, 440, 523), (392, 494, 587), (349, 440, 523)),
    "second tune": ((880, 1_047, 1_319), (988, 1_175, 1_568), (1_047, 1_319, 1_480), (988, 1_175, 1_568)),
}
_SECONDS = {"first tune": 4.5, "second tune": 6.5, "voice": 1.8}
_CHORD = 0.5
_SPEAK_AT = 3.0
_BOUND = 20.0
_SETTLE = 0.5
_SILENT = 0.01
_LEAD = RATE // 4


@dataclass(frozen=True)
class Heard:
    """What a listener has heard of the desk.

    Attributes:
        sound: samples at 48 kHz.
        levels: by sound, how loud it is each 10 ms; 1.0 is as loud as its file.
        crossfade: dB by which both tunes together are off the power of one, at most, while both sound.
        ducked: level of the second tune under the voice.
    """

    sound: Samples
    levels: dict[str, Samples]
    crossfade: float
    ducked: float

    @property
    def well(self) -> bool:
        """Whether it was what the desk was asked for."""
        return abs(self.crossfade) < 1.5 and abs(self.ducked - DUCK) < 0.05


async def play(listener: Listener, voice: Any, scratch: Path, *, busy: bool) -> Heard:
    """Have them played, and measure what the listener hears."""
    files = {name: scratch / f"{name}.wav" for name in _SECONDS}
    sounds = synthesise()
    for name, path in files.items():
        _write(path, sounds[name])
    before = len(await asyncio.to_thread(listener.pcm))
    queue = isocord.Queue(files["first tune"], files["second tune"], crossfade=CROSSFADE)
    second = queue.upcoming[1]
    mixer = isocord.Mixer()
    music = mixer.play(queue)
    print(f"Mixing two tunes, with a crossfade of {CROSSFADE:g} s, and a voice that ducks them to {DUCK:g}")
    async with Load(threads=2 if busy else 0, block=busy):
        finished = voice.play(mixer, wait_finish=True)
        latest = time.monotonic() + _BOUND
        while not (music.ended or (queue.now is second and queue.position > _SPEAK_AT)) and time.monotonic() < latest:
            await asyncio.wait([finished], timeout=0.05)
        mixer.play(files["voice"], duck=DUCK)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(finished, _BOUND)
        voice.stop()
    await asyncio.sleep(_SETTLE)
    heard = mono((await asyncio.to_thread(listener.pcm))[before:])
    # The delay is taken out.
    begin = max(0, int(np.argmax(np.abs(heard) > _SILENT)) - _LEAD)
    return measure(heard[begin:], sounds)


def synthesise() -> dict[str, Samples]:
    """The sounds, by name."""
    return {name: _voice() if name == "voice" else _tune(name) for name in _SECONDS}


def measure(heard: Samples, sounds: dict[str, Samples]) -> Heard:
    """Tell the sounds in what was heard from one another, and how loud each is."""
    spectrum = _spectra(heard)
    levels = {}
    for name, sound in sounds.items():
        own = _level(_spectra(sound), name)
        levels[name] = _level(spectrum, name) / np.median(own[own > 0.3 * own.max()])
    first, second, voice = levels.values()
    both = (first > 0.2) & (second > 0.2)
    # The mean of 100 ms: where one chord follows another, each of them dips.
    power = np.convolve(first**2 + second**2, np.ones(10) / 10, "same")[both]
    off = 10 * np.log10(power)
    spoken = np.flatnonzero(voice > 0.3)
    # The sound comes down in 40 ms, and a value is about 85.
    under = second[spoken[0] + 15 : spoken[-1] - 10] if len(spoken) else second[:0]
    return Heard(
        sound=heard,
        levels=levels,
        crossfade=float(off[np.argmax(np.abs(off))]) if len(off) else float("nan"),
        ducked=float(np.median(under)) if len(under) else float("nan"),
    )


def _spectra(sound: Samples) -> Samples:
    """The power of each frequency, each 10 ms."""
    padded = np.pad(sound, _WINDOW // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::STEP]
    power: Samples = np.abs(np.fft.rfft(pieces * np.hanning(_WINDOW))) ** 2
    return power


def spectrogram(sound: Samples, highest: float) -> Samples:
    """How loud each frequency up to ``highest`` Hz is, in dB below the loudest, each 10 ms a row."""
    power = _spectra(sound)[:, : round(highest * _WINDOW / RATE)]
    loudness: Samples = 10 * np.log10(power / power.max() + 1e-9)
    return loudness


def _level(spectra: Samples, name: str) -> Samples:
    low, high = (round(edge * _WINDOW / RATE) for edge in BANDS[name])
    level: Samples = np.sqrt(spectra[:, low:high].sum(axis=1))
    return level


def _tune(name: str) -> Samples:
    """Chords, each as loud as the others."""
    at = np.arange(round(_SECONDS[name] * RATE)) / RATE
    sound = np.zeros(len(at))
    for index in range(round(_SECONDS[name] / _CHORD)):
        since = at - index * _CHORD
        edge = np.sqrt(np.clip(np.minimum(since, _CHORD - since) / 0.04 + 0.5, 0.0, 1.0))
        for pitch in _CHORDS[name][index % len(_CHORDS[name])]:
            sound += 0.12 * edge * np.sin(2 * np.pi * pitch * at)
    return sound


def _voice() -> Samples:
    """Syllables of a voice as a small loudspeaker gives it."""
    at = np.arange(round(_SECONDS["voice"] * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(170 + 20 * np.sin(2 * np.pi * 1.1 * at)) / RATE
    sound = np.sum([np.sin(number * pitch + number**2) for number in range(13, 22)], axis=0)
    syllables: Samples = 0.35 + 0.65 * np.abs(np.sin(2 * np.pi * 1.9 * at))
    edge = np.clip(np.minimum(at, at[-1] - at) / 0.01, 0.0, 1.0)
    spoken: Samples = 0.05 * sound * syllables * edge
    return spoken


def _write(path: Path, sound: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat((np.clip(sound, -1, 1) * 32_767).astype("<i2"), 2).tobytes())
