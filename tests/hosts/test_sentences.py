"""The beginnings of what is said after silence: as loud as the rest of it, for the listener's decoder, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import isocord

from .world import World, logged_in, np, until

WRITTEN = 24_000


def tone(seconds: float) -> bytes:
    data: bytes = (
        (8_000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * WRITTEN)) / WRITTEN)).astype("<i2").tobytes()
    )
    return data


class Levels:
    """How loud each packet is in the ears of one who has heard all of them."""

    def __init__(self, listener: Any) -> None:
        self._listener, self._decoder = listener, isocord._native.OpusDecoder()
        self._heard = 0

    def sentence(self) -> list[int]:
        """Those that came since it was asked last, without silence."""
        arrivals = self._listener.arrivals()[self._heard :]
        self._heard += len(arrivals)
        peaks = [np.abs(np.frombuffer(self._decoder.decode(a.opus), "<i2").astype(int)).max() for a in arrivals]
        return [int(peak) for peak, arrival in zip(peaks, arrivals, strict=True) if not arrival.is_silence]


@pytest.fixture
async def call() -> AsyncIterator[World]:
    # Who waits for a key misses the first packets.
    async with logged_in(dave_version=0) as made:
        yield made


@pytest.mark.parametrize("kind", ["one stream", "a stream each"])
async def test_the_second_sentence_does_not_fade_in(call: World, kind: str) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General", user="bob")
    levels, stream = Levels(listener), isocord.StreamSource(WRITTEN)
    voice.play(stream)
    for _ in range(3):
        await stream.write(tone(0.2))
        stream.flush()
        await stream.drained()
        await until(lambda: [arrival.is_silence for arrival in listener.arrivals()][-5:] == [True] * 5)
        first, *_, last, _ = levels.sentence()
        assert first > 0.8 * last
        if kind == "a stream each":
            stream.finish()
            await until(lambda: not voice.is_playing())
            stream = isocord.StreamSource(WRITTEN)
            voice.play(stream)


async def test_what_goes_on_after_a_pause_does_not_fade_in(call: World) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General", user="bob")
    levels, stream = Levels(listener), isocord.StreamSource(WRITTEN)
    voice.play(stream)
    await stream.write(tone(1.9))
    for _ in range(3):
        before = len(listener.arrivals())
        await until(lambda before=before: len(listener.arrivals()) > before + 12)
        voice.pause()
        await until(lambda: [arrival.is_silence for arrival in listener.arrivals()][-5:] == [True] * 5)
        first, *_, last = levels.sentence()
        assert first > 0.8 * last
        voice.resume()
