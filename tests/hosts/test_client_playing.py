"""Playing under whichever bot library this interpreter has: what a listener hears, and what callers are told."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import threading
import time
from pathlib import Path

import pytest

import isocord
from isocord.errors import ClientError, OpusError

from .world import Tone, World, has_sources, library, until, wave_file


class TestPlay:
    async def test_a_listener_hears_it(self, world: World) -> None:
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        source, done = Tone(30), asyncio.Event()
        names: list[str] = []

        def after(error: Exception | None) -> None:
            names.append(threading.current_thread().name)
            voice.loop.call_soon_threadsafe(done.set)

        assert voice.play(source, after=after) is None
        assert voice.is_playing()
        assert voice.source is source
        assert voice._player.source is source
        await until(lambda: world.discord.voice_session().speaking == 1)
        await asyncio.wait_for(done.wait(), 15)
        assert not voice.is_playing()
        assert voice.elapsed() == datetime.timedelta(milliseconds=600)

        def silences() -> list[bool]:
            return [arrival.is_silence for arrival in alice.arrivals()]

        await until(lambda: silences().count(False) == 30 and silences()[-5:] == [True] * 5)
        # More silence is only where a busy machine had no time for the sound.
        assert voice.stats.underruns or silences() == [False] * 30 + [True] * 5
        await until(lambda: source.cleaned == 1)
        await until(lambda: world.discord.voice_session().speaking == 0)
        assert names[0].startswith("isocord-feed-")

    async def test_a_future_waits_for_the_end(self, world: World) -> None:
        voice = await world.connect()
        assert await voice.play(Tone(3), wait_finish=True) is None
        error = OSError("gone")
        assert await voice.play(Tone(3, error), wait_finish=True) is error
        future = voice.play(Tone(), wait_finish=True)
        voice.stop()
        assert await asyncio.wait_for(future, 15) is None

    async def test_what_play_refuses(self, world: World) -> None:
        voice = await world.connect()
        with pytest.raises(TypeError, match="AudioSource"):
            voice.play(object())
        with pytest.raises(TypeError, match="after"):
            voice.play(Tone(), after=5)
        for wrong in (
            {"bitrate": 5},
            {"bitrate": 1000},
            {"application": "x"},
            {"expected_packet_loss": 2.0},
            {"bandwidth": "x"},
            {"signal_type": "x"},
            {"complexity": 11},
            {"lookahead": 0},
        ):
            with pytest.raises(ValueError, match=r"."):
                voice.play(Tone(), **wrong)
        assert not voice.is_playing()
        voice.play(Tone(), application="voip", bitrate=32, fec=True, bandwidth="wide", signal_type="voice")
        with pytest.raises(library.ClientException):
            voice.play(object())
        voice.pause()
        voice.play(Tone())
        await voice.disconnect()
        with pytest.raises(ClientError):
            voice.play(object())

    async def test_pause_resume_and_stop(self, world: World) -> None:
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        voice.pause()
        voice.resume()
        voice.stop()
        voice.play(Tone())
        await until(lambda: len(alice.arrivals()) > 5)
        voice.pause()
        assert voice.is_paused()
        assert not voice.is_playing()
        await until(lambda: alice.arrivals()[-1].is_silence)
        held = voice.elapsed()
        voice.resume()
        assert voice.is_playing()
        await until(lambda: voice.elapsed() > held)
        voice.stop()
        assert not voice.is_playing()
        assert not voice.is_paused()
        assert voice.elapsed() == datetime.timedelta()

    async def test_the_source_can_be_changed(self, world: World) -> None:
        voice = await world.connect()
        with pytest.raises(ValueError, match="not playing"):
            voice.source = Tone()
        old, new = Tone(), Tone(5)
        future = voice.play(old, wait_finish=True)
        with pytest.raises(TypeError, match="AudioSource"):
            voice.source = object()
        voice.source = new
        assert voice.source is new
        assert await asyncio.wait_for(future, 15) is None
        assert (old.cleaned, new.cleaned) == (0, 1)

    async def test_a_file_plays_without_a_feeder_thread(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "tone.wav"
        path.write_bytes(wave_file(b"\x10\x20" * 1920 * 20))
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        source = isocord.AudioFile(path)
        before = set(threading.enumerate())
        names: list[str] = []
        future = voice.play(source, after=lambda error: names.append(threading.current_thread().name), wait_finish=True)
        assert voice.source is source
        others = set(threading.enumerate()) - before
        assert not any(thread.name.startswith("isocord-feed") for thread in others)
        assert await asyncio.wait_for(future, 15) is None
        assert names == ["isocord-after"]
        await until(lambda: len(alice.arrivals()) >= 20)
        assert voice.stats.underruns or not any(arrival.is_silence for arrival in alice.arrivals()[:20])
        with pytest.raises(isocord.AudioFileError):
            voice.play(source)
        assert not voice.is_playing()

    @pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
    @has_sources
    async def test_processes_are_reaped(self, world: World) -> None:
        voice = await world.connect()
        endless = "anullsrc=r=48000:cl=stereo"
        source = library.FFmpegPCMAudio(endless, before_options="-f lavfi")
        process = source._process
        voice.play(library.PCMVolumeTransformer(source))
        await until(lambda: voice.elapsed() > datetime.timedelta())
        voice.stop()
        await until(lambda: process.poll() is not None)

    async def test_single_packets(self, world: World) -> None:
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        voice.send_audio_packet(b"\x10\x20" * 1920)
        voice.send_audio_packet(b"\xf8\xff\xfe", encode=False)
        await until(lambda: len(alice.arrivals()) >= 2)
        assert [arrival.is_silence for arrival in alice.arrivals()[:2]] == [False, True]
        assert world.discord.voice_session().speaking == 1
        host = world.host
        with pytest.raises(host.opus_error) as caught:
            voice.send_audio_packet(b"", encode=False)
        assert isinstance(caught.value, OpusError)
        with pytest.raises(host.opus_error):
            voice.send_audio_packet(b"\0" * 5000)
        await voice.disconnect()
        with pytest.raises(library.ClientException):
            voice.send_audio_packet(b"\0" * 3840)

    async def test_sound_goes_on_while_the_loop_is_blocked(self, world: World) -> None:
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        voice.play(Tone())
        await until(lambda: len(alice.arrivals()) > 5)
        wanted, deadline = len(alice.arrivals()) + 20, time.monotonic() + 15
        while len(alice.arrivals()) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(alice.arrivals()) >= wanted
