"""One whose microphone is open, with the noise of a room: what is told of speech in it, in an encrypted call."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import isocord

from .speech import noise, said, stereo
from .world import Tone, World, np, until


async def test_who_speaks_out_of_the_noise_interrupts_and_the_noise_does_not(world: World) -> None:
    voice = await world.connect()
    alice = world.discord.listen("General", user="alice")
    end = voice.play(Tone(), barge_in=True, wait_finish=True)
    await until(lambda: len(alice.arrivals()) > 25)
    room = noise(4.0, 25.0)
    room[96_000:] += said(2.0)
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(room))
    ended: list[int] = []
    end.add_done_callback(lambda _: ended.append(time.time_ns()))
    told = await asyncio.wait_for(end, 15.0)
    # Speech begins after two seconds of noise.
    await until(lambda: ended)
    assert ended[0] - bob.began_ns > 1.9e9
    assert isinstance(told, isocord.Interrupted)
    assert told.by == bob.user_id


async def test_frames_are_judged(world: World) -> None:
    voice = await world.connect()
    frames: list[Any] = []
    with voice.listen_with(frames.append, vad=True):
        room = noise(3.0, 25.0)
        room[48_000:96_000] += said(1.0)
        bob = world.discord.speak("General", user="bob")
        bob.play(stereo(room))
        await until(lambda: frames and not bob.is_playing and len(frames) >= 140)
    scores = np.array([frame.speech for frame in frames])
    assert np.mean(scores[5:45] < 0.5) > 0.9
    assert np.mean(scores[65:95] > 0.5) > 0.9
    assert np.mean(scores[125:] < 0.5) > 0.9
