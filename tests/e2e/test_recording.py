"""Recording a call as it is: encrypted, with independent senders, on a bad network, aligned to the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import discord as pycord
import numpy as np
import pytest
from discord import sinks as pycord_sinks

import isocord
from isocord.testing import tone
from isocord.testing.faults import chain, garbage, jitter, lose, reorder, truncate

from .calls import running
from .recordings import FRAME, RATE, TONES, Sent, clicks, left, onsets, share, spoken, stop, until
from .witnesses import DaveyMember


async def test_davey_members_with_sound_that_pyav_encoded(tmp_path: Path) -> None:
    async with running() as call:
        voice = await call.join()
        speakers = {
            name: call.discord.speak("General", user=name, make_member=DaveyMember, encoder="av") for name in TONES
        }
        await call.settled()
        assert voice.is_dave_connection()
        sink = isocord.sinks.WaveSink(tmp_path)
        voice.start_recording(sink, sync_start=True)
        for name, speaker in speakers.items():
            speaker.play(tone(TONES[name], 1.5))
        await spoken(*speakers.values())
        await stop(voice, sink)
        for name, speaker in speakers.items():
            path = tmp_path / f"{speaker.user_id}.wav"
            with av.open(str(path)) as opened:
                stream = opened.streams.audio[0]
                assert (stream.codec_context.name, stream.rate, stream.channels) == ("pcm_s16le", RATE, 2)
                assert opened.duration is not None
                assert opened.duration / av.time_base == pytest.approx(sink.audio_data[speaker.user_id].duration)
            for other, frequency in TONES.items():
                part = share(left(str(path)), frequency)
                assert (part > 0.9) if other == name else (part < 0.01), (name, other, part)
            received = voice.receive_stats.users[speaker.user_id]
            assert (received.failed_to_open, received.malformed) == (0, 0)


async def test_clicks_are_aligned_also_of_one_who_comes_late(tmp_path: Path) -> None:
    async with running() as call:
        voice = await call.join()
        speakers = {name: call.discord.speak("General", user=name) for name in ("alice", "bob")}
        await call.settled()
        sent = {name: Sent() for name in TONES}
        sink = isocord.sinks.WaveSink(tmp_path)
        voice.start_recording(sink, sync_start=True)
        for name, speaker in speakers.items():
            speaker.fault = sent[name]
            speaker.play(clicks(3.0))
        await until(lambda: speakers["alice"].sent > 50)
        carol = speakers["carol"] = call.discord.speak("General", user="carol", fault=sent["carol"])
        await call.settled()
        carol.play(clicks(1.5))
        await spoken(*speakers.values())
        await stop(voice, sink)
        tracks = {name: onsets(left(sink.audio_data[speaker.user_id].path)) for name, speaker in speakers.items()}
        assert {name: len(track) for name, track in tracks.items()} == {"alice": 6, "bob": 6, "carol": 3}
        first = tracks["alice"][0] / RATE - sent["alice"].start
        for name, track in tracks.items():
            # Half a second between clicks, and all on one clock.
            assert np.all(np.abs(np.diff(track) - RATE // 2) < 0.020 * RATE), (name, track)
            assert abs(track[0] / RATE - sent[name].start - first) < 0.020, name


async def test_a_bad_network_is_concealed_and_nothing_moves(tmp_path: Path) -> None:
    sent = {name: Sent() for name in ("alice", "bob")}
    passed = Sent()
    bad = chain(sent["alice"], lose(0.10, seed=5), passed, jitter(0.030, seed=6), reorder(0.05, by=0.030, seed=7))
    async with running() as call:
        voice = await call.join()
        alice = call.discord.speak("General", user="alice", fault=bad)
        bob = call.discord.speak("General", user="bob", fault=sent["bob"])
        await call.settled()
        sink = isocord.sinks.WaveSink(tmp_path)
        voice.start_recording(sink, sync_start=True)
        for speaker in (alice, bob):
            speaker.play(clicks(8.0, every=0.4))
        await spoken(alice, bob)
        # What is on its way when nobody listens any more is not counted.
        await until(lambda: voice.receive_stats.users[alice.user_id].received == passed.number)
        await stop(voice, sink)
        counted = voice.receive_stats.users[alice.user_id]
        missing = alice.sent - passed.number
        assert 0.06 < missing / alice.sent < 0.14
        assert counted.lost == counted.concealed + counted.recovered
        # What comes too late to be played is concealed as well; the jitter buffer keeps that rare.
        assert abs(counted.concealed - missing) <= 0.05 * alice.sent
        heard = {s: onsets(left(sink.audio_data[s.user_id].path)) for s in (alice, bob)}
        assert len(heard[bob]) == 20
        # A lost click is lost; all others are where bob's are, but for the moments at which the two began.
        assert len(heard[alice]) >= 15
        expected = heard[bob] + (sent["alice"].start - sent["bob"].start) * RATE
        for onset in heard[alice]:
            assert np.abs(expected - onset).min() < 0.020 * RATE


async def test_garbage_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    async with running() as call:
        voice = await call.join()
        bob = call.discord.speak("General", user="bob")
        await call.settled()
        sink = isocord.sinks.WaveSink(tmp_path)
        call.discord.voice_session().set_udp_faults(downlink=chain(garbage(0.9, seed=1)))
        voice.start_recording(sink)
        bob.play(tone(440, 1.0))
        await spoken(bob)
        call.discord.voice_session().set_udp_faults(downlink=chain(truncate(0.5, seed=2)))
        bob.play(tone(440, 1.0))
        await until(lambda: not bob.is_playing)
        await stop(voice, sink)
        track = left(sink.audio_data[bob.user_id].path)
        assert share(track[: RATE - 4800], 440) > 0.9
        stats = voice.receive_stats
        assert stats.forged + stats.malformed + stats.ignored + stats.unheard > 40
        assert stats.users[bob.user_id].failed_to_open == 0
        assert voice.is_connected()


class Named(pycord_sinks.WaveSink):  # type: ignore[misc]
    """A user's own sink that leans on py-cord's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.formatted: list[bytes] = []

    def format_audio(self, audio: Any) -> None:
        super().format_audio(audio)
        self.formatted.append(audio.file.getvalue())


