"""Who spoke when in a recording, and how loud, under whichever bot library this interpreter has."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import isocord
from isocord.sinks import FileSink, FLACSink, OGGSink, WaveSink

from .recordings import after, left, reports_of
from .speech import noise, said, silence, stereo
from .world import RATE, World, np, spoken, spoken_for, until


def heard(path: Any) -> Any:
    """For each 20 ms of a file the highest sample."""
    file, peaks = isocord.AudioFile(path), []
    while pcm := file.read():
        peaks.append(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max())
    file.close()
    return np.array(peaks)


def lie_in_the_sound(segments: list[isocord.Segment], peaks: Any) -> None:
    """Where it is loud somebody speaks, and nowhere else; the detector may take a while to be sure.

    A busy machine may tear apart what is said: the file is what counts.
    """
    assert segments
    loud = np.flatnonzero(peaks > 2_000) * 0.02
    for segment in segments:
        within = loud[(loud >= segment.start - 0.1) & (loud <= segment.end + 0.1)]
        assert len(within) >= 5
        assert np.diff(np.concatenate([[segment.start], within, [segment.end]])).max() < 1.0
    missed = [at for at in loud if not any(one.start - 0.3 <= at <= one.end + 0.3 for one in segments)]
    assert len(missed) < 10


def loudness(sound: Any) -> float:
    """Integrated, by BS.1770-4 as it is written down: weighted, in blocks of 400 ms, gated twice."""
    signal = pytest.importorskip("scipy.signal")
    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585])
    high = ([1, -2, 1], [1, -1.99004745483398, 0.99007225036621])
    power = np.square(signal.lfilter(*high, signal.lfilter(*shelf, sound, axis=0), axis=0)).sum(axis=1)
    total = np.concatenate([[0], np.cumsum(power)])
    starts = np.arange(0, len(power) - 19_199, 4_800)
    blocks = (total[starts + 19_200] - total[starts]) / 19_200
    blocks = blocks[-0.691 + 10 * np.log10(blocks + 1e-30) > -70]
    blocks = blocks[blocks > blocks.mean() / 10]
    return float(-0.691 + 10 * np.log10(blocks.mean()))


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
    report = await after(recording, alice, bob)
    timeline = report.timeline
    for track in report.tracks:
        theirs = [one for one in timeline if track.user_id in (None, one.user_id)]
        lie_in_the_sound(theirs, heard(track.path))
    first, *_, last = timeline.speakers[alice.user_id].segments
    assert last.start - first.end > 0.6
    assert list(timeline) == sorted(timeline, key=lambda one: one.start)
    assert {(one.user_id, one.name) for one in timeline} == {(alice.user_id, "Alice"), (bob.user_id, "Bob")}
    for segment in timeline:
        assert segment.started_at - report.started_at == pytest.approx(
            timedelta(seconds=segment.start), abs=timedelta(milliseconds=1)
        )
        assert segment.ended_at - segment.started_at == pytest.approx(
            timedelta(seconds=segment.end - segment.start), abs=timedelta(milliseconds=1)
        )
    total = sum(one.end - one.start for one in timeline if one.user_id == alice.user_id)
    assert timeline.speakers[alice.user_id].spoken == pytest.approx(total)
    assert (timeline.duration, timeline.started_at) == (report.duration, report.started_at)


async def test_levels_are_those_of_the_file(world: World, tmp_path: Path) -> None:
    sounds = {"alice": stereo(said(1.0), silence(1.0), said(1.5))}
    (report,) = await reports_of(world, sounds, WaveSink(tmp_path))
    (speaker,) = report.timeline.speakers.values()
    pcm = left(report.tracks[0].path).astype(float)
    frames = np.abs(pcm[: len(pcm) // 960 * 960]).reshape(-1, 960).max(axis=1)
    assert speaker.peak == pytest.approx(20 * np.log10(np.abs(pcm).max() / 32_768), abs=0.01)
    # Of what was sent: that is less than all of the file, and more than what of it is loud.
    square = np.square(pcm[: len(frames) * 960].reshape(-1, 960)).mean(axis=1)
    most, least = (10 * np.log10(some.mean() / 32_768**2) for some in (square[square > 0], square))
    assert least - 0.1 <= speaker.rms <= most + 0.1
    # A speaker who does not keep time leaves silence in the file that is not in what was said.
    assert speaker.loudness == pytest.approx(loudness(np.repeat(pcm[:, None], 2, axis=1) / 32_768), abs=1.0)
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
    await spoken_for(bob, 1.2)
    recording.deny(bob.user_id)
    recording.deny(carol.user_id, drop=True)
    recording.cut()
    await spoken_for(alice, 2.0)
    recording.pause()
    await spoken(alice, bob, carol)
    recording.resume()
    alice.play(stereo(said(1.0)))
    await until(lambda: alice.is_playing)
    report = await after(recording, alice)
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
    report = await after(recording, bob)
    for name in ("who.json", "who.vtt", "who.txt"):
        report.timeline.save(tmp_path / name)
    segment = next(iter(report.timeline))
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
    report = await after(recording, bob)
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
    recording.mark("a bell\a\0\ufffe <&>")
    await spoken_for(bob, 1.0)
    recording.deny(bob.user_id)
    report = await after(recording, alice, bob)
    isocord.plot(report, tmp_path / "meeting.png")
    isocord.plot(report, tmp_path / "meeting.svg")
    assert (tmp_path / "meeting.png").read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(tmp_path / "meeting.svg").getroot().tag.endswith("}svg")
    with pytest.raises(ValueError, match="doc"):
        isocord.plot(report, tmp_path / "meeting.doc")


async def test_levels_of_silence(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    sink: FileSink = WaveSink(tmp_path)
    recording = voice.start_recording(sink)
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(silence(0.5)))
    report = await after(recording, bob)
    if (speaker := report.timeline.speakers.get(bob.user_id)) is not None:
        assert speaker.segments == () and speaker.peak == -math.inf
    report.timeline.save(tmp_path / "who.json")
    json.loads((tmp_path / "who.json").read_text("utf-8"), parse_constant=pytest.fail)
