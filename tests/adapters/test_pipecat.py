"""Pipecat in an encrypted call: a user speaks, the assistant answers, and is interrupted."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord

from ..hosts.ears import Ear
from ..hosts.world import World, logged_in, np, until
from .speech import PITCH, RATE, assistants_voice, seconds, spells, users_voice

pytest.importorskip("pipecat")

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    UserAudioRawFrame,
)

from isocord.adapters.pipecat import DiscordMetrics, DiscordParams, DiscordTransport

from .pipecat_parts import WORD, Assistant, running


@pytest.fixture
async def call() -> AsyncIterator[World]:
    async with logged_in(dave_version=1) as world:
        yield world


class Told:
    """The events of a transport."""

    def __init__(self, transport: DiscordTransport) -> None:
        self.events: list[tuple[Any, ...]] = []
        for name in transport._event_handlers:
            transport.event_handler(name)(self._noting(name))

    def _noting(self, name: str) -> Any:
        async def note(transport: DiscordTransport, *args: Any) -> None:
            self.events.append((name, *args))

        return note

    def of(self, name: str) -> list[Any]:
        return [event[1] if len(event) > 1 else None for event in self.events if event[0] == name]


def metrics(assistant: Assistant) -> list[DiscordMetrics]:
    frames = assistant.below.of(MetricsFrame)
    return [data for frame in frames for data in frame.data if isinstance(data, DiscordMetrics)]


async def test_a_user_is_heard_answered_and_interrupts(call: World, tmp_path: Path) -> None:
    voice = await call.connect()
    bob = call.discord.speak("General", user="bob")
    transport = DiscordTransport(voice)
    told = Told(transport)
    words = 5
    async with running(transport, words) as assistant:
        await until(lambda: told.of("on_participant_joined"))
        bob.play(users_voice(1.4, tmp_path))
        await until(lambda: assistant.below.of(BotStoppedSpeakingFrame), 20)
        # The recogniser was given the whole of it, and whose it is.
        (user_id, voiced), *_ = assistant.recogniser.heard
        assert user_id == str(bob.id)
        assert voiced > 0.5
        assert assistant.above.silent > 0
        # The listener has heard the whole of the answer, without a gap.
        (answer,) = spells(bob)
        assert seconds(answer) == pytest.approx(words * WORD, abs=0.061)
        await until(lambda: assistant.said("assistant") == ["w0 w1 w2 w3 w4."])
        (whole,) = metrics(assistant)
        assert not whole.interrupted
        assert whole.heard == pytest.approx(words * WORD, abs=0.041)

        # What is interrupted.
        assistant.model.words = 50
        bob.play(users_voice(1.0, tmp_path))
        await until(lambda: len(spells(bob)) > 1 and len(spells(bob)[1]) > 60, 20)
        bob.play(users_voice(1.0, tmp_path))
        await until(lambda: told.of("on_bot_interrupted"), 20)
        (heard,) = told.of("on_bot_interrupted")
        await until(lambda: len(assistant.said("assistant")) > 1, 20)
        said = assistant.said("assistant")[1].split()
        # As many words as had begun when the sound ended.
        assert said == [f"w{number}" for number in range(len(said))]
        assert abs(len(said) - heard / WORD) <= 1.0
        assert heard > 1.0
        await until(lambda: len(metrics(assistant)) > 1)
        assert metrics(assistant)[1].interrupted
        # A frame in which the sound goes out, and one that was about to leave.
        await until(lambda: len(spells(bob)) > 2, 20)
        assert heard <= seconds(spells(bob)[1]) <= heard + 0.061
    assert voice.is_connected()
    await until(lambda: not voice.is_playing())


async def test_each_user_is_a_row_of_its_own_or_the_only_one(call: World) -> None:
    voice = await call.connect()
    alice, bob = (call.discord.speak("General", user=name) for name in ("alice", "bob"))
    every, only = (
        DiscordTransport(voice, mixdown=False),
        DiscordTransport(voice, user=bob.id, play=isocord.Mixer().play),
    )
    async with running(every) as apart, running(only) as one:
        call.speak(0.5, "alice", "bob")
        for assistant, users in ((apart, {str(alice.id), str(bob.id)}), (one, {str(bob.id)})):
            heard = assistant.above
            await until(lambda heard=heard, users=users: users <= {f.user_id for f in heard.of(UserAudioRawFrame)})
            assert {frame.user_id for frame in heard.of(UserAudioRawFrame)} == users


async def test_who_comes_and_goes_is_told(call: World) -> None:
    voice = await call.connect()
    transport = DiscordTransport(voice, DiscordParams(audio_out_sample_rate=48_000))
    told = Told(transport)
    async with running(transport):
        await until(lambda: told.of("on_connected"))
        bob = call.discord.speak("General", user="bob")
        name = str(bob.id)
        await until(lambda: told.of("on_client_connected") == [{"id": name}])
        assert transport.get_client_id(told.of("on_client_connected")[0]) == name
        assert told.of("on_first_participant_joined") == told.of("on_participant_joined") == [name]
        bob.leave()
        await until(lambda: told.of("on_client_disconnected") == [{"id": name}])
        assert told.of("on_participant_left") == [name]
        call.discord.kick_bot()
        await until(lambda: told.of("on_disconnected"))


async def test_the_end_of_a_pipeline_lets_it_finish(call: World) -> None:
    voice = await call.connect()
    bob = call.discord.listen("General", user="bob")
    mixer = isocord.Mixer(endless=True)
    voice.play(mixer)
    transport = DiscordTransport(voice, DiscordParams(audio_out_channels=2), play=mixer.play)
    async with running(transport) as assistant:
        frame = TTSAudioRawFrame(np.repeat(np.frombuffer(assistants_voice(1.0), "<i2"), 2).tobytes(), RATE, 2)
        await assistant.worker.queue_frames([frame, TTSStoppedFrame(), EndFrame()])
        await until(lambda: transport.output().heard >= 1.0)
    assert transport.output().heard == pytest.approx(1.0, abs=0.041)
    assert seconds(spells(bob)[0]) >= 1.0
    assert Ear(bob).sound().size


async def test_what_the_bot_stops_ends_a_sentence_and_not_the_transport(call: World) -> None:
    voice = await call.connect()
    bob = call.discord.listen("General", user="bob")
    transport, ear = DiscordTransport(voice), Ear(bob)
    told = Told(transport)
    async with running(transport) as assistant:
        await assistant.worker.queue_frame(TTSAudioRawFrame(assistants_voice(5.0), RATE, 1))
        await until(lambda: ear._listener.arrivals() and ear.tone(PITCH) > 0.2)
        voice.stop()
        await until(lambda: told.of("on_bot_interrupted"))
        (heard,) = told.of("on_bot_interrupted")
        assert heard < 1.0
        await assistant.worker.queue_frames([TTSAudioRawFrame(assistants_voice(1.0), RATE, 1), TTSStoppedFrame()])
        await until(lambda: len(assistant.below.of(BotStoppedSpeakingFrame)) > 1)
        assert transport.output().heard == pytest.approx(heard + 1.0, abs=0.041)
        assert told.of("on_bot_interrupted") == [heard]


async def test_who_speaks_over_it_ends_it_natively_and_the_pipeline_follows(call: World, tmp_path: Path) -> None:
    voice = await call.connect()
    bob = call.discord.speak("General", user="bob")
    transport = DiscordTransport(voice, play=functools.partial(voice.play, barge_in=True))
    told = Told(transport)
    async with running(transport) as assistant:
        for _ in range(2):
            before = len(spells(bob))
            told.events.clear()
            frames = [TTSAudioRawFrame(assistants_voice(1.0), RATE, 1) for _ in range(30)]
            await assistant.worker.queue_frames(frames)
            await until(lambda before=before: len(spells(bob)) > before and len(spells(bob)[-1]) > 20)
            # Nothing in the pipeline itself interrupts so soon.
            bob.play(users_voice(0.6, tmp_path))
            await until(lambda: told.of("on_bot_interrupted"))
            (heard,) = told.of("on_bot_interrupted")
            await until(lambda: bob.arrivals()[-1].is_silence)
            assert heard <= seconds(spells(bob)[-1]) <= heard + 0.061
            assert heard < 5.0
            await until(lambda: not bob.is_playing)
