"""What goes wrong around isocord's own sinks: closed and full files, targets that are none, sinks used twice."""

from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import isocord
from tests.hosts.recordings import Finished, left, record
from tests.hosts.world import RATE, World, heard, logged_in, testing, until


class WriteOnly:
    """What can write, and nothing else."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: bytes) -> None:
        self.content += data


class Fickle(io.BytesIO):
    """It claims to be a file that can seek."""

    def __init__(self, *, seekable: bool) -> None:
        super().__init__()
        self.tells = seekable

    def seekable(self) -> bool:
        if not self.tells:
            raise ValueError("who knows")
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError("it cannot after all")


async def test_a_file_that_is_closed_right_after_the_stop(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    done = Finished()
    path = tmp_path / "bob.wav"
    with open(path, "wb") as file:
        sink = isocord.sinks.WaveSink(lambda _: file)
        voice.start_recording(sink, done)
        await until(lambda: os.path.getsize(path) > 1000 and len(left(str(path))) > 0)
        voice.stop_recording()
    await until(lambda: done.calls)
    track = sink.audio_data[bob.user_id]
    assert sink.finished
    # What had not been written by then is lost, and said to be.
    assert isinstance(track.error, isocord.SinkError)
    assert isinstance(track.error.__cause__, ValueError)
    assert track.file is file
    assert len(left(str(path))) > 0


async def test_a_closed_file_is_refused_at_once(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    with open(tmp_path / "all.wav", "wb") as file:
        sink = isocord.sinks.WaveSink(file, mixdown=True)
    with pytest.raises(ValueError, match="closed"):
        isocord.sinks.WaveSink(file, mixdown=True)
    with pytest.raises(ValueError, match="closed"):
        voice.start_recording(sink)
    assert not voice.is_recording()


@pytest.mark.parametrize("layout", ["users", "mixdown"])
async def test_objects_that_cannot_seek_are_written_straight(world: World, layout: str) -> None:
    voice = await world.connect()
    (bob,) = speakers = world.speak(0.5, "bob")
    for file in (WriteOnly(), Fickle(seekable=False), Fickle(seekable=True)):
        mixdown = layout == "mixdown"
        target: Any = file if mixdown else lambda _, file=file: file
        sink = isocord.sinks.WaveSink(target, mixdown=mixdown)
        await record(voice, sink, speakers)
        track = sink.audio_data[None if mixdown else bob.user_id]
        assert (track.error, track.file, sink.finished) == (None, file, True)
        content = bytes(file.content) if isinstance(file, WriteOnly) else file.getvalue()
        assert content[:4] == b"RIFF"
        assert len(content) == content.index(b"data") + 8 + round(track.duration * RATE) * 4
        bob.play(testing.tone(440, 0.5))


@pytest.mark.parametrize("made", [5, None, "closed", "text", "raise"])
async def test_what_a_target_function_may_not_return(world: World, made: Any, tmp_path: Path) -> None:
    voice = await world.connect()
    alice, bob = speakers = world.speak(0.5, "alice", "bob")

    def target(user_id: int) -> Any:
        if user_id == alice.user_id:
            return tmp_path / "alice.wav"
        if made == "raise":
            raise KeyError(user_id)
        if made == "text":
            return io.StringIO()
        if made == "closed":
            file = io.BytesIO()
            file.close()
            return file
        return made

    sink = isocord.sinks.WaveSink(target)
    await record(voice, sink, speakers)
    track = sink.audio_data[bob.user_id]
    assert isinstance(track.error, isocord.SinkError)
    kind = {"raise": KeyError, "closed": ValueError}.get(made, TypeError)
    assert type(track.error.__cause__) is kind
    assert (track.path, track.file, track.size) == (None, None, 0)
    assert repr(track) == f"<AudioTrack user_id={bob.user_id} not written>"
    whole = sink.audio_data[alice.user_id]
    assert whole.error is None
    assert repr(whole) == f"<AudioTrack user_id={alice.user_id} {whole.duration:.2f} s in {whole.path}>"
    assert len(left(whole.path)) == round(whole.duration * RATE)


async def test_a_sink_whose_own_code_raises_at_the_end_still_calls_back(world: World) -> None:
    class Broken(isocord.sinks.WaveSink):
        cleaned = False

        def finish(self, report: Any) -> Any:
            super().finish(report)
            raise RuntimeError("mine")

        def cleanup(self) -> None:
            self.cleaned = True

    voice = await world.connect()
    speakers = world.speak(0.3, "bob")
    sink = Broken()
    await record(voice, sink, speakers)
    assert (sink.cleaned, sink.finished, len(sink.audio_data)) == (True, True, 1)


class Slow(isocord.sinks.WaveSink):
    """Its end takes as long as the test likes."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def cleanup(self) -> None:
        self.go_on.wait(15)


