"""Recordings in parts, under whichever bot library this interpreter has; libav is the witness of what they hold."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.sinks import FLACSink, MKASink, OGGSink, Part, WaveSink

from .recordings import Finished, packets_of, record, samples
from .world import RATE, World, begin_speaking, np, spoken, spoken_for, until

pytest.importorskip("av")


async def twice(world: World, cut: Any, uncut: Any, *moments: float) -> tuple[Any, Any]:
    """The same call in parts and in one: their reports."""
    voice = await world.connect()
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    one, other = (voice.start_recording(sink, sync_start=True) for sink in (cut, uncut))
    begin_speaking([alice, bob], 3.0, ["alice", "bob"])
    for moment in moments:
        await spoken_for(alice, moment)
        one.cut()
    await until(lambda: not alice.is_playing and not bob.is_playing)
    return await one.stop(), await other.stop()


def shift(whole: Any, part: Any) -> int:
    """By how much two recordings of one call began apart."""
    loud = [int(np.argmax(np.abs(pcm) > 1_000)) for pcm in (whole, part)]
    return loud[0] - loud[1]


@pytest.mark.parametrize("kind", [WaveSink, FLACSink])
async def test_samples_of_parts_are_those_of_the_uncut_recording(world: World, tmp_path: Path, kind: Any) -> None:
    cut, uncut = await twice(world, kind(tmp_path / "cut", split=1.0), kind(tmp_path / "uncut"), 0.5, 2.2)
    for parts, whole in zip(cut.tracks, uncut.tracks, strict=True):
        assert len(parts.parts) >= 5
        assert [part.number for part in parts.parts] == list(range(1, len(parts.parts) + 1))
        assert len(whole.parts) == 1
        for part, then in zip(parts.parts, parts.parts[1:], strict=False):
            assert round((part.offset + part.duration) * RATE) == round(then.offset * RATE)
        joined, row = samples(*(part.path for part in parts.parts)), samples(whole.path)
        assert len(joined) == round(parts.duration * RATE)
        by = shift(row, joined)
        assert abs(by) < RATE
        length = min(len(joined), len(row)) - abs(by)
        differ = np.flatnonzero(joined[max(-by, 0) :][:length] != row[max(by, 0) :][:length])
        assert not differ.size, (by, length, differ[0], differ[-1], differ.size)
    # Cut at one moment for both.
    assert [part.offset for part in cut.tracks[0].parts] == [part.offset for part in cut.tracks[1].parts]


@pytest.mark.parametrize("kind", [OGGSink, MKASink])
async def test_packets_of_parts_are_those_of_the_uncut_recording(world: World, tmp_path: Path, kind: Any) -> None:
    cut, uncut = await twice(world, kind(tmp_path / "cut", split=1.0), kind(tmp_path / "uncut"), 0.5)
    for parts, whole in zip(cut.tracks, uncut.tracks, strict=True):
        assert len(parts.parts) >= 4
        joined, row = packets_of(*(part.path for part in parts.parts)), packets_of(whole.path)
        # Silence before the first word differs by when the recordings began.
        first = next(index for index, packet in enumerate(joined) if len(packet) > 10)
        also = next(index for index, packet in enumerate(row) if len(packet) > 10)
        spoken = [packet for packet in joined[first:] if len(packet) > 10]
        assert len(spoken) > 100
        assert spoken == [packet for packet in row[also:] if len(packet) > 10]


async def test_tracks_of_one_file_are_cut_together(world: World, tmp_path: Path) -> None:
    cut, uncut = await twice(
        world, MKASink(tmp_path / "cut.mka", tracks=True, split=1.0), MKASink(tmp_path / "uncut.mka", tracks=True)
    )
    files = [part.path for part in cut.tracks[0].parts]
    assert files[0] == str(tmp_path / "cut.mka")
    assert files[1:] == [str(tmp_path / f"cut-{number:03}.mka") for number in range(2, len(files) + 1)]
    assert len(files) >= 3
    for stream in (0, 1):
        joined, row = packets_of(*files, stream=stream), packets_of(uncut.tracks[0].path, stream=stream)
        spoken = [packet for packet in joined if len(packet) > 10]
        assert len(spoken) > 100
        assert spoken == [packet for packet in row if len(packet) > 10]


async def test_no_part_is_bigger_than_it_may_be(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    done: list[Part] = []
    sink = WaveSink(tmp_path / "all.wav", mixdown=True, split="100 kB", on_part=done.append)
    speakers = world.speak(2.0, "alice")
    await record(voice, sink, speakers)
    assert len(done) > 3
    assert all(os.path.getsize(str(part.path)) == part.size <= 100_000 for part in done)
    assert len(samples(*(part.path for part in done))) == round(sink.audio_data[None].duration * RATE)
    assert [part.number for part in done] == list(range(1, len(done) + 1))


async def test_parts_are_told_as_they_are_complete_and_called_by_name(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    told: list[Part] = []

    async def on_part(part: Part) -> None:
        # It is whole, whatever is still recorded.
        assert asyncio.get_running_loop() is voice.loop
        told.append(part)
        assert len(samples(part.path)) == round(part.duration * RATE)

    template = str(tmp_path / "{date}" / "{guild}-{channel}" / "{user} {part:02}.flac")
    recording = voice.start_recording(FLACSink(template, split=1.0, on_part=on_part), sync_start=True)
    (bob,) = world.speak(2.5, "bob")
    await until(lambda: told)
    assert not recording.is_over
    report = await recording.stop()
    (track,) = report.tracks
    await until(lambda: len(told) == len(track.parts))
    member = world.guild.get_member(bob.user_id)
    folder = tmp_path / f"{recording.started_at:%Y-%m-%d}" / f"{world.guild.name}-{voice.channel.name}"
    assert [part.path for part in track.parts] == [
        str(folder / f"{member.display_name} {number:02}.flac") for number in range(1, len(told) + 1)
    ]
    assert {(part.user_id, part.name, part.file) for part in told} == {(bob.user_id, member.display_name, None)}


async def test_parts_in_memory_and_of_functions(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    sink = WaveSink(split=1.0)
    paths = WaveSink(lambda user_id: tmp_path / f"{user_id}.wav", split=1.0)
    also = voice.start_recording(paths, sync_start=True)
    recording = voice.start_recording(sink, sync_start=True)
    (bob,) = world.speak(1.5, "bob")
    await spoken(bob)
    await recording.stop()
    (track,) = sink.audio_data.values()
    assert len({id(part.file) for part in track.parts}) == len(track.parts) >= 2
    assert track.file is track.parts[0].file
    assert len(samples(*(part.file for part in track.parts))) == round(track.duration * RATE)
    (track,) = (await also.stop()).tracks
    assert [Path(part.path).name for part in track.parts][:2] == [f"{track.user_id}.wav", f"{track.user_id}-002.wav"]


async def test_what_fails_in_a_part_costs_its_track_only(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    given: list[int] = []

    def target(user_id: int) -> Any:
        given.append(user_id)
        if user_id == bob.user_id and given.count(user_id) == 2:
            raise OSError("the disk is full")
        return tmp_path / f"{user_id}.wav"

    recording = voice.start_recording(WaveSink(target, split=1.0))
    begin_speaking([alice, bob], 3.0, ["alice", "bob"])
    await until(lambda: not alice.is_playing)
    report = await recording.stop()
    tracks = {track.user_id: track for track in report.tracks}
    assert tracks[alice.user_id].error is None
    assert len(tracks[alice.user_id].parts) >= 3
    assert isinstance(tracks[bob.user_id].error.__cause__, OSError)
    (whole,) = tracks[bob.user_id].parts
    # It begins with the first word, and ends where that part does: which one that is, a busy machine decides.
    assert len(samples(whole.path)) == round((int(whole.offset) + 1 - whole.offset) * RATE)


async def test_what_cannot_be_cut(world: World) -> None:
    voice = await world.connect()
    with pytest.raises(ValueError, match="path"):
        voice.start_recording(WaveSink(io.BytesIO(), mixdown=True, split=5))

    class Own(isocord.sinks.Sink):
        def write(self, data: bytes, user: int, /) -> None:
            """It keeps nothing."""

    done = Finished()
    recording = voice.start_recording(Own(), done)
    with pytest.raises(TypeError, match="Own"):
        recording.cut()
    await recording.stop()
