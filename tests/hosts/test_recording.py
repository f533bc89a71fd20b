"""Recording under py-cord, against the fake Discord: what each participant says is in its own track, in time."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import io
import shutil
import threading
import wave
from typing import Any

import pytest

import isocord
from isocord.errors import RecordingError

from .world import TONES, World, library, logged_in, testing, until

numpy = pytest.importorskip("numpy") if importlib.util.find_spec("numpy") else None
pytest.importorskip("cryptography")
if importlib.util.find_spec("discord") is None or importlib.util.find_spec("discord.sinks") is None:
    pytest.skip("only py-cord has sinks", allow_module_level=True)
sinks = importlib.import_module("discord.sinks")


class Finished:
    """A coroutine callback that can be waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.loops: list[asyncio.AbstractEventLoop] = []

    async def __call__(self, *args: Any) -> None:
        self.loops.append(asyncio.get_running_loop())
        self.calls.append(args)


def power(pcm: bytes, frequency: float) -> float:
    """Share of the sound's energy within 5 Hz of a tone."""
    samples = numpy.frombuffer(pcm, "<i2")[::2].astype(float)
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)))) ** 2
    at = numpy.fft.rfftfreq(len(samples), 1 / 48_000)
    return float(spectrum[numpy.abs(at - frequency) < 5].sum() / spectrum.sum())


