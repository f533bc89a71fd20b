"""One source for many connections, as their listeners get it: the same packets, one encode for all of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import isocord

from .ears import FRAME, heard_by
from .rooms import Room, rooms
from .world import World, has_sources, library, np, until


class Noise(library.AudioSource):  # type: ignore[misc, name-defined]
    """Some frames, no two of them alike, then the end or an error; those after ``ready`` come when it is let go."""

    def __init__(self, frames: int = 10_000, *, error: Exception | None = None, ready: int = 10_000) -> None:
        self.frames, self.error, self.ready = frames, error, ready
        self.reads = self.cleaned = 0
        self.go = threading.Event()
        self._chance = np.random.default_rng(5)

    def read(self) -> bytes:
        if self.reads >= self.ready:
            self.go.wait(20)
        if self.reads >= self.frames:
            if self.error is not None:
                raise self.error
            return b""
        self.reads += 1
        return bytes(self._chance.integers(-9_000, 9_000, 2 * FRAME, "<i2").tobytes())

    def cleanup(self) -> None:
        self.cleaned += 1


@asynccontextmanager
async def connected(count: int, **options: Any) -> AsyncIterator[tuple[World, list[Room]]]:
    async with rooms(count, **options) as (world, made):
        for room in made:
            room.voice = await room.channel.connect(cls=isocord.VoiceClient, timeout=30)
        yield world, made


def place(piece: list[bytes], whole: list[bytes]) -> int:
    """Where in the whole a piece lies, without a packet missing, doubled or changed."""
    begin = whole.index(piece[0])
    assert piece == whole[begin : begin + len(piece)]
    return begin


@pytest.mark.parametrize("encrypted", [True, False])
async def test_all_get_the_packets_of_one_encode_and_who_comes_later_those_of_now(encrypted: bool) -> None:
    async with connected(3, dave_version=1 if encrypted else 0) as (_, (first, second, third)):
        source = Noise(250)
        radio = isocord.Broadcast(source)
        after: list[Exception | None] = []
        ends = [first.voice.play(radio, wait_finish=True), second.voice.play(radio, after=after.append)]
        assert first.voice.source is radio
        await first.hears(60)
        before = len(first.packets)
        third.voice.play(radio)
        await third.hears(20)
        assert [room.voice.is_dave_connection() for room in (first, second, third)] == [encrypted] * 3
        assert await asyncio.wait_for(ends[0], 15) is None
        await until(lambda: after == [None] and not any(room.voice.is_playing() for room in (second, third)))
        await until(lambda: len(first.packets) == 250)
        # What has left is on its way to them, and each has a way of its own.
        await until(lambda: second.packets[-1:] == third.packets[-1:] == first.packets[-1:])
        assert place(third.packets, first.packets) >= before
        assert second.packets == first.packets[-len(second.packets) :]
        # It was read once, whoever heard it, and cleaned up once.
        await until(lambda: source.cleaned == 1)
        assert (source.reads, radio.error) == (250, None)


async def test_pauses_and_stops_are_each_connections_own() -> None:
    async with connected(3) as (_, (first, second, third)):
        radio = isocord.Broadcast(Noise())
        for room in (first, second, third):
            room.voice.play(radio)
        await third.hears(20)
        second.voice.pause()
        third.voice.stop()
        # What was asked for is in force by then, also on a machine that is busy.
        await first.hears(50)
        heard, stopped = len(second.packets), len(third.packets)
        await first.hears(30)
        assert second.voice.is_paused()
        assert not third.voice.is_playing()
        assert (len(second.packets), len(third.packets)) == (heard, stopped)
        missed = len(first.packets)
        second.voice.resume()
        third.voice.play(radio)
        await second.hears(10)
        await third.hears(10)
        later = [room.packets[earlier:] for room, earlier in ((second, heard), (third, stopped))]
        await first.hears(10)
        for room, earlier, packets in zip((second, third), (heard, stopped), later, strict=True):
            assert place(room.packets[:earlier], first.packets) + earlier < missed
            assert place(packets, first.packets) >= missed - 3
        radio.stop()
        await until(lambda: not any(room.voice.is_playing() for room in (first, second, third)))


async def test_it_stands_still_while_nobody_hears_it() -> None:
    async with connected(2) as (_, (first, second)):
        source = Noise()
        radio = isocord.Broadcast(source)
        first.voice.play(radio)
        await first.hears(20)
        first.voice.stop()
        await until(lambda: not first.voice.is_playing())
        sent = len(first.packets)
        second.voice.play(radio)
        await second.hears(40)
        # What was ready for the first one, and what the second has heard; no half a second was skipped.
        assert source.reads < sent + len(second.packets) + 60
        radio.stop()


@pytest.mark.parametrize("behind", ["itself", "filters", "a mixer of one"])
async def test_what_the_source_raises_is_told_to_each(behind: str) -> None:
    async with connected(2) as (_, (first, second)):
        failure = OSError("the far end is gone")
        source = Noise(30, error=failure)
        if behind == "a mixer of one":
            # A layer's error is the layer's own, and the mixer ends as it should.
            mixer = isocord.Mixer()
            layer = mixer.play(source)
            radio, told = isocord.Broadcast(mixer), None
        else:
            radio = isocord.Broadcast(isocord.Filtered(source) if behind == "filters" else source)
            told = failure
        ends = [room.voice.play(radio, wait_finish=True) for room in (first, second)]
        assert await asyncio.wait_for(asyncio.gather(*ends), 15) == [told, told]
        assert radio.error is told
        # The last ones may still be on their way to a listener.
        await until(lambda: len(first.packets) >= 30)
        if behind == "a mixer of one":
            assert layer.error is failure
        # Who comes when it is over is told so at once.
        assert await asyncio.wait_for(first.voice.play(radio, wait_finish=True), 15) is told


async def test_a_live_feed_begins_when_its_store_is_full() -> None:
    async with connected(2) as (_, (first, second)):
        source = Noise(ready=25)
        radio = isocord.Broadcast(source, prebuffer=1.0)
        for room in (first, second):
            room.voice.play(radio)
        await until(lambda: source.reads == 25)
        # Long enough for what has come, if it did not wait.
        await asyncio.sleep(0.6)
        assert not first.packets
        source.go.set()
        await first.hears(50)
        await second.hears(50)
        assert first.voice.stats.underruns == 0
        assert place(second.packets[:50], first.packets) >= 0
        radio.stop()


@has_sources
async def test_its_volume_is_that_of_all_and_a_transformer_is_none() -> None:
    async with connected(2) as (world, (first, second)):
        radio = isocord.Broadcast(Noise())
        radio.volume = 0.0
        for room in (first, second):
            room.voice.play(radio)
        ears = [first.ear, second.ear]
        await heard_by(world, first.listener, 10)
        await heard_by(world, second.listener, 10)
        assert all(ear.level() < 0.01 for ear in ears)
        with pytest.raises(TypeError, match="one volume for all"):
            second.voice.source = library.PCMVolumeTransformer(radio)
        assert second.voice.source is radio
        radio.volume = 1.0
        await until(lambda: all(ear.level() > 0.2 for ear in ears))
        radio.stop()


def test_what_is_no_source_for_it_is_said() -> None:
    source = Noise()
    radio = isocord.Broadcast(source)
    assert radio.source is source
    part: Any = radio
    for refused in (isocord.Broadcast, isocord.Filtered, isocord.Queue, isocord.Mixer().play):
        with pytest.raises(TypeError, match="make a Broadcast of that one"):
            refused(part)
    with pytest.raises(isocord.AudioFileError, match="Noise plays already"):
        isocord.Broadcast(source)
    mixer = isocord.Mixer()
    held = isocord.Broadcast(mixer)
    with pytest.raises(isocord.AudioFileError, match="plays already"):
        isocord.Broadcast(mixer)
    assert held.source is mixer
    for wrong in (object(), 5, None):
        with pytest.raises(TypeError, match="must be an AudioSource, a path or a URL"):
            isocord.Broadcast(wrong)  # type: ignore[arg-type]
    for options in ({"prebuffer": -1.0}, {"prebuffer": 61.0}, {"bitrate": 5}, {"lookahead": 0}, {"complexity": 11}):
        with pytest.raises(ValueError, match=next(iter(options))):
            isocord.Broadcast(Noise(), **options)


async def test_options_of_its_encoder_are_not_given_with_play(world: World) -> None:
    voice = await world.connect()
    radio = isocord.Broadcast(Noise(), bitrate=64)
    with pytest.raises(TypeError, match=r"give bitrate, fec when it is made"):
        voice.play(radio, bitrate=64, fec=False)
    assert not voice.is_playing()
    voice.play(radio, lookahead=10)
    assert voice.is_playing()
    voice.stop()
