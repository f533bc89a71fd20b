"""Recordings that are over, written down by a function: what it is called with, what becomes of what it returns."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.sinks import FLACSink, MKASink, MP3Sink, OGGSink, PCMSink, WaveSink

from .recordings import after, reports_of
from .speech import said, silence, stereo, wav
from .world import RATE, World, np, spoken, until, wave_file


def length(utterance: isocord.Utterance) -> str:
    return f"{utterance.duration:.1f} s"


def near(seconds: float, expected: float) -> bool:
    return abs(seconds - expected) < 0.4


async def test_files_of_a_folder_are_tracks_of_their_names(tmp_path: Path) -> None:
    wav(tmp_path / "Alice.wav", silence(1.0), said(1.0), silence(2.0), said(0.8), silence(1.0))
    wav(tmp_path / "1234.wav", silence(2.5), said(0.5), silence(1.0))
    (tmp_path / "notes.txt").write_text("no sound")
    threads = set()

    def words(utterance: isocord.Utterance) -> str:
        import threading

        threads.add(threading.current_thread())
        assert (utterance.sample_rate, utterance.channels) == (16_000, 1)
        assert len(utterance.pcm) == round(utterance.duration * 32_000)
        return f" said <by> {utterance.user_id} & others "

    told = await isocord.transcribe(tmp_path, words)
    first, second, third = told.captions
    assert (first.name, second.name, third.name) == ("Alice", "1234", "Alice")
    assert (first.user_id, second.user_id) == (0, 1234)
    # From a little before the words to their end.
    assert near(first.start, 0.7) and near(first.end, 2.0)
    assert near(second.start, 2.2) and near(third.start, 3.7)
    assert first.text == "said <by> 0 & others" and told.errors == []
    assert asyncio.get_running_loop() is not None and all(one.name != "MainThread" for one in threads)
    told.save(tmp_path / "out.vtt")
    blocks = (tmp_path / "out.vtt").read_text("utf-8").split("\n\n")
    assert blocks[0] == "WEBVTT" and len(blocks) == 4
    assert blocks[2].splitlines()[1] == "<v 1234>said &lt;by&gt; 1234 &amp; others"
    told.save(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["captions"][1]["user_id"] == "1234"
    with pytest.raises(ValueError, match=r"\.vtt or \.json"):
        told.save(tmp_path / "out.srt")


async def test_what_the_function_raises_costs_that_utterance_only(tmp_path: Path) -> None:
    file = wav(tmp_path / "Alice.wav", said(1.0), silence(1.0), said(1.0), silence(1.0), said(1.0), silence(1.0))
    calls: list[float] = []
    news: list[Any] = []

    async def words(utterance: isocord.Utterance) -> str | None:
        await asyncio.sleep(0)
        calls.append(utterance.start / RATE)
        if len(calls) == 2:
            raise RuntimeError("the recogniser is tired")
        return "three" if len(calls) == 3 else None

    told = await isocord.transcribe(file, words, progress=news.append)
    assert len(calls) == 3
    assert [caption.text for caption in told.captions] == ["three"]
    (error,) = told.errors
    assert near(error.start, 1.7) and (error.name, str(error.error)) == ("Alice", "the recogniser is tired")
    assert [one.news for one in news if one.news is not None] == [error, told.captions[0]]
    assert [one.done for one in news] == sorted(one.done for one in news)
    assert news[-1].done == pytest.approx(6.0, abs=0.1) and news[-1].total == pytest.approx(6.0, abs=0.01)


async def test_so_many_at_once_and_no_more(tmp_path: Path) -> None:
    file = wav(tmp_path / "Alice.wav", *[said(0.6), silence(1.0)] * 5)
    now, most = 0, 0

    async def words(utterance: isocord.Utterance) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.3)
        now -= 1
        return length(utterance)

    told = await isocord.transcribe([file], words, jobs=3)
    assert (len(told.captions), most) == (5, 3)
    assert [caption.start for caption in told.captions] == sorted(caption.start for caption in told.captions)
    with pytest.raises(ValueError, match="jobs"):
        await isocord.transcribe(file, words, jobs=0)


async def test_parts_follow_each_other_and_other_numbers_are_names(tmp_path: Path) -> None:
    whole = stereo(silence(1.5), said(1.0), silence(2.0), said(1.0), silence(1.0))
    for folder, name in (("a", "Bob{}.wav"), ("b", "Bob 00{}.wav")):
        (tmp_path / folder).mkdir()
        for number in range(3):
            mark = ("" if number == 0 else f"-00{number + 1}") if folder == "a" else number + 1
            # In the middle of a word, at no frame's end.
            piece = whole[number * 400_004 : (number + 1) * 400_004 if number < 2 else None]
            (tmp_path / folder / name.format(mark)).write_bytes(wave_file(piece))
        wav(tmp_path / folder / "Agent 007.wav", silence(0.2), said(0.5), silence(1.0))
    for folder in ("a", "b"):
        told = await isocord.transcribe(tmp_path / folder, length)
        assert [caption.name for caption in told.captions] == ["Agent 007", "Bob", "Bob"]
        assert near(told.captions[1].start, 1.2) and near(told.captions[2].start, 4.2)
        assert near(told.captions[1].end - told.captions[1].start, 1.3)


async def test_a_broken_file_costs_its_track_only(tmp_path: Path) -> None:
    wav(tmp_path / "Alice.wav", said(1.0), silence(1.0))
    (tmp_path / "Bob.ogg").write_bytes(b"no sound" * 100)
    told = await isocord.transcribe(tmp_path, length)
    assert [caption.name for caption in told.captions] == ["Alice"]
    assert [(error.name, type(error.error)) for error in told.errors] == [("Bob", isocord.AudioFileError)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no file"):
        await isocord.transcribe(tmp_path / "empty", length)
    with pytest.raises(FileNotFoundError):
        await isocord.transcribe(tmp_path / "missing", length)
    with pytest.raises(ValueError, match="silence must be"):
        await isocord.transcribe(tmp_path, length, silence=100.0)
    with pytest.raises(TypeError, match="callable"):
        await isocord.transcribe(tmp_path, "words")  # type: ignore[arg-type]


async def test_utterances_from_files_are_those_that_are_heard_live(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    live: list[isocord.Utterance] = []
    recording = voice.start_recording(WaveSink(tmp_path), sync_start=True)

    async def listen() -> None:
        async for utterance in utterances:
            live.append(utterance)  # noqa: PERF401

    utterances = voice.utterances()
    listening = asyncio.create_task(listen())
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(said(1.0), silence(1.2), said(0.6), silence(1.0)))
    await until(lambda: bob.sent and not bob.is_playing and len(live) >= 2)
    report = await recording.stop()
    utterances.close()
    await listening
    from_file: list[isocord.Utterance] = []

    async def keep(utterance: isocord.Utterance) -> None:
        from_file.append(utterance)

    await isocord.transcribe(report, keep)
    assert len(from_file) == len(live)
    for heard, read in zip(live, from_file, strict=True):
        assert heard.user_id == read.user_id
        begin = recording.time_at(heard.start)
        assert read.end / RATE == pytest.approx(recording.time_at(heard.end), abs=0.06)
        # Before the first word there is silence in the file, where live there was nobody yet.
        assert begin - 0.35 < read.start / RATE < begin + 0.06
        assert read.captured - read.start / RATE == pytest.approx(heard.captured - begin, abs=0.25)
        # The same sound, at the same place.
        one, other = (np.frombuffer(some.pcm, "<i2").astype(float) for some in (heard, read))
        size = len(one) + len(other)
        alike = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
        best = int(np.argmax(alike))
        lag = (best if best < size // 2 else best - size) / 16_000
        assert alike[best] / np.sqrt(np.square(one).sum() * np.square(other).sum()) > 0.9
        assert read.start / RATE + lag == pytest.approx(begin, abs=0.002)


@pytest.mark.parametrize("how", ["report", "folder", "names"])
@pytest.mark.parametrize(
    "sink",
    [
        lambda path: OGGSink(path / "{user}.ogg", split=1.0),
        lambda path: FLACSink(path / "{user}.flac", mixdown=path / "mix" / "all.flac"),
        lambda path: MKASink(path / "all.mka", tracks=True),
        lambda path: MP3Sink(path / "{user}.mp3"),
        lambda path: PCMSink(path / "{user}.pcm"),
    ],
    ids=["parts", "flac", "tracks", "mp3", "pcm"],
)
async def test_every_format_by_its_names(world: World, tmp_path: Path, sink: Any, how: str) -> None:
    made = sink(tmp_path)
    if made.layout == "tracks" and shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg")
    (tmp_path / "mix").mkdir()
    voice = await world.connect()
    recording = voice.start_recording(made, sync_start=True)
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    # Only what silence has ended is known to end there.
    alice.play(stereo(said(1.0), silence(1.0)))
    bob.play(stereo(silence(1.0), said(1.0), silence(1.0)))
    report = await after(recording, alice, bob)
    if how == "folder":
        report.timeline.save(tmp_path / "timeline.json")
    shutil.rmtree(tmp_path / "mix") if how == "names" else None
    told = await isocord.transcribe(report if how == "report" else tmp_path, length)
    assert told.errors == []
    names = {caption.name for caption in told.captions}
    if how == "names":
        # Files, and tracks of one file, are called by name, or by id where the library did not know it yet.
        assert len(names) == 2 and names <= {"Alice", "Bob", str(alice.user_id), str(bob.user_id)}
    else:
        assert names == {"Alice", "Bob"}
    for speaker in report.timeline.speakers.values():
        theirs = [one for one in told.captions if one.name in (speaker.name, str(speaker.user_id))]
        assert near(theirs[0].start, max(speaker.segments[0].start - 0.3, 0.0))
        assert near(theirs[-1].end, speaker.segments[-1].end)
    if how != "names":
        assert told.started_at == report.started_at
        assert {caption.user_id for caption in told.captions} == {alice.user_id, bob.user_id}


async def test_files_that_are_called_by_ids_have_names_as_titles(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(FLACSink(tmp_path), sync_start=True)
    bob = world.discord.speak("General", user="bob")
    await until(lambda: voice._name_of(bob.user_id) == "Bob")
    bob.play(stereo(said(1.0), silence(1.0)))
    await spoken(bob)
    await recording.stop()
    told = await isocord.transcribe(tmp_path, length)
    assert {(caption.name, caption.user_id) for caption in told.captions} == {("Bob", bob.user_id)}


async def test_what_is_in_memory(world: World) -> None:
    (report,) = await reports_of(world, {"bob": stereo(said(1.0), silence(0.5))}, OGGSink())
    told = await isocord.transcribe(report, length)
    assert {caption.name for caption in told.captions} == {"Bob"}
    file = report.tracks[0].file
    assert isinstance(file, io.BytesIO) and not file.closed


async def test_a_partial_of_a_coroutine_function_and_wall_clock(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav", silence(0.5), said(1.0), silence(1.0))
    began = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    told = {
        "kind": "isocord timeline",
        "started_at": began.isoformat(),
        "tracks": [
            {
                "user_id": "77",
                "name": "Alice",
                "files": [{"path": "a.wav", "offset": 10.0, "duration": 2.5}],
            }
        ],
    }
    (tmp_path / "timeline.json").write_text(json.dumps(told), "utf-8")
    captured: list[float] = []

    async def words(prefix: str, utterance: isocord.Utterance) -> str:
        captured.append(utterance.captured - utterance.start / RATE)
        return prefix + str(utterance.user_id)

    transcript = await isocord.transcribe(tmp_path, partial(words, "by "))
    (caption,) = transcript.captions
    assert (caption.text, caption.name) == ("by 77", "Alice") and near(caption.start, 10.2)
    assert captured == [pytest.approx(began.timestamp(), abs=0.01)]
    assert transcript.started_at == began and began + timedelta(seconds=caption.start) > began
