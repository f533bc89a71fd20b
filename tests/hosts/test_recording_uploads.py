"""Recordings that are uploaded: where they come to be, and what becomes of those that cannot be."""

from __future__ import annotations

import io
import logging
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import isocord
from isocord.sinks import OGGSink, Part, Remote, WaveSink, uploads

from .places import Elsewhere, elsewhere, fsspec
from .recordings import left, record
from .world import RATE, World, begin_speaking, np, share, until

__all__ = ["elsewhere"]
SECRET = "s3cr3t/of mine"


def here(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def there(place: type[Elsewhere], path: str) -> Any:
    return left(io.BytesIO(place.store[path].getvalue()))


def broken(place: type[Elsewhere], monkeypatch: pytest.MonkeyPatch, part: str, times: int = 1_000_000) -> None:
    """What has that in its path fails, so often."""

    def fails(path: str, count: int) -> Exception | None:
        return OSError("the server is away:") if part in path and count <= times else None

    monkeypatch.setattr(place, "fails", staticmethod(fails))
    monkeypatch.setattr(uploads, "_LONGEST_PAUSE", 0.01)


async def test_parts_are_uploaded_while_it_goes_on(world: World, tmp_path: Path, elsewhere: type[Elsewhere]) -> None:
    voice = await world.connect()
    told: list[Part] = []
    sink = WaveSink(
        Remote("elsewhere://calls/{channel}/{user_id}-{part:02}.wav", spool=tmp_path),
        mixdown=Remote("elsewhere://calls/all.wav", spool=tmp_path),
        split=1.0,
        on_part=told.append,
    )
    recording = voice.start_recording(sink, sync_start=True)
    alice, bob = world.speak(2.5, "alice", "bob")
    await until(lambda: len(told) >= 3)
    assert not recording.is_over
    report = await recording.stop()
    assert (report.error, report.unsent, here(tmp_path), list(tmp_path.iterdir())) == (None, [], [], [])
    *tracks, mixdown = report.tracks
    assert [track.user_id for track in tracks] == [alice.user_id, bob.user_id]
    for track, frequency in zip(tracks, (440.0, 1000.0), strict=True):
        assert len(track.parts) >= 2
        folder = f"elsewhere://calls/{voice.channel.name}"
        expected = [f"{folder}/{track.user_id}-{part.number:02}.wav" for part in track.parts]
        assert [part.url for part in track.parts] == expected
        assert (track.url, track.path, track.parts[0].path) == (expected[0], None, None)
        pcm = np.concatenate([there(elsewhere, url.removeprefix("elsewhere:/")) for url in expected])
        assert len(pcm) == round(track.duration * RATE)
        assert share(pcm, frequency) > 0.9
    assert mixdown.parts[1].url == "elsewhere://calls/all-002.wav"
    assert {part.url for part in told} == {part.url for track in report.tracks for part in track.parts}
    # Neither the bot's loop nor what records waits for it.
    assert elsewhere.threads == {"isocord-upload"}


@pytest.mark.parametrize("scheme", ["memory", "file"])
async def test_what_is_not_split_is_uploaded_at_the_end(world: World, tmp_path: Path, scheme: str) -> None:
    voice = await world.connect()
    (bob,) = speakers = world.speak(0.5, "bob")
    folder = f"{scheme}://{(tmp_path / 'a b' / 'c').as_posix()}"
    sink = OGGSink(folder)
    await record(voice, sink, speakers)
    (track,) = sink.audio_data.values()
    assert (track.error, track.url, track.path) == (None, f"{folder}/{bob.user_id}.ogg", None)
    content = fsspec.open(track.url).open().read()
    assert content[:4] == b"OggS"
    assert len(content) == track.size


@pytest.mark.parametrize("whose", ["url", "options"])
async def test_a_target_that_fails_costs_its_track_and_stays_here(
    world: World,
    tmp_path: Path,
    elsewhere: type[Elsewhere],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    whose: str,
) -> None:
    voice = await world.connect()
    broken(elsewhere, monkeypatch, "bob")
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    told: list[Part] = []

    def target(user_id: int) -> Any:
        user = f"me:{quote(SECRET, safe='')}@" if whose == "url" else ""
        options = {} if user else {"password": SECRET}
        name = "bob" if user_id == bob.user_id else "alice"
        return Remote(f"elsewhere://{user}host/{name}.wav", storage_options=options, spool=tmp_path, tries=2)

    sink = WaveSink(target, split=1.0, on_part=told.append)
    with caplog.at_level(logging.DEBUG):
        # Parts are counted from the recording's start: so all tracks begin with it, however long encoding takes.
        recording = voice.start_recording(sink, sync_start=True)
        begin_speaking([alice, bob], 2.5, ["alice", "bob"])
        await until(lambda: not bob.is_playing)
        report = await recording.stop()
    tracks = {track.user_id: track for track in report.tracks}
    assert tracks[alice.user_id].error is None
    assert [part.url for part in tracks[alice.user_id].parts][:2] == [
        "elsewhere://host/alice.wav",
        "elsewhere://host/alice-002.wav",
    ]
    failed = tracks[bob.user_id]
    assert isinstance(failed.error, isocord.SinkError)
    assert report.error is failed.error
    assert str(failed.error).startswith(
        "cannot upload 'elsewhere://host/bob.wav': OSError: the server is away: /host/bob.wav"
    )
    # Each has its two tries and one more at the end; nothing of it is lost.
    assert [elsewhere.tries.count(path) for path in ("/host/bob.wav", "/host/bob-002.wav")] == [3, 3]
    assert (
        [unsent.path for unsent in report.unsent]
        == [part.path for part in failed.parts]
        == sorted(map(str, here(tmp_path)), key=os.path.getmtime)
    )
    assert [unsent.url for unsent in report.unsent][:2] == ["elsewhere://host/bob.wav", "elsewhere://host/bob-002.wav"]
    assert report.unsent[0].error is failed.error
    pcm = np.concatenate([left(unsent.path) for unsent in report.unsent])
    assert len(pcm) == round(failed.duration * RATE)
    # The bot hears of each part once.
    assert sorted(id(part) for part in told) == sorted(id(part) for track in report.tracks for part in track.parts)
    assert "the server is away" in caplog.text
    everything = caplog.text + repr(report) + repr(target(0)) + "".join(map(repr, report.unsent))
    assert "s3cr3t" not in everything
    assert failed.error.__cause__ is failed.error.__context__ is None


async def test_a_server_that_comes_back_has_it_all(
    world: World, tmp_path: Path, elsewhere: type[Elsewhere], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await world.connect()
    # Two tries, and the third at the end.
    broken(elsewhere, monkeypatch, "", times=2)
    told: list[Part] = []
    sink = WaveSink(Remote("elsewhere://host/calls", spool=tmp_path, tries=2), on_part=told.append)
    await record(voice, sink, world.speak(0.5, "bob"))
    (track,) = sink.audio_data.values()
    assert (track.error, here(tmp_path), len(elsewhere.tries)) == (None, [], 3)
    assert [part.url for part in told] == [track.url]
    assert len(there(elsewhere, f"/host/calls/{track.user_id}.wav")) == round(track.duration * RATE)


async def test_a_server_that_says_nothing_any_more(
    world: World, tmp_path: Path, elsewhere: type[Elsewhere], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await world.connect()
    gone = threading.Event()
    monkeypatch.setattr(uploads, "_PATIENCE", 0.05)
    monkeypatch.setattr(elsewhere, "fails", staticmethod(lambda path, times: gone.wait(30) and OSError("gone")))
    recording = voice.start_recording(WaveSink(Remote("elsewhere://host/calls", spool=tmp_path)))
    (bob,) = world.speak(0.5, "bob")
    await until(lambda: not bob.is_playing)
    report = await recording.stop()
    (unsent,) = report.unsent
    assert "longer than" in str(unsent.error)
    assert len(left(unsent.path)) == round(report.tracks[0].duration * RATE)
    assert len(elsewhere.tries) == 1
    gone.set()


async def test_what_is_dropped_goes_there_too(world: World, tmp_path: Path, elsewhere: type[Elsewhere]) -> None:
    voice = await world.connect()
    told: list[Part] = []
    sink = WaveSink(Remote("elsewhere://host/{user_id}.wav", spool=tmp_path), split=1.0, on_part=told.append)
    recording = voice.start_recording(sink, sync_start=True)
    alice, bob = world.speak(3.0, "alice", "bob")
    await until(lambda: {part.user_id for part in told} == {alice.user_id, bob.user_id})
    recording.deny(bob.user_id, drop=True)
    report = await recording.stop()
    assert (report.error, here(tmp_path)) == (None, [])
    assert sorted(elsewhere.store) == sorted(part.url.removeprefix("elsewhere:/") for part in report.tracks[0].parts)
    assert report.tracks[0].user_id == alice.user_id


async def test_no_more_waits_here_than_may(
    world: World, tmp_path: Path, elsewhere: type[Elsewhere], monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await world.connect()
    broken(elsewhere, monkeypatch, "")
    place = Remote("elsewhere://host/calls", spool=tmp_path, spool_limit="100 kB", tries=1)
    recording = voice.start_recording(WaveSink(place, split=1.0))
    world.speak(30.0, "bob")
    await until(lambda: recording.is_over)
    report = await recording
    assert (report.reason, len(report.unsent)) == ("size", len(here(tmp_path)))
    assert "more than 100,000 bytes wait" in str(report.error)
    assert sum(len(left(unsent.path)) for unsent in report.unsent) == round(report.tracks[0].duration * RATE)


async def test_a_folder_that_cannot_be_made_is_told_at_once(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    (tmp_path / "file").write_text("")
    for spool in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(isocord.SinkError, match="cannot record into"):
            voice.start_recording(WaveSink(Remote("memory://calls", spool=spool)))
    assert not voice.is_recording()
    # Nor is anything left of what could not begin.
    with pytest.raises(ValueError, match="path"):
        voice.start_recording(WaveSink(Remote("memory://calls", spool=tmp_path), mixdown=io.BytesIO(), split=1))
    assert os.listdir(tmp_path) == ["file"]