async def test_a_sink_that_calls_py_cords_formatter() -> None:
    async with running() as call:
        voice = await call.join()
        bob = call.discord.speak("General", user="bob")
        await call.settled()
        sink = Named()
        voice.start_recording(sink)
        assert isinstance(sink, Named)
        assert type(sink).__name__ == "Named"
        bob.play(tone(440, 0.5))
        await spoken(bob)
        await stop(voice, sink)
        await until(lambda: sink.formatted)
        pcm = left(sink.audio_data[bob.user_id].file)
        assert len(pcm) >= 0.5 * RATE
        assert share(pcm, 440) > 0.9


@pytest.mark.parametrize("ending", ["kick", "disconnect"])
async def test_a_sink_in_python_gets_what_waits_in_the_jitter_buffer(ending: str) -> None:
    async with running() as call:
        voice = await call.join()
        bob = call.discord.speak("General", user="bob")
        await call.settled()
        sink = pycord_sinks.PCMSink()
        voice.start_recording(sink)
        bob.play(tone(440, 30.0))
        await until(lambda: bob.sent >= 40)
        if ending == "kick":
            call.discord.kick_bot()
        else:
            await voice.disconnect()
        await until(lambda: sink.finished)
        received = voice.receive_stats.users[bob.user_id].received
        # The last frame may be cut where the recording ends, and after a stall a speaker is a little ahead.
        assert len(sink.audio_data[bob.user_id].file.getvalue()) >= (received - 2) * FRAME


async def test_it_goes_on_over_a_move_and_a_reconnect(tmp_path: Path) -> None:
    async with running() as call:
        voice = await call.join()
        bob = call.discord.speak("General", user="bob")
        await call.settled()
        sink = isocord.sinks.WaveSink(tmp_path)
        voice.start_recording(sink)
        bob.play(tone(440, 0.6))
        await spoken(bob)
        other = next(channel for channel in call.bot.guilds[0].voice_channels if channel.name != "General")
        carol = call.discord.speak(other.name, user="carol")
        await voice.move_to(other)
        await call.settled(other.name)
        carol.play(tone(1000, 0.6))
        await spoken(carol)
        assert voice.is_recording()
        await stop(voice, sink)
        assert share(left(sink.audio_data[bob.user_id].path)[: RATE // 2], 440) > 0.9
        assert share(left(sink.audio_data[carol.user_id].path)[: RATE // 2], 1000) > 0.9
        assert pycord.utils.get(call.bot.voice_clients) is voice
