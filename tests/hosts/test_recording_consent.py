"""What ``start_recording`` gives: who is in a recording, which pauses and marks it has, and others beside it."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.errors import RecordingError
from isocord.sinks import FLACSink, MKASink, Sink, WaveSink

from .recordings import Finished, left
from .world import RATE, World, begin_speaking, np, until


def talking(world: World, *names: str) -> list[Any]:
    """Each says its tone for longer than any test lasts."""
    speakers = [world.discord.speak("General", user=name) for name in names]
    begin_speaking(speakers, 30.0, names)
    return speakers


def loud(pcm: Any) -> float:
    """Seconds of it that are no silence."""
    frames = np.abs(pcm[: len(pcm) // 960 * 960].astype(int)).reshape(-1, 960).max(axis=1)
    return float((frames > 1_000).sum()) * 0.020


async def heard(voice: Any, recording: Any, *speakers: Any) -> dict[int, Any]:
    """A frame of each that was said from now on."""
    passed = (datetime.now(timezone.utc) - recording.started_at).total_seconds()
    now = recording.position + round(passed * RATE)
    frames: dict[int, Any] = {}
    async with voice.listen() as listening:
        async for frame in listening:
            if frame.position > now + RATE // 100:
                frames[frame.user_id] = frame
            if set(frames) >= {speaker.user_id for speaker in speakers}:
                return frames
    raise AssertionError("the connection ended")


async def test_its_report_says_what_there_is(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    before = datetime.now(timezone.utc)
    recording = voice.start_recording(WaveSink(tmp_path))
    assert isinstance(recording, isocord.Recording)
    assert bool(recording)
    assert before - timedelta(seconds=1) <= recording.started_at <= datetime.now(timezone.utc)
    assert recording.started_at.tzinfo is timezone.utc
    (bob,) = talking(world, "bob")
    frame = (await heard(voice, recording, bob))[bob.user_id]
    recording.mark("heard", frame.position)
    recording.mark("later")
    assert recording.report is None
    report = await asyncio.wait_for(recording.stop(), 15)
    assert isinstance(report, isocord.Report)
    assert recording.report is report
    assert await recording is report
    (track,) = report.tracks
    assert (track.user_id, track.path, track.error) == (bob.user_id, str(tmp_path / f"{bob.user_id}.wav"), None)
    assert track.name == world.guild.get_member(bob.user_id).display_name
    assert track.size == os.path.getsize(track.path)
    assert (report.error, report.reason, report.started_at) == (None, "finished", recording.started_at)
    assert [mark.title for mark in report.marks] == ["heard", "later"]
    assert report.marks[0].time == recording.time_at(frame.position) == (frame.position - recording.position) / RATE
    assert track.offset + track.duration == pytest.approx(report.duration, abs=0.001)


async def test_a_live_position_is_a_place_in_the_file(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(WaveSink(tmp_path), sync_start=True)
    (bob,) = talking(world, "bob")
    await heard(voice, recording, bob)
    recording.pause()
    assert recording.is_paused
    assert voice.paused
    await asyncio.sleep(0.1)
    recording.resume()
    assert not recording.is_paused
    frames = [(await heard(voice, recording, bob))[bob.user_id] for _ in range(3)]
    report = await recording.stop()
    pcm = left(report.tracks[0].path)
    for frame in frames:
        said = np.frombuffer(frame.data, "<i2")[::2]
        at = round(recording.time_at(frame.position) * RATE)
        assert np.array_equal(pcm[at : at + len(said)], said)


async def test_consent_is_taken_back_and_given(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    alice, bob, carol = talking(world, "alice", "bob", "carol")
    recording = voice.start_recording(
        WaveSink(tmp_path, users=[alice.user_id, bob.user_id], exclude=[bob.user_id]), sync_start=True
    )
    await heard(voice, recording, alice, bob, carol)
    recording.deny(alice.user_id)
    recording.mark("denied")
    await heard(voice, recording, alice)
    recording.mark("allowed")
    recording.allow(bob.user_id)
    await heard(voice, recording, bob)
    recording.allow(world.guild.get_member(carol.user_id))
    await heard(voice, recording, carol)
    report = await recording.stop()
    tracks = {track.user_id: left(track.path) for track in report.tracks}
    assert set(tracks) == {alice.user_id, bob.user_id, carol.user_id}
    end, begin = (round(mark.time * RATE) for mark in report.marks)
    assert loud(tracks[alice.user_id][:end]) > 0
    assert not tracks[alice.user_id][end:].any()
    assert not tracks[bob.user_id][:begin].any()
    assert loud(tracks[bob.user_id][begin:]) > 0
    assert len({len(pcm) for pcm in tracks.values()}) == 1


@pytest.mark.parametrize("place", ["directory", "memory"])
async def test_what_was_kept_of_a_user_can_be_dropped(world: World, tmp_path: Path, place: str) -> None:
    voice = await world.connect()
    alice, bob = talking(world, "alice", "bob")
    sink = WaveSink(tmp_path) if place == "directory" else WaveSink()
    recording = voice.start_recording(sink)
    await heard(voice, recording, alice, bob)
    recording.deny(bob.user_id, drop=True)
    await heard(voice, recording, bob)
    report = await recording.stop()
    assert [track.user_id for track in report.tracks] == [alice.user_id]
    assert report.error is None
    assert os.listdir(tmp_path) == ([f"{alice.user_id}.wav"] if place == "directory" else [])


async def test_who_is_allowed_again_has_a_track_of_what_came_after(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (bob,) = talking(world, "bob")
    recording = voice.start_recording(FLACSink(tmp_path))
    await heard(voice, recording, bob)
    recording.deny(bob.user_id, drop=True)
    await heard(voice, recording, bob)
    recording.mark("allowed")
    recording.allow(bob.user_id)
    await heard(voice, recording, bob)
    report = await recording.stop()
    (track,) = report.tracks
    assert track.offset >= report.marks[0].time
    assert track.path == str(tmp_path / f"{bob.user_id}.flac")


async def test_what_is_in_one_file_with_others_cannot_be_dropped(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (bob,) = talking(world, "bob")
    for sink in (WaveSink(tmp_path / "mix.wav", mixdown=True), MKASink(tmp_path / "all.mka", tracks=True)):
        recording = voice.start_recording(sink)
        with pytest.raises(ValueError, match="one file with others"):
            recording.deny(bob.user_id, drop=True)
        # Nothing more of bob comes in all the same.
        await heard(voice, recording, bob)
        report = await recording.stop()
        assert report.counts.filtered > 0
    with pytest.raises(ValueError, match="ids"):
        recording.deny(-1)


class Tape(Sink):
    """A sink of a bot's own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.bytes: dict[int, int] = {}

    def write(self, data: bytes, user: int, /) -> None:
        self.bytes[user] = self.bytes.get(user, 0) + len(data)


