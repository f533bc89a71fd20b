"""What is said in these tests: a user's voice, an assistant's, and what a listener heard of the latter."""

from __future__ import annotations

import shutil
import subprocess
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..hosts.voices import voice as babble
from ..hosts.world import np

RATE = 24_000
PITCH = 440.0
USER_RATE = 48_000


def users_voice(seconds: float, scratch: Path, text: str = "Hello, what is the weather like today?") -> bytes:
    """Somebody says something, as 48 kHz stereo: by espeak-ng where it is installed, and otherwise babbles."""
    if (espeak := shutil.which("espeak-ng")) is not None:
        path = scratch / "user.wav"
        subprocess.run([espeak, "-w", str(path), text], check=True, timeout=30)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            spoken = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        at = np.arange(round(len(spoken) * USER_RATE / rate)) * rate / USER_RATE
        sound = np.interp(at, np.arange(len(spoken)), spoken)[: round(seconds * USER_RATE)]
        sound *= 12_000 / np.abs(sound).max()
        data: bytes = np.repeat(sound.astype("<i2"), 2).tobytes()
        return data
    return babble(seconds)


def assistants_voice(seconds: float, rate: int = RATE) -> bytes:
    """A tone, in which every gap is heard."""
    at = np.arange(round(seconds * rate)) / rate
    data: bytes = (8_000 * np.sin(2 * np.pi * PITCH * at)).astype("<i2").tobytes()
    return data


def is_voice(pcm: bytes) -> bool:
    """Whether anything is said in it."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return len(samples) > 0 and float(np.sqrt(np.mean(samples**2))) > 300


def spells(listener: Any) -> list[list[Any]]:
    """What a listener heard of the bot, cut where silence was announced: each is packets without a gap between them."""
    found: list[list[Any]] = [[]]
    for arrival in listener.arrivals():
        if arrival.is_silence:
            found.append([])
        else:
            found[-1].append(arrival)
    return [spell for spell in found if spell]


def seconds(spell: list[Any]) -> float:
    """How long a spell is, each of whose packets has to follow the one before."""
    for before, after in pairwise(spell):
        assert (after.seq - before.seq) & 0xFFFF == 1, "a packet is missing"
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 960, "there is a gap"
    return 0.02 * len(spell)
