"""isocord's own sinks, under whichever bot library this interpreter has."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import isocord

from .recordings import Finished, after, left, record, samples
from .world import RATE, TONES, World, begin_speaking, heard, np, share, testing, until


def best_share(pcm: Any, *frequencies: float) -> float:
    """The least share of these tones in the 0.2 s where it is largest; a tone alone has 2/3 there.

    Where a busy machine holds up a speaker there are gaps, which say nothing of the recording.
    """
    length = RATE // 5
    parts = [pcm[at : at + length] for at in range(0, len(pcm) - length + 1, length // 4)]
    return max(min(share(part, frequency) for frequency in frequencies) for part in parts if part.any())


async def test_each_tone_is_in_its_own_file_and_all_files_begin_and_end_together(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    speakers = world.speak(1.0, *TONES)
    sink = isocord.sinks.WaveSink(tmp_path / "made")
    await record(voice, sink, speakers, "x", 5, sync_start=True)
    assert voice.sink is sink
    assert sink.vc is voice
    assert sink.finished
    assert sorted(os.listdir(tmp_path / "made")) == sorted(f"{speaker.user_id}.wav" for speaker in speakers)
    lengths = set()
    for speaker, name in zip(speakers, TONES, strict=True):
        track = sink.audio_data[speaker.user_id]
        assert (track.error, track.offset, track.is_cut, track.file) == (None, 0.0, False, None)
        pcm = left(track.path)
        assert len(pcm) == round(track.duration * RATE)
        lengths.add(len(pcm))
        for other, frequency in TONES.items():
            part = share(pcm, frequency)
            assert (part > 0.9) if other == name else (part < 0.01), (name, other, part)
    assert len(lengths) == 1
    assert sink.report is not None
    assert (sink.report.reason, sink.report.dropped, sink.report.late) == ("finished", 0, 0)
    assert sink.report.duration >= 1.0


async def test_a_mixdown_holds_all_tones(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    speakers = [world.discord.speak("General", user=name) for name in TONES]
    done, sink = Finished(), isocord.sinks.WaveSink(tmp_path / "all.wav", mixdown=True)
    voice.start_recording(sink, done)
    begin_speaking(speakers, 2.0, list(TONES))
    await until(lambda: not any(speaker.is_playing for speaker in speakers))
    voice.stop_recording()
    await until(lambda: done.calls)
    assert set(sink.audio_data) == {None}
    pcm = left(sink.audio_data[None].path)
    # They sound together: each has a third.
    assert best_share(pcm, *TONES.values()) > 0.15


@pytest.mark.parametrize("name", ["WaveSink", "PCMSink", "FLACSink", "OGGSink", "MP3Sink", "MKASink", "WebMSink"])
async def test_every_format_in_memory(world: World, name: str) -> None:
    voice = await world.connect()
    speakers = world.speak(1.2, "alice")
    sink = getattr(isocord.sinks, name)()
    await record(voice, sink, speakers)
    track = sink.audio_data[speakers[0].user_id]
    assert isinstance(track.file, io.BytesIO)
    content = track.file.read()
    starts = {
        "wav": b"RIFF",
        "pcm": b"",
        "flac": b"fLaC",
        "ogg": b"OggS",
        "mp3": b"ID3\x04",
        "mka": b"\x1aE\xdf\xa3",
        "webm": b"\x1aE\xdf\xa3",
    }
    assert content.startswith(starts[sink.encoding])
    assert (track.path, len(content) > 1000) == (None, True)
    av = pytest.importorskip("av") if name != "PCMSink" else None
    if av is None:
        pcm, length = np.frombuffer(content, "<i2")[::2], len(content) / 4 / RATE
    else:
        with av.open(io.BytesIO(content)) as opened:
            stream = opened.streams.audio[0]
            assert (stream.rate, stream.channels) == (RATE, 2)
        pcm = samples(io.BytesIO(content))
        length = len(pcm) / RATE
    assert best_share(pcm, TONES["alice"]) > 0.6
    assert length == pytest.approx(track.duration, abs=0.07)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
@pytest.mark.parametrize("name", ["MP4Sink", "M4ASink"])
async def test_what_ffmpeg_encodes(world: World, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    voice = await world.connect()
    speakers = world.speak(0.6, "alice", "bob")
    place = tmp_path / "there"
    sink = getattr(isocord.sinks, name)(place)
    await record(voice, sink, speakers, sync_start=True)
    assert os.listdir(tmp_path) == ["there"]
    for speaker in speakers:
        track = sink.audio_data[speaker.user_id]
        asked = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,channels,sample_rate:format=duration"]
        found = subprocess.run([*asked, "-of", "csv", track.path], capture_output=True, text=True, check=True).stdout
        assert "aac,48000,2" in found
        assert float(found.split("format,")[1]) == pytest.approx(track.duration, abs=0.1)
    if os.name == "posix":
        # Every process was waited for.
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
    memory = getattr(isocord.sinks, name)()
    speakers[0].play(testing.tone(440, 0.3))
    await record(voice, memory, speakers[:1])
    assert memory.audio_data[speakers[0].user_id].file.read()[4:8] == b"ftyp"
    monkeypatch.setenv("PATH", "")
    with pytest.raises(isocord.SinkError, match="ffmpeg"):
        voice.start_recording(getattr(isocord.sinks, name)())
    assert not voice.is_recording()


@pytest.mark.skipif(os.name != "posix", reason="the test has a shell script for ffmpeg")
async def test_an_ffmpeg_that_dies(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nhead -c 5000 >/dev/null\necho no such encoder >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    voice = await world.connect()
    speakers = world.speak(1.0, "alice")
    sink = isocord.sinks.M4ASink(tmp_path / "there")
    await record(voice, sink, speakers)
    error = sink.audio_data[speakers[0].user_id].error
    assert isinstance(error, isocord.SinkError)
    assert "no such encoder" in str(error)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


async def test_many_tracks_in_one_file(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    speakers = world.speak(0.5, "alice", "bob")
    sink = isocord.sinks.MKASink(tmp_path / "call.mka", tracks=True)
    await record(voice, sink, speakers)
    assert set(sink.audio_data) == {speaker.user_id for speaker in speakers}
    assert {track.path for track in sink.audio_data.values()} == {str(tmp_path / "call.mka")}
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "call.mka")) as opened:
        told = {(stream.metadata["USER_ID"], stream.metadata["title"]) for stream in opened.streams.audio}
    names = {user: track.name for user, track in sink.audio_data.items()}
    assert told == {(str(user), name) for user, name in names.items()}
    assert set(names.values()) == {"Alice", "Bob"}


async def test_a_function_names_the_files(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    speakers = world.speak(0.3, "alice", "bob")
    written = io.BytesIO()

    def target(user_id: int) -> Any:
        return tmp_path / "alice.wav" if user_id == speakers[0].user_id else written

    sink = isocord.sinks.WaveSink(target)
    await record(voice, sink, speakers)
    alice, bob = (sink.audio_data[speaker.user_id] for speaker in speakers)
    assert (alice.path, alice.file) == (str(tmp_path / "alice.wav"), None)
    assert (bob.path, bob.file) == (None, written)
    assert len(left(written)) == round(bob.duration * RATE)


class Full(io.BytesIO):
    """A disk with little room."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 70_000:
            raise OSError(28, "No space left on device")
        return super().write(data)


