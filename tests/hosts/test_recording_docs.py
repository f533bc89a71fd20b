"""The code of docs/recording.md, as it stands there."""

from __future__ import annotations

import asyncio
import re
import wave
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from .places import Elsewhere, elsewhere
from .recordings import after, left, reports_of
from .speech import said, stereo
from .world import RATE, Tone, World, np, spoken, until

__all__ = ["elsewhere"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def page(**names: Any) -> dict[str, Any]:
    scope: dict[str, Any] = {"isocord": isocord, "asyncio": asyncio, **names}
    for block in pages.python("docs/recording.md")[2:]:
        exec(compile(block, "recording.md", "exec", dont_inherit=True), scope)
    return scope


async def test_a_meeting_and_its_clock(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    voice = await world.connect()
    running = asyncio.create_task(page()["meeting"](voice, 2.0))
    world.speak(1.0, "alice", "bob")
    report = await running
    assert [track.error for track in report.tracks] == [None, None]
    assert len({track.duration for track in report.tracks}) == 1
    assert f"in {Path('recordings/monday') / str(report.tracks[0].user_id)}.flac" in capsys.readouterr().out


async def test_minutes_of_who_spoke(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    voice = await world.connect()
    recording = voice.start_recording(isocord.sinks.WaveSink("tracks"), sync_start=True)
    bob = world.discord.speak("General", user="bob")
    bob.play(stereo(said(1.0)))
    await spoken(bob)
    await page()["minutes"](recording)
    assert re.search(r"\d\d:\d\d:\d\d Bob: [01]\.\d s", capsys.readouterr().out)
    assert "<v Bob>Bob" in Path("who.vtt").read_text("utf-8")
    assert Path("meeting.png").read_bytes().startswith(b"\x89PNG")


async def test_a_protocol(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    class Recogniser:
        async def recognise(self, pcm: bytes) -> str:
            return f"{len(pcm) > 16_000} words"

    (report,) = await reports_of(world, {"bob": stereo(said(1.0))}, isocord.sinks.FLACSink("tracks"))
    await page()["protocol"](report, Recogniser())
    assert " s Bob: True words" in capsys.readouterr().out
    assert "<v Bob>True words" in Path("meeting.vtt").read_text("utf-8")


async def test_a_frame_is_found_in_the_file_and_consent_is_followed(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    words = page()
    recording = voice.start_recording(isocord.sinks.WaveSink(tmp_path), sync_start=True)
    alice, bob = world.speak(30.0, "alice", "bob")
    async with voice.listen(users=[alice.user_id]) as listening:
        async for frame in listening:
            if frame.position >= recording.position:
                break
    await until(lambda: len(list(tmp_path.iterdir())) == 2)
    words["follow_consent"](recording, bob.user_id, False)
    await until(lambda: len(list(tmp_path.iterdir())) == 1)
    words["follow_consent"](recording, bob.user_id, True)
    await until(lambda: len(list(tmp_path.iterdir())) == 2)
    report = await recording.stop()
    pcm = left(next(track.path for track in report.tracks if track.user_id == alice.user_id))
    at = round(words["place_of"](recording, frame) * RATE)
    assert np.array_equal(pcm[at : at + frame.samples], np.frombuffer(frame.data, "<i2")[::2])


@pytest.mark.carried_here("the bot's own voice leaves elsewhere")
async def test_an_interview_has_the_bot_in_it(world: World) -> None:
    voice = await world.connect()
    recording = await page()["interview"](voice)
    world.speak(0.6, "alice")
    await until(lambda: len(list(Path("interview").iterdir())) == 2)
    done: list[Any] = []
    voice.play(Tone(20), after=done.append)
    await until(lambda: done)
    report = await recording.stop()
    assert world.bot.user.id in {track.user_id for track in report.tracks}
    assert [track.error for track in report.tracks] == [None] * 3
    assert Path("interview/all.ogg").stat().st_size == report.tracks[-1].size > 0


async def test_files_for_an_editor(world: World) -> None:
    voice = await world.connect()
    recording = await page()["for_an_editor"](voice)
    (alice,) = world.speak(0.6, "alice")
    report = await after(recording, alice)
    (track,) = report.tracks
    assert track.path == f"edit/{track.name}.wav"
    with wave.open(track.path, "rb") as opened:
        assert opened.getparams()[:3] == (1, 3, RATE)
    assert [mark.title for mark in report.marks] == ["Introduction"]


async def test_a_podcast_of_clean_voices(world: World) -> None:
    voice = await world.connect()
    recording = await page()["podcast"](voice)
    (alice,) = world.speak(0.6, "alice")
    report = await after(recording, alice)
    assert [(track.user_id, track.error) for track in report.tracks] == [(alice.user_id, None), (None, None)]
    assert report.tracks[-1].path == "podcast/all.flac"


async def test_an_archive_in_parts(world: World) -> None:
    voice = await world.connect()
    uploaded: list[str] = []

    async def upload(part: Any) -> None:
        uploaded.append(part.path)

    recording = await page()["archive"](voice, upload)
    (bob,) = world.speak(0.6, "bob")
    await until(lambda: bob.sent >= 15)
    recording.cut()
    report = await after(recording, bob)
    await until(lambda: len(uploaded) == 2)
    name = world.guild.get_member(bob.user_id).display_name
    folder = Path(f"archive/{recording.started_at:%Y-%m-%d}/{world.guild.name} {voice.channel.name}")
    assert uploaded == [str(folder / f"{name} {number:03}.ogg") for number in (1, 2)]
    assert [part.path for part in report.tracks[0].parts] == uploaded


async def test_an_archive_in_a_bucket(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    elsewhere: type[Elsewhere],
) -> None:
    voice = await world.connect()
    said, told = asyncio.Event(), []

    class Short:
        """An hour is over when all has been said."""

        @staticmethod
        async def sleep(_: float) -> None:
            await said.wait()

    monkeypatch.setattr(
        elsewhere, "fails", staticmethod(lambda path, times: PermissionError("no") if "001" in path else None)
    )
    words = page()
    words["asyncio"] = Short
    running = asyncio.create_task(words["to_a_bucket"](voice, "elsewhere://bucket", {"password": "pw"}, told.append))
    (bob,) = world.speak(0.6, "bob")
    await until(lambda: bob.sent >= 15)
    voice._recordings[-1].cut()
    await spoken(bob)
    said.set()
    await running
    name = world.guild.get_member(bob.user_id).display_name
    (unsent,) = Path("unsent").rglob("*.ogg")
    assert unsent.name == f"{name} 001.ogg"
    url = f"elsewhere://bucket/{unsent.parent.name}/{name} 001.ogg"
    assert f"{unsent.absolute()} is still to go to {url}: cannot upload" in capsys.readouterr().out
    assert {part.url for part in told} == {None, url.replace("001", "002")}