async def test_consent_holds_for_sinks_in_python(world: World) -> None:
    voice = await world.connect()
    names = ("alice", "bob", "carol")
    alice, bob, carol = speakers = [world.discord.speak("General", user=name) for name in names]
    tape = Tape(exclude=[alice.user_id])
    recording = voice.start_recording(tape)
    recording.deny(bob)
    begin_speaking(speakers, 30.0, names)
    await until(lambda: carol.user_id in tape.bytes)
    assert set(tape.bytes) == {carol.user_id}
    recording.allow(bob.user_id)
    await until(lambda: bob.user_id in tape.bytes)
    recording.allow(alice.user_id)
    await until(lambda: alice.user_id in tape.bytes)
    with pytest.raises(ValueError, match="sink"):
        recording.deny(carol.user_id, drop=True)
    recording.mark("end")
    report = await recording.stop()
    assert (report.reason, report.tracks, report.counts) == ("finished", [], None)
    assert report.marks[0].time <= report.duration
    assert tape.finished


async def test_several_record_at_once_and_the_page_holds_for_calls_in_its_style(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (bob,) = talking(world, "bob")
    done, page = Finished(), WaveSink(tmp_path / "page")
    first = voice.start_recording(FLACSink(tmp_path / "first"))
    voice.start_recording(page, done)
    second = voice.start_recording(WaveSink(tmp_path / "second"))
    with pytest.raises(RecordingError, match="Already"):
        voice.start_recording(WaveSink(), done)
    with pytest.raises(RecordingError, match="in use"):
        voice.start_recording(page)
    assert voice.sink is page
    voice.toggle_pause()
    assert voice.paused
    assert not (first.is_paused or second.is_paused)
    voice.toggle_pause()
    await heard(voice, first, bob)
    voice.stop_recording()
    await until(lambda: done.calls)
    # One in the page's style may come again; the others go on.
    assert not (first.is_over or second.is_over)
    assert voice.is_recording()
    assert voice.sink is second.sink
    voice.stop_recording()
    assert second.is_over
    assert not first.is_over
    assert [track.user_id for track in (await second).tracks] == [bob.user_id]
    await voice.disconnect()
    assert [track.user_id for track in (await first).tracks] == [bob.user_id]
    assert not voice.is_recording()


async def test_who_gives_up_waiting_leaves_it_to_others(world: World) -> None:
    voice = await world.connect()
    recording = voice.start_recording(WaveSink())
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(recording, 0.01)
    assert not recording.is_over
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(asyncio.run(waits(recording))))
    thread.start()
    assert await recording.stop() is recording.report
    await asyncio.to_thread(thread.join, 10)
    assert got == [recording.report]


async def waits(recording: Any) -> Any:
    return await recording