async def test_a_full_disk_ends_one_track_and_no_other(world: World) -> None:
    voice = await world.connect()
    speakers = world.speak(1.2, "alice", "bob")
    small = speakers[0].user_id
    sink = isocord.sinks.WaveSink(lambda user_id: Full() if user_id == small else io.BytesIO())
    await record(voice, sink, speakers)
    alice, bob = (sink.audio_data[speaker.user_id] for speaker in speakers)
    assert isinstance(alice.error, isocord.SinkError)
    assert "No space left" in str(alice.error)
    assert bob.error is None
    assert bob.duration >= 1.2


async def test_filters_and_pauses_hold(world: World) -> None:
    voice = await world.connect()
    alice, bob = world.speak(30.0, "alice", "bob")
    done = Finished()
    sink = isocord.sinks.WaveSink(filters={"users": [bob.user_id], "max_size": 100_000})
    voice.start_recording(sink, done)
    with pytest.raises(isocord.RecordingError, match="Already"):
        voice.start_recording(isocord.sinks.WaveSink(), done)
    await until(lambda: done.calls)
    track = sink.audio_data.pop(bob.user_id)
    assert (track.is_cut, sink.audio_data) == (True, {})
    assert sink.report is not None
    assert sink.report.reason == "size"
    # Whole samples behind a header that depends on the name.
    assert 100_000 - 4 < track.size <= 100_000
    for calls, limit in enumerate(({"time": 0.4}, {"filters": {"time": 0.4}}), 2):
        timed = isocord.sinks.PCMSink(**limit)
        voice.start_recording(timed, done, sync_start=True)
        await until(lambda calls=calls: len(done.calls) == calls)
        lengths = {len(track.file.read()) for track in timed.audio_data.values()}
        assert lengths == {round(0.4 * RATE) * 4}
        assert timed.report is not None
        assert timed.report.reason == "time"
    paused = isocord.sinks.PCMSink()
    start = time.monotonic()
    voice.start_recording(paused, done)
    await until(lambda: not voice.paused)
    voice.toggle_pause()
    assert voice.paused
    began, paused_at = alice.sent, time.monotonic()
    await until(lambda: alice.sent > began + 25)
    assert voice.is_recording()
    held = time.monotonic() - paused_at
    voice.toggle_pause()
    await heard(voice, bob, 20)
    voice.stop_recording()
    elapsed = time.monotonic() - start
    await until(lambda: len(done.calls) == 4)
    assert paused.report is not None
    assert (paused.report.reason, paused.report.paused > 0) == ("finished", True)
    assert paused.report.duration < elapsed - held + 0.1