async def test_a_sink_in_use_is_not_begun_again(world: World) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    done, sink = Finished(), Slow()
    voice.start_recording(sink, done)
    await heard(voice, bob, 20)
    voice.stop_recording()
    with pytest.raises(isocord.RecordingError, match="in use"):
        voice.start_recording(sink, done)
    assert not voice.is_recording()
    # Nor while it makes something of what it has; another sink may begin meanwhile.
    await until(lambda: sink.audio_data)
    with pytest.raises(isocord.RecordingError, match="in use"):
        voice.start_recording(sink, done)
    voice.start_recording(isocord.sinks.WaveSink(), done)
    voice.stop_recording()
    sink.go_on.set()
    await until(lambda: len(done.calls) == 2)
    first = sink.audio_data[bob.user_id]
    assert len(left(first.file)) == round(first.duration * RATE) > 0
    assert sink.finished
    voice.start_recording(sink, done)
    assert not sink.finished
    await heard(voice, bob, 20)
    voice.stop_recording()
    await until(lambda: len(done.calls) == 3)
    second = sink.audio_data[bob.user_id]
    assert second.file is not first.file
    assert len(left(second.file)) == round(second.duration * RATE) > 0


async def test_one_sink_cannot_record_in_two_guilds() -> None:
    async with logged_in(guilds=2) as world:
        voices = []
        for guild in world.bot.guilds:
            channel = guild.voice_channels[0]
            voices.append(await channel.connect(cls=isocord.VoiceClient, timeout=30))
        done, sink = Finished(), isocord.sinks.WaveSink()
        voices[0].start_recording(sink, done)
        with pytest.raises(isocord.RecordingError, match="in use"):
            voices[1].start_recording(sink, done)
        assert (sink.vc, voices[1].is_recording()) == (voices[0], False)
        voices[0].stop_recording()
        await until(lambda: done.calls)


async def test_a_sink_that_could_not_begin_may_try_again(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    speakers = world.speak(0.3, "bob")
    sink = isocord.sinks.WaveSink(tmp_path / "there" / "all.wav", mixdown=True)
    for _ in range(2):
        with pytest.raises(isocord.SinkError):
            voice.start_recording(sink)
    (tmp_path / "there").mkdir()
    await record(voice, sink, speakers)
    assert sink.audio_data[None].error is None


class Full(io.BytesIO):
    """A disk with little room, or a file object whose write is wrong."""

    def __init__(self, room: int, error: Exception) -> None:
        super().__init__()
        self.room, self.error = room, error

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise self.error
        return super().write(data)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("mine")])
@pytest.mark.parametrize(("name", "layout"), [("WaveSink", "mixdown"), ("OGGSink", "mixdown"), ("MKASink", "tracks")])
async def test_an_error_of_the_one_file_ends_the_recording(
    world: World, name: str, layout: str, error: Exception
) -> None:
    voice = await world.connect()
    world.speak(8.0, "alice", "bob")
    # The head of a file of many tracks takes a lot.
    done, file = Finished(), Full(80_000 if layout == "tracks" else 12_000, error)
    sink = getattr(isocord.sinks, name)(file, **{layout: True})
    voice.start_recording(sink, done)
    await until(lambda: done.calls)
    assert not voice.is_recording()
    assert sink.report.reason == "failed"
    assert len(sink.audio_data) == (1 if layout == "mixdown" else 2)
    for track in sink.audio_data.values():
        assert isinstance(track.error, isocord.SinkError)
        assert track.error.__cause__ is error
        assert track.file is file