def read_wav(file: Any) -> bytes:
    with wave.open(file, "rb") as opened:
        assert (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (2, 2, 48_000)
        return opened.readframes(opened.getnframes())


def onset(pcm: bytes) -> float:
    """Seconds until it is loud."""
    loud = numpy.abs(numpy.frombuffer(pcm, "<i2")[::2]) > 1000
    return float(numpy.argmax(loud)) / 48_000


needs_numpy = pytest.mark.skipif(numpy is None, reason="there is no numpy")


@needs_numpy
async def test_each_tone_is_in_its_own_track_and_a_late_one_is_aligned(world: World) -> None:
    voice = await world.connect()
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    done, sink = Finished(), sinks.WaveSink()
    voice.start_recording(sink, done, "x", 5, sync_start=True)
    assert voice.recording
    assert voice.is_recording()
    assert not voice.paused
    for speaker, name in ((alice, "alice"), (bob, "bob")):
        speaker.play(testing.tone(TONES[name], 1.2))
    await until(lambda: alice.sent > 0 and bob.sent > 0)
    await asyncio.sleep(0.5)
    carol = world.discord.speak("General", user="carol")
    carol.play(testing.tone(TONES["carol"], 0.6))
    await until(lambda: carol.sent > 0)
    await until(lambda: not (alice.is_playing or bob.is_playing or carol.is_playing))
    voice.stop_recording()
    assert not voice.recording
    await until(lambda: done.calls)
    assert done.calls == [(sink, "x", 5)]
    assert done.loops == [voice.loop]
    assert set(sink.audio_data) == {speaker.user_id for speaker in (alice, bob, carol)}
    tracks = {
        name: read_wav(sink.audio_data[speaker.user_id].file)
        for name, speaker in (("alice", alice), ("bob", bob), ("carol", carol))
    }
    for name, pcm in tracks.items():
        for other, frequency in TONES.items():
            share = power(pcm, frequency)
            assert (share > 0.8) if other == name else (share < 0.01), (name, other, share)
    # The recording begins with the first of them; the rest lie where they were said, as a busy machine lets them.
    speakers = {"alice": alice, "bob": bob, "carol": carol}
    first = min(speaker.began_ns for speaker in speakers.values())
    for name, speaker in speakers.items():
        assert abs(onset(tracks[name]) - (speaker.began_ns - first) / 1e9) < 0.3, name


async def test_what_it_refuses(world: World) -> None:
    voice = await world.connect()
    for call in (voice.stop_recording, voice.toggle_pause):
        with pytest.raises(sinks.RecordingException) as caught:
            call()
        assert isinstance(caught.value, RecordingError)
    with pytest.raises(sinks.RecordingException, match="Sink"):
        voice.start_recording(object(), Finished())
    with pytest.raises(TypeError):
        voice.start_recording(object(), Finished())
    with pytest.raises(TypeError):
        voice.start_recording(sinks.PCMSink(), 5)
    done = Finished()
    voice.start_recording(sinks.PCMSink(), done)
    with pytest.raises(sinks.RecordingException, match="Already"):
        voice.start_recording(sinks.PCMSink(), done)
    with pytest.raises(library.ClientException):
        voice.start_recording(sinks.PCMSink(), done)
    await voice.disconnect()
    await until(lambda: done.calls)
    assert not voice.recording
    with pytest.raises(sinks.RecordingException, match="connected"):
        voice.start_recording(sinks.PCMSink(), done)


class Counting(sinks.Sink):  # type: ignore[misc, name-defined]
    """A sink of a user's own."""

    def __init__(self, error: Exception | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.error, self.sizes, self.cleaned, self.threads = error, [], 0, set()

    def write(self, data: bytes, user: int) -> None:
        assert isinstance(data, bytes)
        assert isinstance(user, int)
        self.threads.add(threading.current_thread().name)
        self.sizes.append(len(data))
        if self.error is not None:
            raise self.error

    def cleanup(self) -> None:
        assert not self.vc.recording
        assert self.vc.decoder.SAMPLING_RATE == 48_000
        self.cleaned += 1


async def test_a_sink_that_raises_ends_its_recording(world: World) -> None:
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    sink, done = Counting(OSError("disk full")), Finished()
    voice.start_recording(sink, done)
    assert sink.vc is voice
    bob.play(testing.tone(440, 30.0))
    await until(lambda: done.calls)
    assert done.calls == [(sink,)]
    assert (len(sink.sizes), sink.cleaned, voice.recording) == (1, 1, False)
    assert sink.threads == {"isocord-sink"}
    again = Counting()
    voice.start_recording(again)
    await until(lambda: again.sizes)
    voice.stop_recording()
    await until(lambda: again.cleaned)


async def test_the_next_recording_may_begin_while_the_last_one_is_formatted(world: World) -> None:
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    bob.play(testing.tone(440, 30.0))
    done, first, second = Finished(), sinks.WaveSink(), sinks.WaveSink()
    for sink in (first, second):
        voice.start_recording(sink, done)
        await until(lambda sink=sink: sink.audio_data)
        voice.stop_recording()
    await until(lambda: len(done.calls) == 2)
    for sink in (first, second):
        assert sink.audio_data[bob.user_id].file.getvalue()[:4] == b"RIFF"


async def test_a_sink_that_serves_once_is_refused_the_second_time(
    world: World, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    # What other tests have left is told now, and not at the end.
    gc.collect()
    caplog.clear()
    recwarn.clear()
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    bob.play(testing.tone(440, 30.0))
    sink, done = sinks.WaveSink(), Finished()
    voice.start_recording(sink, done)
    await until(lambda: sink.audio_data)
    voice.stop_recording()
    # It may not be finished yet.
    with pytest.raises(sinks.RecordingException, match=r"in use|only once"):
        voice.start_recording(sink, done)
    await until(lambda: done.calls)
    before = sink.audio_data[bob.user_id].file.getvalue()
    with pytest.raises(sinks.RecordingException, match="only once"):
        voice.start_recording(sink, done)
    assert not voice.is_recording()
    assert len(done.calls) == 1
    assert sink.audio_data[bob.user_id].file.getvalue() == before
    # What is no function cannot be called back: it is not left to be found unawaited either.
    with pytest.raises(TypeError, match="itself"):
        voice.start_recording(sinks.WaveSink(), done(sink))
    gc.collect()
    assert [entry for entry in caplog.records if entry.levelname in ("WARNING", "ERROR")] == []
    assert [warning for warning in recwarn if "never awaited" in str(warning.message)] == []
    # A new one, and one of a user's own that is not ruined by its first recording, are welcome.
    own = Counting()
    for kind in (sinks.WaveSink(), own, own):
        voice.start_recording(kind, done)
        count = len(done.calls)
        voice.stop_recording()
        await until(lambda count=count: len(done.calls) > count)


async def test_a_sink_of_the_library_cannot_record_in_two_guilds() -> None:
    async with logged_in(guilds=2) as world:
        voices = []
        for guild in world.bot.guilds:
            channel = guild.voice_channels[0]
            voices.append(await channel.connect(cls=isocord.VoiceClient, timeout=30))
        sink, done = sinks.PCMSink(), Finished()
        voices[0].start_recording(sink, done)
        with pytest.raises(sinks.RecordingException, match="in use"):
            voices[1].start_recording(sink, done)
        assert (sink.vc, voices[1].is_recording()) == (voices[0], False)
        voices[0].stop_recording()
        await until(lambda: done.calls)


async def test_filters_end_it(world: World) -> None:
    voice = await world.connect()
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    for speaker in (alice, bob):
        speaker.play(testing.tone(440, 30.0))
    done = Finished()
    sink = sinks.PCMSink(filters={"users": [bob.user_id], "max_size": 48_000})
    voice.start_recording(sink, done)
    await until(lambda: done.calls)
    assert {user: len(data.file.getvalue()) for user, data in sink.audio_data.items()} == {bob.user_id: 48_000}
    sink = sinks.PCMSink(filters={"time": 0.4})
    voice.start_recording(sink, done)
    await until(lambda: len(done.calls) == 2)
    assert all(len(data.file.getvalue()) <= 0.4 * 192_000 for data in sink.audio_data.values())
    assert len(sink.audio_data) == 2


async def test_plain_functions_get_what_their_library_gives_them(world: World) -> None:
    voice = await world.connect()
    got: list[tuple[Any, ...]] = []
    sink = sinks.PCMSink()
    voice.start_recording(sink, lambda *args: got.append(args))
    voice.stop_recording()
    await until(lambda: got)
    assert got[0] == ((None,) if importlib.util.find_spec("discord.voice") else (sink,))
    voice.start_recording(sink := sinks.PCMSink(), lambda *args: got.append(args), 7)
    voice.toggle_pause()
    assert voice.paused
    voice.toggle_pause()
    assert not voice.paused
    voice.stop_recording()
    await until(lambda: len(got) == 2)
    assert got[1] == (sink, 7)


async def test_a_kick_finishes_the_sink(world: World) -> None:
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    bob.play(testing.tone(440, 30.0))
    sink, done = sinks.WaveSink(), Finished()
    voice.start_recording(sink, done)
    await until(lambda: sink.audio_data)
    world.discord.kick_bot()
    await until(lambda: done.calls)
    assert not voice.recording
    assert len(read_wav(sink.audio_data[bob.user_id].file)) >= 3840


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
async def test_the_sinks_that_run_ffmpeg(world: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    bob.play(testing.tone(440, 30.0))
    for name in ("MP3Sink", "OGGSink", "MKASink", "MKVSink", "MP4Sink", "M4ASink"):
        sink, done = getattr(sinks, name)(filters={"max_size": 96_000}), Finished()
        voice.start_recording(sink, done)
        await until(lambda done=done: done.calls)
        data = sink.audio_data[bob.user_id].file.read()
        with av.open(io.BytesIO(data)) as opened:
            samples = sum(frame.samples / frame.sample_rate for frame in opened.decode(audio=0))
        assert samples == pytest.approx(0.5, abs=0.06), name
    assert list(tmp_path.iterdir()) == []


async def test_listening_live(world: World) -> None:
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    heard: list[Any] = []

    async def listen() -> None:
        async for item in voice.listen(users=[bob.user_id], speaking=True):
            heard.append(item)  # noqa: PERF401

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    bob.play(testing.tone(440, 0.3))
    await until(lambda: any(not getattr(item, "speaking", True) for item in heard))
    events = [item.speaking for item in heard if isinstance(item, isocord.SpeakingChanged)]
    frames = [item for item in heard if isinstance(item, isocord.HeardFrame)]
    assert (events[0], events[-1]) == (True, False)
    assert all(len(item.data) == item.samples * 4 for item in frames)
    assert len(frames) >= 15
    await until(lambda: voice.receive_stats.users[bob.user_id].received >= 15)
    await voice.disconnect()
    await asyncio.wait_for(task, 15)
    with pytest.raises(library.ClientException):
        voice.listen()
