"""Tracks and a mixdown in one recording, under whichever bot library this interpreter has."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from isocord.sinks import MKASink, OGGSink, Part, WaveSink

from .recordings import after, left
from .world import RATE, World, np, until


async def recorded(world: World, sink: Any, *names: str, cut: bool = False) -> Any:
    voice = await world.connect()
    recording = voice.start_recording(sink, sync_start=True)
    speakers = world.speak(1.0, *names)
    await until(lambda: all(speaker.sent >= 25 for speaker in speakers))
    if cut:
        recording.cut()
    return await after(recording, *speakers)


async def test_the_mixdown_is_the_sum_of_the_tracks(world: World, tmp_path: Path) -> None:
    report = await recorded(world, WaveSink(tmp_path / "each", mixdown=tmp_path / "all.wav"), "alice", "bob")
    *tracks, mixdown = report.tracks
    assert [track.user_id is None for track in report.tracks] == [False, False, True]
    assert (mixdown.path, mixdown.error) == (str(tmp_path / "all.wav"), None)
    pcm = [left(track.path).astype(int) for track in tracks]
    summed = left(mixdown.path)
    assert len({len(track) for track in [*pcm, summed]}) == 1
    assert np.array_equal(np.clip(sum(pcm), -32_768, 32_767), summed)
    assert np.abs(summed).max() > 1_000


@pytest.mark.parametrize("tracks", [False, True])
async def test_packets_pass_through_beside_a_mixdown(world: World, tmp_path: Path, tracks: bool) -> None:
    done: list[Part] = []
    target = tmp_path / "tracks.mka" if tracks else tmp_path
    sink = MKASink(target, mixdown=tmp_path / "{channel} mixed.mka", on_part=done.append, tracks=tracks)
    report = await recorded(world, sink, "alice", "bob", cut=True)
    assert [track.error for track in report.tracks] == [None, None, None]
    mixed = [part for part in done if part.is_mixdown]
    assert [os.path.basename(str(part.path)) for part in mixed] == ["General mixed.mka", "General mixed-002.mka"]
    assert report.tracks[-1].parts == mixed
    assert len([part for part in done if not part.is_mixdown]) == (2 if tracks else 4)
    assert sum(part.duration for part in mixed) == pytest.approx(report.duration, abs=0.03)


async def test_a_mixdown_that_fails_costs_itself_only(world: World, tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError("the disk is full")

    report = await recorded(world, WaveSink(tmp_path, mixdown=Full()), "alice")
    track, mixdown = report.tracks
    assert track.error is None
    assert np.abs(left(track.path)).max() > 1_000
    assert isinstance(mixdown.error.__cause__, OSError)


async def test_who_was_mixed_cannot_be_taken_out(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(OGGSink(tmp_path, mixdown=io.BytesIO()))
    with pytest.raises(ValueError, match="with others"):
        recording.deny(5, drop=True)
    report = await recording.stop()
    assert report.tracks[-1].file is not None
    assert report.duration * RATE > 0


def test_what_is_no_place_for_a_mixdown() -> None:
    with pytest.raises(TypeError, match="mixdown"):
        WaveSink("x", mixdown=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="path"):
        WaveSink("x", mixdown=io.BytesIO(), split=5)
