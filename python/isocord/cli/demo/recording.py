"""The demo's recording: three participants, one of whom comes late, each in a file of its own, all on one clock."""

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
from isocord.testing import FakeDiscordProcess, Listener

from .compare import Samples, mono

RATE = 48_000
VOICES = {"bob": 440.0, "carol": 660.0, "dave": 990.0}
"""Who speaks, and the pitch in Hz."""

_SECONDS = 4.0
_LATE = 1.5
_BEEP, _EVERY = 0.08, 0.25
_BOUND = 15.0


@dataclass(frozen=True)
class Track:
    """What became of one participant.

    Attributes:
        name: who.
        sound: the file's samples, -1 to 1.
        own: share of the sound's energy at the participant's own pitch, and
        foreign: at those of the others.
        begin: seconds into the recording at which it is first heard.
        offset: milliseconds that it lies beside where its packets, as another participant got them, put it; the
            first one is where it is.
    """

    name: str
    sound: Samples
    own: float
    foreign: float
    begin: float
    offset: float


async def record(fake: FakeDiscordProcess, listener: Listener, voice: Any, out: Path) -> list[Track]:
    """Record the three into ``out / "tracks"`` with isocord's own sink, and measure the files."""
    begin = time.monotonic()
    done = asyncio.Event()

    async def finished(sink: isocord.sinks.WaveSink) -> None:
        done.set()

    names = {member.user.id: member.user.name for member in fake.guild.members.values()}
    folder = out / "tracks"
    folder.mkdir(exist_ok=True)
    sink = isocord.sinks.WaveSink(lambda user_id: folder / f"{names[user_id]}.wav")
    voice.start_recording(sink, finished, sync_start=True)
    print(f"Recording {', '.join(VOICES)}; {list(VOICES)[-1]} comes {_LATE:g} s later")
    speakers = {}
    for name, pitch in VOICES.items():
        if name == list(VOICES)[-1]:
            await asyncio.sleep(max(0.0, begin + _LATE - time.monotonic()))
        speakers[name] = await asyncio.to_thread(fake.speak, "General", user=name)
        late = time.monotonic() - begin
        beeps = await asyncio.to_thread(_beeps, pitch, max(_SECONDS - late, 1.0))
        await asyncio.to_thread(speakers[name].play, beeps)
    await fake.wait_for(lambda: not any(speaker.is_playing for speaker in speakers.values()), timeout=_BOUND)
    voice.stop_recording()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(done.wait(), _BOUND)
    users = {name: user_id for user_id, name in names.items()}
    tracks: list[Track] = []
    first = 0.0
    for name in VOICES:
        track = sink.audio_data.get(users[name])
        if track is None or track.path is None:
            continue
        sound = _read(track.path)
        own, foreign, begin = _measure(name, sound)
        # The packets that the sender delayed least tell when it began.
        arrivals = await asyncio.to_thread(listener.arrivals, users[name])
        spoken = min(arrival.time_ns / 1e9 - number * 0.020 for number, arrival in enumerate(arrivals))
        first = first if tracks else spoken - begin
        tracks.append(Track(name, sound, own, foreign, begin, abs(spoken - begin - first) * 1e3))
    return tracks


def _beeps(pitch: float, seconds: float) -> bytes:
    """Short beeps with soft edges, four a second."""
    at = np.arange(round(seconds * RATE)) / RATE
    since = at % _EVERY
    edge = np.clip(np.minimum(since, _BEEP - since) / 0.004, 0.0, 1.0)
    pcm = (np.sin(2 * np.pi * pitch * at) * edge * 9_000).astype("<i2")
    return np.repeat(pcm, 2).tobytes()


def _read(path: str) -> Samples:
    with wave.open(path, "rb") as file:
        return mono(file.readframes(file.getnframes()))


def _measure(name: str, sound: Samples) -> tuple[float, float, float]:
    """Share of the energy at the own pitch, and at another's; seconds until it is loud."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    at = np.fft.rfftfreq(len(sound), 1 / RATE)
    near = {other: float(spectrum[np.abs(at - pitch) < 60].sum() / spectrum.sum()) for other, pitch in VOICES.items()}
    begin = float(np.argmax(np.abs(sound) > 0.05)) / RATE
    return near[name], max(value for other, value in near.items() if other != name), begin
