"""Recordings of scripted speakers by isocord's own sinks."""

from __future__ import annotations

import wave
from typing import Any

from .world import RATE, np, spoken, until


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


def left(file: Any) -> Any:
    with wave.open(file, "rb") as opened:
        assert opened.getparams()[:3] == (2, 2, RATE)
        return np.frombuffer(opened.readframes(opened.getnframes()), "<i2")[::2]
