"""LiveKit Agents in an encrypted call: a user speaks, the agent answers, and is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord

from ..hosts.ears import Ear
from ..hosts.world import World, logged_in, until
from .speech import PITCH, RATE, assistants_voice, seconds, spells, users_voice

pytest.importorskip("livekit.agents")

from livekit import rtc

from isocord.adapters.livekit import DiscordAudioInput, DiscordAudioOutput

from .livekit_parts import WORD, running


@pytest.fixture
async def call() -> AsyncIterator[World]:
    async with logged_in(dave_version=1) as world:
        yield world


async def test_a_user_is_heard_answered_and_interrupts(call: World, tmp_path: Path) -> None:
    voice = await call.connect()
    bob = call.discord.speak("General", user="bob")
    words = 5
    ears, mouth = DiscordAudioInput(voice), DiscordAudioOutput(voice)
    async with running(ears, mouth, words) as assistant:
        bob.play(users_voice(1.4, tmp_path))
        await until(lambda: assistant.finished, 20)
        (user_id, voiced), *_ = assistant.recogniser.heard
        assert user_id == bob.id
        assert voiced > 0.5
        (answer,) = spells(bob)
        assert seconds(answer) == pytest.approx(words * WORD, abs=0.061)
        assert assistant.finished[0].playback_position == pytest.approx(words * WORD, abs=0.021)
        assert not assistant.finished[0].interrupted
        await until(lambda: assistant.said() == [("w0 w1 w2 w3 w4", False)])

        assistant.model.words = 50
        bob.play(users_voice(1.0, tmp_path))
        await until(lambda: len(spells(bob)) > 1 and len(spells(bob)[1]) > 60, 20)
        bob.play(users_voice(1.0, tmp_path))
        await until(lambda: len(assistant.finished) > 1, 20)
        interrupted = assistant.finished[1]
        assert interrupted.interrupted
        assert interrupted.playback_position > 1.0
        await until(lambda: len(assistant.said()) > 1, 20)
        assert assistant.said()[1][1]
        await until(lambda: len(spells(bob)) > 2, 20)
        # Two frames at most: one in which the sound goes out, and one that was about to leave.
        heard = seconds(spells(bob)[1])
        assert interrupted.playback_position <= heard <= interrupted.playback_position + 0.061
    assert voice.is_connected()


class Mouth:
    """An output that plays, and what it tells."""

    def __init__(self, voice: Any, **options: Any) -> None:
        self.output = DiscordAudioOutput(voice, **options)
        self.told: list[tuple[str, Any]] = []
        for name in ("playback_started", "playback_progressed", "playback_finished"):
            self.output.on(name, lambda event, name=name: self.told.append((name, event)))
        self.output.on_attached()

    async def say(self, length: float) -> None:
        """In frames of 50 ms."""
        sound = assistants_voice(length)
        size = RATE // 20
        for at in range(0, len(sound), 2 * size):
            samples = len(sound[at : at + 2 * size]) // 2
            await self.output.capture_frame(rtc.AudioFrame(sound[at : at + 2 * samples], RATE, 1, samples))

    def of(self, name: str) -> list[Any]:
        return [event for told, event in self.told if told == f"playback_{name}"]


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_segment_that_is_cleared_is_finished_once(call: World, flushed: bool) -> None:
    voice = await call.connect()
    bob = call.discord.listen("General", user="bob")
    mouth = Mouth(voice)
    await mouth.say(3.0)
    if flushed:
        mouth.output.flush()
    await until(lambda: len(bob.arrivals()) > 20)
    mouth.output.clear_buffer()
    mouth.output.clear_buffer()
    finished = await mouth.output.wait_for_playout()
    assert finished.interrupted
    # What is still on its way to it belongs to the same segment.
    if not flushed:
        await mouth.say(0.5)
    mouth.output.flush()
    await until(lambda: any(arrival.is_silence for arrival in bob.arrivals()))
    (spell,) = spells(bob)
    assert finished.playback_position <= seconds(spell) <= finished.playback_position + 0.061
    assert mouth.of("finished") == [finished]
    assert (await mouth.output.wait_for_playout()) == finished
    # The next one is whole.
    await mouth.say(0.5)
    mouth.output.flush()
    after = await mouth.output.wait_for_playout()
    assert not after.interrupted
    assert after.playback_position == pytest.approx(0.5, abs=0.021)
    assert [name for name, _ in mouth.told] == [
        f"playback_{name}" for name in ("started", "progressed", "finished")
    ] * 2
    await until(lambda: len(spells(bob)) == 2 and bob.arrivals()[-1].is_silence)
    assert seconds(spells(bob)[1]) == pytest.approx(0.5, abs=0.041)


async def test_one_that_is_paused_goes_on_where_it_was(call: World) -> None:
    voice = await call.connect()
    bob = call.discord.listen("General", user="bob")
    mouth = Mouth(voice)
    assert mouth.output.can_pause
    await mouth.say(1.0)
    mouth.output.flush()
    await until(lambda: len(bob.arrivals()) > 20)
    mouth.output.pause()
    await until(lambda: bob.arrivals()[-1].is_silence)
    held = mouth.output.playback_position
    assert mouth.of("finished") == []
    mouth.output.resume()
    finished = await mouth.output.wait_for_playout()
    assert finished.playback_position == pytest.approx(1.0, abs=0.021)
    first, second = mouth.of("progressed")
    assert (first.offset, second.offset + second.duration) == (0.0, pytest.approx(1.0, abs=0.021))
    assert first.duration == pytest.approx(held, abs=0.021)
    assert second.started_at - first.started_at > first.duration
    assert len(mouth.of("started")) == 1


async def test_what_the_bot_stops_ends_the_segment(call: World) -> None:
    voice = await call.connect()
    bob = call.discord.listen("General", user="bob")
    mouth, ear = Mouth(voice), Ear(bob)
    await mouth.say(2.0)
    mouth.output.flush()
    await until(lambda: bob.arrivals() and ear.tone(PITCH) > 0.2)
    voice.stop()
    assert (await mouth.output.wait_for_playout()).interrupted
    await mouth.say(1.0)
    voice.stop()
    await mouth.say(1.0)
    mouth.output.flush()
    assert (await mouth.output.wait_for_playout()).interrupted
    await mouth.say(0.5)
    mouth.output.flush()
    assert not (await mouth.output.wait_for_playout()).interrupted
    assert len(mouth.of("finished")) == 3


async def test_over_other_sound_and_away_again(call: World) -> None:
    voice = await call.connect()
    mixer = isocord.Mixer(endless=True)
    voice.play(mixer)
    mouth = Mouth(voice, play=mixer.play, channels=2)
    await mouth.say(5.5)
    await until(lambda: mouth.of("started"))
    mouth.output.on_detached()
    assert (await mouth.output.wait_for_playout()).interrupted
    mouth.output.flush()
    assert len(mouth.of("finished")) == 1
    assert voice.is_playing()
    with pytest.raises(ValueError, match="24000 Hz"):
        await mouth.output.capture_frame(rtc.AudioFrame(bytes(960), 48_000, 1, 480))


async def test_ears_hear_one_user_while_they_are_attached(call: World) -> None:
    voice = await call.connect()
    alice, bob = (call.discord.speak("General", user=name) for name in ("alice", "bob"))
    ears = DiscordAudioInput(voice, user=bob.id, sample_rate=16_000)
    ears.on_attached()
    call.speak(0.5, "alice", "bob")
    heard = await asyncio.wait_for(anext(ears), 10)
    assert (heard.sample_rate, heard.num_channels, heard.samples_per_channel) == (16_000, 1, 320)
    assert heard.userdata["user_id"] == bob.id != alice.id
    ears.on_detached()
    waiting = asyncio.ensure_future(anext(ears))
    await asyncio.sleep(0)
    ears.on_attached()
    assert (await asyncio.wait_for(waiting, 10)).userdata["user_id"] == bob.id
    await voice.disconnect()
    async for _ in ears:
        pass
