"""Recordings of scripted speakers by isocord's own sinks."""

from __future__ import annotations

import io
import os
import wave
from typing import Any

import isocord

from .world import RATE, World, np, spoken, until


class Finished:
    """A coroutine callback that can be waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def __call__(self, *args: Any) -> None:
        self.calls.append(args)


async def record(voice: Any, sink: Any, speakers: list[Any], *args: Any, **options: Any) -> None:
    """Record until all have said what they say."""
    done = Finished()
    voice.start_recording(sink, done, *args, **options)
    await spoken(*speakers)
    voice.stop_recording()
    assert not voice.is_recording()
    await until(lambda: done.calls)
    assert done.calls == [(sink, *args)]


async def after(recording: Any, *speakers: Any) -> Any:
    """The report of a recording that is stopped when all have said what they say."""
    await spoken(*speakers)
    return await recording.stop()


async def reports_of(world: World, sounds: dict[str, bytes], *sinks: Any) -> list[Any]:
    """Of recordings of one call, in which each user says its sound."""
    voice = await world.connect()
    recordings = [voice.start_recording(sink, sync_start=True) for sink in sinks]
    speakers = [world.discord.speak("General", user=name) for name in sounds]
    for speaker, pcm in zip(speakers, sounds.values(), strict=True):
        speaker.play(pcm)
    await spoken(*speakers)
    return [await recording.stop() for recording in recordings]


def left(file: Any) -> Any:
    with wave.open(file, "rb") as opened:
        assert opened.getparams()[:3] == (2, 2, RATE)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")[::2]


def read(file: Any) -> Any:
    """The left channel of any file that isocord plays."""
    source = isocord.AudioFile(file)
    return np.frombuffer(b"".join(iter(source.read, b"")), "<i2")[::2]


def samples(*files: Any) -> Any:
    """What a row of files holds as one for libav, left."""
    import av

    pieces: list[Any] = []
    for file in files:
        with av.open(file if isinstance(file, io.BytesIO) else os.fspath(file)) as opened:
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            for frame in opened.decode(audio=0):
                pieces += [out.to_ndarray()[0][::2] for out in resampler.resample(frame)]
    return np.concatenate(pieces)


def packets_of(*files: Any, stream: int = 0) -> list[bytes]:
    """Those of a row of files, by libav."""
    import av

    found: list[bytes] = []
    for file in files:
        with av.open(os.fspath(file)) as opened:
            found += [bytes(packet) for packet in opened.demux(audio=stream) if packet.size]
    return found
