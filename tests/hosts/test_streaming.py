"""What a listener in an encrypted call hears of sound that is written while it plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import isocord
from isocord.connection.decisions import limits

from .ears import Ear, heard_by
from .world import World, logged_in, np, until

WRITTEN = 24_000
PITCH = 440.0


def speech(seconds: float, pitch: float = PITCH) -> bytes:
    at = np.arange(int(seconds * WRITTEN)) / WRITTEN
    data: bytes = (8_000 * np.sin(2 * np.pi * pitch * at)).astype("<i2").tobytes()
    return data


async def encrypted() -> AsyncIterator[World]:
    async with logged_in(dave_version=1) as world:
        yield world


call = pytest.fixture(encrypted)


async def test_it_is_written_heard_forgotten_and_written_again(call: World) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General")
    ear = Ear(listener)
    stream = isocord.StreamSource(WRITTEN)
    voice.play(stream)
    assert voice.source is stream
    await stream.write(speech(5.0))
    await heard_by(call, listener, 20)
    await until(lambda: ear.tone(PITCH) > 0.2)
    unheard = stream.clear()
    played = stream.played
    assert 0.0 < played < 5.0
    # A frame may have left while it was asked.
    assert played + unheard == pytest.approx(5.0, abs=0.021)
    await asyncio.wait_for(stream.drained(), 15)
    count = len([arrival for arrival in listener.arrivals() if not arrival.is_silence])
    # One frame in which it goes out, and one that was just about to leave.
    assert count * 0.02 <= played + 0.061
    await stream.write(speech(1.0, 1_000.0))
    await until(lambda: ear.tone(1_000.0) > 0.2)
    stream.finish()
    await asyncio.wait_for(stream.drained(), 15)
    assert stream.played == pytest.approx(played + 1.0, abs=0.021)
    await until(lambda: not voice.is_playing())
    with pytest.raises(isocord.StreamError):
        await stream.write(speech(0.1))


async def test_stopping_ends_every_wait(call: World) -> None:
    voice = await call.connect()
    stream = isocord.StreamSource(WRITTEN, capacity=0.5)
    voice.play(stream)
    waits = [asyncio.ensure_future(stream.write(speech(60.0))), asyncio.ensure_future(stream.drained())]
    await until(lambda: stream.played > 0.1)
    voice.stop()
    for result in await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 15):
        assert isinstance(result, isocord.StreamError)
    assert voice.source is None


async def test_speech_over_music_in_a_mixer(call: World) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General")
    ear = Ear(listener)
    mixer, stream = isocord.Mixer(endless=True), isocord.StreamSource(WRITTEN)
    voice.play(mixer)
    layer = mixer.play(stream)
    await stream.write(speech(1.0))
    await until(lambda: any(not arrival.is_silence for arrival in listener.arrivals()))
    await until(lambda: ear.tone(PITCH) > 0.2)
    stream.clear()
    await stream.write(speech(1.0, 1_000.0))
    await until(lambda: ear.tone(1_000.0) > 0.2 and ear.tone(PITCH) < 0.05)
    stream.finish()
    await asyncio.wait_for(asyncio.ensure_future(layer), 15)
    voice.stop()


async def test_an_asynchronous_generator_plays(call: World) -> None:
    voice = await call.connect()
    ear = Ear(call.discord.listen("General"))
    closed = asyncio.Event()

    async def speak(error: Exception | None = None) -> AsyncIterator[bytes]:
        try:
            for _ in range(10):
                yield speech(0.1)[:-1]
            if error is not None:
                raise error
        finally:
            closed.set()

    assert await asyncio.wait_for(voice.play(speak(), sample_rate=WRITTEN, wait_finish=True), 15) is None
    assert ear.tone(PITCH) > 0.0
    assert closed.is_set()
    error = OSError("the synthesiser is gone")
    assert await asyncio.wait_for(voice.play(speak(error), wait_finish=True), 15) is error


async def test_stopping_closes_the_generator(call: World) -> None:
    voice = await call.connect()
    closed = asyncio.Event()

    async def speak() -> AsyncIterator[Any]:
        try:
            while True:
                yield speech(1.0)
        finally:
            closed.set()

    voice.play(speak())
    await until(lambda: voice.source.played > 0.1)
    voice.stop()
    await asyncio.wait_for(closed.wait(), 15)


async def test_what_is_for_iterators_only_is_refused_elsewhere(call: World) -> None:
    voice = await call.connect()
    with pytest.raises(TypeError, match="asynchronous iterator"):
        voice.play(isocord.StreamSource(), sample_rate=48_000)


async def test_a_stream_that_is_not_written_to_is_no_fault_of_anybodys(
    call: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General")
    driver = voice._connection._driver

    async def look() -> None:
        driver.enter(driver._check)

    for wrap in (lambda stream: stream, isocord.Filtered, isocord.Queue, isocord.Broadcast):
        stream = isocord.StreamSource(WRITTEN)
        voice.play(wrap(stream))
        with monkeypatch.context() as patch:
            patch.setattr(limits, "SEND_LIMIT", 0.0)
            for _ in range(4):
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(look(), driver._thread.loop))
        assert voice.stats.reconnects == 0
        for _ in range(2):
            before = len(listener.arrivals())
            await stream.write(speech(0.2))
            stream.flush()
            await asyncio.wait_for(stream.drained(), 15)
            # The silence after it.
            await until(lambda before=before: len(listener.arrivals()) > before + 10)
            await until(lambda: listener.arrivals()[-1].is_silence)
        voice.stop()
        assert (stream.starved, voice.stats.underruns) == (0, 0)


async def test_a_layer_at_rest_is_not_late(call: World) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General")
    mixer, stream = isocord.Mixer(endless=True), isocord.StreamSource(WRITTEN)
    layer = mixer.play(isocord.Filtered(stream))
    voice.play(mixer)
    await stream.write(speech(0.2))
    stream.flush()
    await asyncio.wait_for(stream.drained(), 15)
    await heard_by(call, listener, len(listener.arrivals()) + 30)
    assert layer.underruns == 0
    await stream.write(speech(0.2))
    await asyncio.wait_for(stream.drained(), 15)
    await until(lambda: layer.underruns > 0)
    await until(lambda: stream.starved == 1)


async def test_a_stream_in_a_queue_runs_dry_without_a_click(call: World) -> None:
    voice = await call.connect()
    listener = call.discord.listen("General")
    stream, ear = isocord.StreamSource(WRITTEN), Ear(listener)
    end = voice.play(isocord.Queue(stream), wait_finish=True)
    # It ends in the midst of a frame, and of a period.
    await stream.write(speech(0.507))
    await asyncio.wait_for(stream.drained(), 15)
    await until(lambda: stream.starved == 1)
    await stream.write(speech(0.2))
    stream.finish()
    assert await asyncio.wait_for(end, 15) is None
    assert stream.played == pytest.approx(0.707, abs=0.001)
    ideal = 8_000 * (2 * np.pi * PITCH / 48_000) ** 2
    bends = np.abs(np.diff(ear.sound(), 2))
    assert bends.max() <= 4 * ideal
