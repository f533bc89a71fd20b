"""Hearing what users say in one piece, in an encrypted call, under whichever bot library this interpreter has."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
from typing import Any

import pytest

import isocord

from .speech import is_whole, noise, said, silence, stereo
from .world import World, np, until


def speaker(world: World, name: str = "bob") -> Any:
    return world.discord.speak("General", user=name)


def joined(frames: list[Any], start: int, end: int) -> bytes:
    """The sound of filled frames from one place to another."""
    within = [frame for frame in frames if start <= frame.position < end]
    assert [frame.position for frame in within] == list(range(start, end, 960))
    return b"".join(frame.data for frame in within)


async def test_two_utterances_each_the_sound_that_a_listener_hears(world: World) -> None:
    voice = await world.connect()
    frames: list[Any] = []
    with voice.listen_with(frames.append, fill=True, sample_rate=16_000, channels=1):
        async with voice.utterances() as utterances:
            bob = speaker(world)
            bob.play(stereo(said(1.0), silence(1.2), said(0.6), silence(1.0)))
            first = await anext(utterances)
            second = await anext(utterances)
            await until(lambda: frames[-1].position >= second.end)
    assert {first.user_id, second.user_id} == {bob.user_id}
    assert (first.ended, second.ended, first.sample_rate, first.channels) == ("silence", "silence", 16_000, 1)
    if is_whole(frames):
        # With 0.6 s of silence, and no pre-roll where nothing was heard before; the judge may take a while to be sure.
        assert 1.4 < first.duration < 2.0
        assert 1.2 < second.duration < 1.9
    for utterance in (first, second):
        assert len(utterance.pcm) == utterance.duration * 32_000
        assert utterance.pcm == joined(frames, utterance.start, utterance.end)
        captured = next(frame.captured for frame in frames if frame.position == utterance.start)
        assert utterance.captured == pytest.approx(captured, abs=0.005)
    again = pickle.loads(pickle.dumps(first))
    names = [name for name in dir(again) if not name.startswith("_")]
    assert [getattr(again, name) for name in names] == [getattr(first, name) for name in names]
    assert repr(first).startswith(f"<Utterance user_id={bob.user_id} start={first.start} ")
    assert utterances.dropped == 0


async def test_an_open_microphone_with_noise(world: World) -> None:
    voice = await world.connect()
    frames: list[Any] = []
    with voice.listen_with(frames.append, fill=True):
        async with voice.utterances() as utterances:
            loud = noise(6.0, 20.0)
            loud[96_000:144_000] += said(1.0)
            speaker(world).play(stereo(loud))
            heard = await anext(utterances)
    assert heard.ended == "silence"
    if not is_whole(frames):
        return
    assert 1.4 < heard.duration < 2.5
    pcm = np.frombuffer(heard.pcm, "<i2").astype(float)
    level = np.sqrt(np.square(pcm[: len(pcm) // 320 * 320]).reshape(-1, 320).mean(axis=1))
    # Speech is within, with what was before and after it.
    spoken = np.flatnonzero(level > 1_200) * 0.02
    assert 0.0 < spoken[0] < 0.5
    assert 0.3 < heard.duration - spoken[-1] < 0.9


async def test_noise_alone_is_no_utterance_unless_packets_are_believed(world: World) -> None:
    voice = await world.connect()
    frames: list[Any] = []
    listening = voice.listen_with(frames.append, fill=True)
    judged, believed = voice.utterances(), voice.utterances(vad=False, format="f32", channels=2, sample_rate=48_000)
    speaker(world).play(stereo(noise(2.0, 10.0)))
    heard = await anext(believed)
    assert heard.ended == "silence"
    assert 2.4 < heard.duration < 2.8 or not is_whole(frames)
    assert len(heard.pcm) == round(heard.duration * 48_000) * 8
    judged.close()
    assert [utterance async for utterance in judged] == []
    believed.close()
    listening.close()


async def test_while_it_is_said(world: World) -> None:
    voice = await world.connect()
    frames: list[Any] = []
    listening = voice.listen_with(frames.append, fill=True)
    async with voice.utterances(partial=True, silence=0.4) as utterances:
        bob = speaker(world)
        bob.play(stereo(said(1.5)))
        going = await anext(utterances)
        assert isinstance(going, isocord.PartialUtterance)
        assert bob.is_playing
        assert going.ended is None
        assert repr(going) == f"<PartialUtterance user_id={bob.user_id} start={going.start} going on>"
        waiting = asyncio.create_task(whole(going))
        chunks = [chunk async for chunk in going]
        heard = await waiting
    assert len(chunks) > 5
    assert all(chunks)
    assert (b"".join(chunks), going.ended) == (heard.pcm, "silence")
    assert await going is heard
    listening.close()
    assert 1.7 < heard.duration < 2.3 or not is_whole(frames)
    assert (heard.user_id, heard.start, heard.captured) == (going.user_id, going.start, going.captured)


async def whole(going: Any) -> Any:
    return await going


async def test_what_is_being_said_is_not_lost(world: World) -> None:
    voice = await world.connect()
    utterances = voice.utterances()
    long = stereo(said(20.0))
    bob, alice = speaker(world), speaker(world, "alice")
    bob.play(long)
    alice.play(long)
    frames: list[Any] = []
    listening = voice.listen_with(frames.append, users=[bob.user_id])
    await until(lambda: len(frames) >= 40)
    bob.leave()
    left = await anext(utterances)
    assert (left.user_id, left.ended) == (bob.user_id, "left")
    assert left.duration > 0.5
    listening.close()
    await voice.disconnect()
    rest = [utterance async for utterance in utterances]
    assert [(utterance.user_id, utterance.ended) for utterance in rest] == [(alice.user_id, "closed")]
    with pytest.raises(isocord.ClientError):
        voice.utterances()


async def test_a_session_that_is_replaced(world: World) -> None:
    voice = await world.connect()
    utterances = voice.utterances(vad=False)
    bob = speaker(world)
    bob.play(stereo(said(30.0)))
    await until(lambda: bob.sent > 50)
    world.discord.voice_session().close(4006)
    await until(lambda: voice.stats.reconnects == 1 and voice.is_connected())
    before = bob.sent
    await until(lambda: bob.sent > before + 50)
    bob.leave()
    heard = [await anext(utterances)]
    while heard[-1].ended != "left":
        heard.append(await anext(utterances))
    # One or two: it depends on how long the new session took.
    assert {utterance.user_id for utterance in heard} == {bob.user_id}
    assert all(one.end <= other.start for one, other in zip(heard, heard[1:], strict=False))
    assert heard[-1].end - heard[0].start > 2 * 0.9 * 48_000
    utterances.close()


async def test_a_bot_that_does_not_read_loses_the_oldest_and_is_told(world: World) -> None:
    voice = await world.connect()
    utterances = voice.utterances(vad=False, silence=0.1, min_speech=0.0, capacity=2)
    words = [part for _ in range(20) for part in (said(0.2), silence(0.3))]
    speaker(world).play(stereo(*words))
    await until(lambda: utterances.dropped >= 3)
    utterances.close()
    left = [utterance async for utterance in utterances]
    assert len(left) == 2
    assert left[0].end <= left[1].start


async def test_one_that_is_forgotten_closes_itself(world: World) -> None:
    voice = await world.connect()

    def listeners() -> int:
        return sum(thread.name == "isocord-listen" for thread in threading.enumerate())

    utterances = voice.utterances()
    # Where the media node is in this process as well there are two.
    await until(lambda: listeners() >= 1)
    del utterances
    gc.collect()
    await until(lambda: listeners() == 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 44_100}, "sample_rate"),
        ({"channels": 3}, "channels"),
        ({"format": "s24"}, "format"),
        ({"silence": 0.0}, "silence"),
        ({"silence": float("nan")}, "silence"),
        ({"min_speech": -0.1}, "min_speech"),
        ({"max_length": 0.5}, "max_length"),
        ({"pre_roll": 3.0}, "pre_roll"),
        ({"capacity": 0}, "capacity"),
        ({"vad": "yes"}, "vad"),
    ],
)
async def test_options_out_of_range(world: World, options: dict[str, Any], message: str) -> None:
    voice = await world.connect()
    with pytest.raises(ValueError, match=message):
        voice.utterances(**options)