@pytest.mark.parametrize("name", ["WaveSink", "PCMSink", "FLACSink", "OGGSink", "MP3Sink", "MKASink", "WebMSink"])
async def test_a_file_object_that_fails_ends_one_track_and_no_other(world: World, name: str) -> None:
    voice = await world.connect()
    alice, bob = speakers = world.speak(1.5, "alice", "bob")
    error = OSError(28, "No space left on device")
    sink = getattr(isocord.sinks, name)(
        lambda user_id: Full(3_000, error) if user_id == alice.user_id else io.BytesIO()
    )
    await record(voice, sink, speakers)
    failed, whole = (sink.audio_data[speaker.user_id] for speaker in (alice, bob))
    assert failed.error is not None
    assert failed.error.__cause__ is error
    assert (whole.error, sink.report.reason) == (None, "finished")
    assert whole.duration >= 1.5


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("name", ["WaveSink", "FLACSink", "OGGSink", "MP3Sink", "MKASink"])
async def test_a_full_disk(world: World, name: str) -> None:
    voice = await world.connect()
    alice, bob = speakers = world.speak(1.5, "alice", "bob")
    made = io.BytesIO()
    sink = getattr(isocord.sinks, name)(lambda user_id: "/dev/full" if user_id == alice.user_id else made)
    await record(voice, sink, speakers)
    failed, whole = (sink.audio_data[speaker.user_id] for speaker in (alice, bob))
    assert "/dev/full" in str(failed.error)
    assert (whole.error, whole.file) == (None, made)
    assert whole.duration >= 1.5
    done = Finished()
    both = getattr(isocord.sinks, name)("/dev/full", mixdown=True)
    if name == "MKASink":
        # Its head is written at once.
        with pytest.raises(isocord.SinkError, match="/dev/full"):
            voice.start_recording(both, done)
        assert not voice.is_recording()
        return
    voice.start_recording(both, done)
    alice.play(testing.tone(440, 30.0))
    await until(lambda: done.calls)
    assert both.report.reason == "failed"
    assert "/dev/full" in str(both.audio_data[None].error)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
async def test_what_ffmpeg_encodes_finds_no_room(world: World) -> None:
    voice = await world.connect()
    alice, bob, carol = speakers = world.speak(1.5, "alice", "bob", "carol")
    targets: dict[int, Any] = {
        alice.user_id: Full(3_000, OSError(28, "No space left on device")),
        bob.user_id: io.BytesIO(),
        carol.user_id: "/dev/full" if os.path.exists("/dev/full") else Full(0, RuntimeError("mine")),
    }
    sink = isocord.sinks.M4ASink(targets.__getitem__)
    await record(voice, sink, speakers)
    whole = sink.audio_data[bob.user_id]
    assert (whole.error, whole.duration >= 1.5) == (None, True)
    for speaker, told in ((alice, "No space left"), (carol, "No space left|mine")):
        with pytest.raises(isocord.SinkError, match=told):
            raise sink.audio_data[speaker.user_id].error


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"]


def _raise(_: int) -> Any:
    raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (_raise, "mine"),
        pytest.param(
            lambda _: "/dev/full",
            "/dev/full",
            marks=pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full"),
        ),
    ],
)
async def test_when_nobody_can_be_written_the_recording_ends_and_says_why(
    world: World, target: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    voice = await world.connect()
    speakers = world.speak(30.0, "alice", "bob")
    done = Finished()
    sink = isocord.sinks.WaveSink(target)
    voice.start_recording(sink, done)
    await until(lambda: done.calls)
    assert not voice.is_recording()
    assert sink.report.reason == "failed"
    assert {track.user_id for track in sink.audio_data.values()} == {speaker.user_id for speaker in speakers}
    assert all(told in str(track.error) for track in sink.audio_data.values())
    for speaker in speakers:
        (line,) = [line for line in errors(caplog) if f"user {speaker.user_id}:" in line]
        assert told in line


async def test_one_who_cannot_be_written_is_told_at_once_and_the_others_go_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    voice = await world.connect()
    alice, bob = world.speak(30.0, "alice", "bob")
    done = Finished()
    sink = isocord.sinks.WaveSink(lambda user_id: _raise(user_id) if user_id == alice.user_id else io.BytesIO())
    voice.start_recording(sink, done)
    await until(lambda: errors(caplog))
    # Longer than it takes to give up where nobody is written.
    await heard(voice, bob, 150)
    assert voice.is_recording()
    voice.stop_recording()
    await until(lambda: done.calls)
    assert sink.report.reason == "finished"
    assert sink.audio_data[bob.user_id].error is None
    assert [f"user {alice.user_id}:" in line for line in errors(caplog)] == [True]
