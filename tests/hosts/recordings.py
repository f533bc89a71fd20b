"""Recordings of scripted speakers by isocord's own sinks."""

from __future__ import annotations

import wave
from typing import Any

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
