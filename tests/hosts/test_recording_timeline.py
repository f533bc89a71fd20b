"""Who spoke when in a recording, and how loud, under whichever bot library this interpreter has."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.sinks import FileSink, FLACSink, OGGSink, WaveSink

from .recordings import left
from .speech import noise, said, silence, stereo
from .world import RATE, World, np, until


def near(seconds: float, expected: float) -> bool:
    """The detector may take a while to be sure."""
    return abs(seconds - expected) < 0.4


async def over(*speakers: Any) -> None:
    await until(lambda: all(speaker.sent > 0 and not speaker.is_playing for speaker in speakers))


def sent(speaker: Any, seconds: float) -> bool:
    return bool(speaker.sent >= seconds * 50)


@pytest.mark.parametrize(
    "sink",
    [
        WaveSink,
        OGGSink,
        lambda path: OGGSink(path / "all.ogg", mixdown=True),
        lambda path: FLACSink(path, mixdown=path / "all.flac"),
    ],
    ids=["wav", "packets", "mixdown", "both"],
)
async def test_segments_of_each_user_on_both_clocks(world: World, tmp_path: Path, sink: Any) -> None:
    voice = await world.connect()
    recording = voice.start_recording(sink(tmp_path), sync_start=True)
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    # Bob's microphone is open and noisy; of him one sentence is speech.
    open_microphone = noise(5.0, 20.0)
    open_microphone[int(3.0 * RATE) : int(4.0 * RATE)] += said(1.0)
    alice.play(stereo(said(1.0), silence(1.2), said(0.8)))
    bob.play(stereo(open_microphone))
    await over(alice, bob)
    report = await recording.stop()
    timeline = report.timeline
    first, second = timeline.speakers[alice.user_id].segments
    (only,) = timeline.speakers[bob.user_id].segments
    assert near(first.end - first.start, 1.0) and near(second.start - first.start, 2.2)
    assert near(second.end - second.start, 0.8)
    assert near(only.start - first.start, 3.0) and near(only.end - only.start, 1.0)
    assert list(timeline) == sorted([first, second, only], key=lambda one: one.start)
    assert (first.user_id, first.name, only.name) == (alice.user_id, "Alice", "Bob")
    for segment in timeline:
        assert segment.started_at - report.started_at == pytest.approx(
            timedelta(seconds=segment.start), abs=timedelta(milliseconds=1)
        )
        assert segment.ended_at - segment.started_at == pytest.approx(
            timedelta(seconds=segment.end - segment.start), abs=timedelta(milliseconds=1)
        )
    assert timeline.speakers[alice.user_id].spoken == pytest.approx(first.end - first.start + second.end - second.start)
    assert (timeline.duration, timeline.started_at) == (report.duration, report.started_at)


async def test_segments_lie_where_the_file_has_the_words_and_levels_are_the_files(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(WaveSink(tmp_path), sync_start=True)
    alice = world.discord.speak("General", user="alice")
    alice.play(stereo(said(1.0), silence(1.0), said(1.5)))
    await over(alice)
    report = await recording.stop()
    speaker = report.timeline.speakers[alice.user_id]
    pcm = left(report.tracks[0].path).astype(float)
    frames = np.abs(pcm[: len(pcm) // 960 * 960]).reshape(-1, 960).max(axis=1)
    for segment in speaker.segments:
        assert frames[round(segment.start * 50) : round(segment.end * 50)].max() > 2_000
    within = np.zeros(len(frames), bool)
    for segment in speaker.segments:
        within[max(round(segment.start * 50) - 10, 0) : round(segment.end * 50) + 10] = True
    assert frames[~within].max(initial=0) < 500
    assert speaker.peak == pytest.approx(20 * np.log10(np.abs(pcm).max() / 32_768), abs=0.01)
    # Both channels alike, 3,000 of 32,768 while it is said.
    assert -28 < speaker.rms < -20
    assert speaker.loudness is not None
    assert -30 < speaker.loudness < -14
    outline = np.array(speaker.outline)
    assert outline.max() == pytest.approx(np.abs(pcm).max() / 32_768)
    loud = outline > 0.05
    drawn = np.repeat(loud, round(speaker.step * 50))[: len(frames)]
    assert (drawn == (frames > 0.05 * 32_768)[: len(drawn)]).mean() > 0.99


async def test_what_was_denied_is_not_told_and_what_happened_is(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(WaveSink(tmp_path), sync_start=True)
    alice, bob, carol = (world.discord.speak("General", user=name) for name in ("alice", "bob", "carol"))
    for speaker in (alice, bob, carol):
        speaker.play(stereo(said(3.0)))
    recording.mark("budget")
    await until(partial(sent, bob, 1.2))
    recording.deny(bob.user_id)
    recording.deny(carol.user_id, drop=True)
    recording.cut()
    await until(partial(sent, alice, 2.0))
    recording.pause()
    await over(alice, bob, carol)
    recording.resume()
    alice.play(stereo(said(1.0)))
    await until(lambda: alice.is_playing)
    await over(alice)
    report = await recording.stop()
    timeline = report.timeline
    assert carol.user_id not in timeline.speakers
    moments = {moment.kind: moment for moment in timeline.moments}
    assert list(moments) == ["mark", "denied", "dropped", "cut", "paused", "resumed"]
    assert (moments["mark"].title, moments["denied"].user_id, moments["dropped"].user_id) == (
        "budget",
        bob.user_id,
        carol.user_id,
    )
    assert all(segment.start <= moments["denied"].time for segment in timeline.speakers[bob.user_id].segments)
    # On the recording's clock a pause takes no time, on the wall's it does; what was said goes on over it.
    assert moments["paused"].time == moments["resumed"].time
    assert moments["resumed"].at - moments["paused"].at > timedelta(seconds=0.5)
    last = timeline.speakers[alice.user_id].segments[-1]
    assert last.ended_at - report.started_at > timedelta(seconds=last.end + 0.5)
    assert last.end <= timeline.duration


async def test_it_is_saved_as_its_suffix_says(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(OGGSink(tmp_path / "tracks", split=1.0), sync_start=True)
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(said(1.5)))
    recording.mark("to be\ncontinued --> soon")
    await over(bob)
    report = await recording.stop()
    for name in ("who.json", "who.vtt", "who.txt"):
        report.timeline.save(tmp_path / name)
    (segment,) = report.timeline
    told = json.loads((tmp_path / "who.json").read_text("utf-8"))
    assert told["kind"] == "isocord timeline"
    assert (told["segments"][0]["user_id"], told["segments"][0]["name"]) == (str(bob.user_id), "Bob")
    assert told["segments"][0]["start"] == pytest.approx(segment.start, abs=1e-5)
    assert told["speakers"][0]["loudness"] == pytest.approx(report.timeline.speakers[bob.user_id].loudness, abs=0.01)
    (track,) = told["tracks"]
    assert len(track["files"]) >= 2
    assert all((tmp_path / file["path"]).is_file() for file in track["files"])
    assert track["files"][0]["path"] == f"tracks/{bob.user_id}.ogg"
    assert track["files"][1]["offset"] == pytest.approx(track["files"][0]["duration"], abs=0.03)
    assert {"mark", "cut"} == {moment["kind"] for moment in told["moments"]}
    vtt = (tmp_path / "who.vtt").read_text("utf-8").split("\n\n")
    assert vtt[0] == "WEBVTT"
    assert any(block.startswith("NOTE ") and block.endswith("to be continued -> soon") for block in vtt)
    assert vtt[-1].endswith("\n<v Bob>Bob\n") and " --> " in vtt[-1]
    rows = [line.split("\t") for line in (tmp_path / "who.txt").read_text("utf-8").splitlines()]
    assert [f"{segment.start:.6f}", f"{segment.end:.6f}", "Bob"] in rows
    assert any(start == end and label == "to be continued --> soon" for start, end, label in rows)
    with pytest.raises(ValueError, match=r"who\.srt.*\.json, \.vtt, \.txt"):
        report.timeline.save(tmp_path / "who.srt")


async def test_it_is_not_looked_for(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(OGGSink(tmp_path, timeline=False))
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(said(0.5)))
    await over(bob)
    report = await recording.stop()
    assert len(report.tracks) == 1 and report.timeline.speakers == {}


async def test_nobody_spoke(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    report = await voice.start_recording(WaveSink(tmp_path)).stop()
    assert list(report.timeline) == [] and report.timeline.speakers == {}
    report.timeline.save(tmp_path / "who.vtt")
    assert (tmp_path / "who.vtt").read_text("utf-8") == "WEBVTT\n"


async def test_a_picture(world: World, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    voice = await world.connect()
    recording = voice.start_recording(WaveSink(tmp_path), sync_start=True)
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    alice.play(stereo(said(1.0)))
    bob.play(stereo(silence(0.5), said(1.0)))
    recording.mark("a $sum$ of money")
    await until(partial(sent, bob, 1.0))
    recording.deny(bob.user_id)
    await over(alice, bob)
    report = await recording.stop()
    isocord.plot(report, tmp_path / "meeting.png")
    isocord.plot(report, tmp_path / "meeting.svg")
    assert (tmp_path / "meeting.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "meeting.svg").read_text("utf-8")
    with pytest.raises(ValueError, match="doc"):
        isocord.plot(report, tmp_path / "meeting.doc")


async def test_levels_of_silence(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    sink: FileSink = WaveSink(tmp_path)
    recording = voice.start_recording(sink)
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(silence(0.5)))
    await over(bob)
    report = await recording.stop()
    if (speaker := report.timeline.speakers.get(bob.user_id)) is not None:
        assert speaker.segments == () and speaker.peak == -math.inf
    report.timeline.save(tmp_path / "who.json")
    json.loads((tmp_path / "who.json").read_text("utf-8"), parse_constant=pytest.fail)