async def test_one_file_for_all_ends_at_its_size_and_is_cut(world: World) -> None:
    voice = await world.connect()
    world.speak(30.0, "alice", "bob")
    done = Finished()
    for calls, sink in enumerate(
        (
            isocord.sinks.WaveSink(mixdown=True, max_size=100_000),
            isocord.sinks.MKASink(tracks=True, max_size=5_000),
        ),
        1,
    ):
        voice.start_recording(sink, done)
        await until(lambda calls=calls: len(done.calls) == calls)
        assert sink.report is not None
        assert sink.report.reason == "size"
        assert sink.audio_data
        assert all(track.is_cut and track.error is None for track in sink.audio_data.values())


async def test_what_it_refuses(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (tmp_path / "file").write_bytes(b"")
    for sink in (
        isocord.sinks.WaveSink(tmp_path / "file" / "below"),
        isocord.sinks.WaveSink(tmp_path / "no" / "such.wav", mixdown=True),
    ):
        with pytest.raises(isocord.SinkError):
            voice.start_recording(sink)
        assert not voice.is_recording()
    with pytest.raises(ValueError, match="mixdown"):
        voice.start_recording(isocord.sinks.WaveSink(io.BytesIO()))
    with pytest.raises(ValueError, match="bitrate"):
        voice.start_recording(isocord.sinks.MP3Sink(tmp_path / "a.mp3", bitrate=99, mixdown=True))
    with pytest.raises(TypeError):
        isocord.sinks.WaveSink(5)
    with pytest.raises(TypeError, match="volume"):
        isocord.sinks.WaveSink(filters={"volume": 1})


async def test_a_mixdown_that_is_called_as_a_user_takes_nothing_of_that_one(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    bob = world.discord.speak("General", user="bob")
    mixdown = tmp_path / f"{bob.user_id}.wav"
    recording = voice.start_recording(isocord.sinks.WaveSink(tmp_path, mixdown=mixdown))
    begin_speaking([bob], 0.6, ["bob"])
    report = await after(recording, bob)
    paths = {track.user_id: track.path for track in report.tracks}
    assert paths == {bob.user_id: str(tmp_path / f"{bob.user_id}-{bob.user_id}.wav"), None: str(mixdown)}
    for path in paths.values():
        assert best_share(left(path), TONES["bob"]) > 0.6


async def test_no_two_recordings_write_to_one_file(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    folder, whole = tmp_path / "each", tmp_path / "all.wav"
    one = voice.start_recording(isocord.sinks.WaveSink(folder, mixdown=whole))
    with pytest.raises(isocord.SinkError, match=r"another recording writes to .*all\.wav"):
        voice.start_recording(isocord.sinks.OGGSink(whole, mixdown=True))
    bob = world.discord.speak("General", user="bob")
    begin_speaking([bob], 2.0, ["bob"])
    await until((folder / f"{bob.user_id}.wav").exists)
    other = voice.start_recording(isocord.sinks.WaveSink(folder, mixdown=tmp_path / "other.wav"))
    report, late = await after(one, bob), await other.stop()
    assert report.error is None
    for track in report.tracks:
        assert best_share(left(track.path), TONES["bob"]) > 0.6
    errors = {track.user_id: track.error for track in late.tracks}
    assert errors[None] is None
    assert f"{bob.user_id}.wav" in str(errors[bob.user_id])
    assert str(late.error) == str(errors[bob.user_id])
    # What has been written may be replaced.
    again = voice.start_recording(isocord.sinks.WaveSink(whole, mixdown=True))
    assert (await again.stop()).error is None


@pytest.mark.carried_here("a frame may be on its way here when it ends")
@pytest.mark.parametrize("ending", ["kick", "disconnect"])
async def test_what_waits_in_the_jitter_buffer_at_the_end_is_recorded(world: World, ending: str) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    done, sink = Finished(), isocord.sinks.OGGSink()
    voice.start_recording(sink, done)
    await until(lambda: bob.user_id in voice.receive_stats.users)
    await until(lambda: voice.receive_stats.users[bob.user_id].received >= 40)
    before = voice.receive_stats.users[bob.user_id].received
    if ending == "kick":
        world.discord.kick_bot()
    else:
        await voice.disconnect()
    await until(lambda: done.calls)
    user, report = voice.receive_stats.users[bob.user_id], sink.report
    assert report is not None and report.invalid == 0
    # A kick ends all at once; between a stop and the end of the connection more may come.
    least = user.received if ending == "kick" else before
    assert least - user.late - user.duplicate <= report.frames <= user.received
    # Packets that a busy machine held up may be late, or leave a gap, but each one that came in time has its place; of
    # the frames in which it began and was stopped the file has a part.
    (track,) = report.tracks
    placed = report.frames - report.late - report.before_start - report.paused - report.after_end
    assert placed > 0 and (report.paused == 0 or ending == "disconnect")
    assert track.duration >= placed * 0.02 - user.removed / RATE - 0.04


async def test_whatever_a_sink_of_files_raises_its_files_are_whole_and_the_bot_is_told(
    world: World, tmp_path: Path
) -> None:
    class Leaving(isocord.sinks.WaveSink):
        def cleanup(self) -> None:
            raise SystemExit("enough")

    def leave(part: Any) -> None:
        raise SystemExit("also enough")

    voice, done = await world.connect(), Finished()
    bob = world.discord.speak("General", user="bob")
    sink = Leaving(tmp_path, split=1.0, on_part=leave)
    recording = voice.start_recording(sink, done)
    begin_speaking([bob], 1.5, ["bob"])
    report = await after(recording, bob)
    assert isinstance(report.error, RuntimeError) and "enough" in str(report.error)
    assert isinstance(report.error.__cause__, SystemExit)
    assert len(report.tracks[0].parts) >= 2
    await until(lambda: done.calls)
    # The sink can be used again.
    assert await voice.start_recording(sink).stop()
