"""What files of recordings tell of themselves, with ffprobe, mkvmerge, sox, flac, opusinfo and mutagen as witnesses."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import struct
import subprocess
import time
import wave
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from isocord.sinks import FLACSink, M4ASink, MKASink, MP3Sink, OGGSink, WaveSink, WebMSink

from .recordings import after
from .world import RATE, World, np, spoken, until

KINDS = [WaveSink, FLACSink, OGGSink, MKASink, WebMSink, MP3Sink, M4ASink]
WITH_CHAPTERS = [WaveSink, FLACSink, OGGSink, MKASink, WebMSink]


def ask(program: str, *arguments: Any) -> str:
    """What a witness says of a file; it must not complain."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not here")
    done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def probe(path: Any) -> Any:
    return json.loads(
        ask("ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters", path)
    )


def tags(told: Any) -> dict[str, str]:
    """Of the file and its first stream."""
    both = {**told["format"].get("tags", {}), **told["streams"][0].get("tags", {})}
    return {key.lower(): value for key, value in both.items()}


async def named(world: World, sink: Any, *, seconds: float = 2.0, pause: float = 0.0) -> Any:
    """A recording of Alice, in which two moments have a name; after the first one it may stand still."""
    voice = await world.connect()
    recording = voice.start_recording(sink, sync_start=True)
    (alice,) = world.speak(seconds, "alice")
    await until(lambda: alice.sent >= 25)
    recording.mark("Begrüßung")
    if pause:
        recording.pause()
        await asyncio.sleep(pause)
        recording.resume()
    await until(lambda: alice.sent >= 60)
    recording.mark("Any other business")
    return await after(recording, alice)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_tells_who_is_heard_and_when_it_began(world: World, tmp_path: Path, kind: Any) -> None:
    if kind is M4ASink and shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not here")
    report = await named(world, kind(tmp_path))
    (track,) = report.tracks
    assert track.error is None
    told = probe(track.path)
    found = tags(told)
    assert found["title"] == track.name == world.guild.get_member(track.user_id).display_name
    if kind is WaveSink:
        began = when(f"{found['date']}T{found['creation_time']}")
        midnight = report.started_at.replace(hour=0, minute=0, second=0, microsecond=0)
        since = (report.started_at - midnight).total_seconds()
        assert int(found["time_reference"]) / RATE == pytest.approx(since, abs=0.2)
    else:
        began = when(found.get("creation_time") or found["date"])
    assert abs((began - report.started_at).total_seconds()) < (5.0 if kind is M4ASink else 1.1)
    if kind is not M4ASink:
        assert str(track.user_id) in (found.get("user_id"), found.get("originator_reference"))
    if kind in WITH_CHAPTERS:
        chapters = [(float(one["start_time"]), one["tags"]["title"]) for one in told["chapters"]]
        if kind is WaveSink:
            # ffprobe does not read cue points.
            chapters = cues(track.path)
        assert [title for _, title in chapters] == [mark.title for mark in report.marks]
        assert [time for time, _ in chapters] == pytest.approx([mark.time for mark in report.marks], abs=0.002)


def cues(path: Any) -> list[tuple[float, str]]:
    """Cue points of a WAVE file, in seconds, and their labels."""
    found = dict(chunks(Path(path).read_bytes()))
    count = struct.unpack_from("<I", found[b"cue "])[0]
    at = {struct.unpack_from("<II", found[b"cue "], 4 + 24 * n) for n in range(count)}
    names, rest = {}, found[b"LISTadtl"]
    while rest:
        size = struct.unpack_from("<I", rest, 4)[0]
        names[struct.unpack_from("<I", rest, 8)[0]] = rest[12 : 8 + size].rstrip(b"\0").decode()
        rest = rest[8 + size + size % 2 :]
    return [(place / RATE, names[number]) for number, place in sorted(at)]


def chunks(file: bytes) -> list[tuple[bytes, bytes]]:
    assert file[:4] == b"RIFF"
    assert len(file) == 8 + struct.unpack_from("<I", file, 4)[0]
    found, at = [], 12
    while at < len(file):
        name, size = file[at : at + 4], struct.unpack_from("<I", file, at + 4)[0]
        content = file[at + 8 : at + 8 + size]
        found.append((name + content[:4], content[4:]) if name == b"LIST" else (name, content))
        at += 8 + size + size % 2
    assert at == len(file)
    return found


async def test_no_witness_complains(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    sinks = [kind(tmp_path / kind.__name__) for kind in (WaveSink, FLACSink, OGGSink, MKASink)]
    recordings = [voice.start_recording(sink, sync_start=True) for sink in sinks]
    (alice,) = world.speak(1.5, "alice")
    await until(lambda: alice.sent >= 25)
    for recording in recordings:
        recording.mark("A moment")
    await spoken(alice)
    paths = [(await recording.stop()).tracks[0].path for recording in recordings]
    wav, flac, ogg, mka = paths
    missing = [one for one in ("sox", "soxi", "flac", "opusinfo", "mkvmerge", "mkvinfo") if not shutil.which(one)]
    if "sox" not in missing:
        assert "WARN" not in ask("sox", wav, "-n", "stat")
        assert "48000" in ask("soxi", wav)
        assert "WARN" not in ask("sox", flac, "-n", "stat")
    if "flac" not in missing:
        assert "WARNING" not in ask("flac", "-t", flac)
    if "opusinfo" not in missing:
        done = subprocess.run(["opusinfo", ogg], capture_output=True, text=True, timeout=60, check=False)
        assert "CHAPTER001NAME=A moment" in done.stdout
        # Packets that pass through have no encoder's delay to skip, which it finds low.
        warnings = [line for line in (done.stdout + done.stderr).splitlines() if "WARNING" in line]
        assert warnings == ["WARNING: Implausibly low preskip in Opus stream (1)"]
    if "mkvmerge" not in missing:
        told = json.loads(ask("mkvmerge", "-J", mka))
        assert (told["warnings"], told["errors"], len(told["chapters"])) == ([], [], 1)
        assert "A moment" in ask("mkvinfo", "--all", mka)
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}")


async def test_a_part_begins_at_its_own_time_and_has_its_own_chapters(world: World, tmp_path: Path) -> None:
    report = await named(world, FLACSink(tmp_path, split=1.0), seconds=6.0, pause=0.5)
    parts = report.tracks[0].parts
    assert len(parts) >= 2
    told = [probe(part.path) for part in parts]
    began = [when(tags(one)["date"]) for one in told]
    apart = [(then - began[0]).total_seconds() for then in began]
    found = [(number, one["tags"]["title"]) for number, file in enumerate(told) for one in file["chapters"]]
    assert [title for _, title in found] == [mark.title for mark in report.marks]
    # The pause lies in the part of the first mark: all parts behind it begin later by that.
    behind = found[0][0] + 1
    assert apart[behind] - (parts[behind].offset - parts[0].offset) > 0.3


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("kind", "format"), [(WaveSink, "s24"), (WaveSink, "f32"), (FLACSink, "s24"), (FLACSink, "s16")]
)
async def test_samples_are_kept_as_was_asked_for(
    world: World, tmp_path: Path, kind: Any, format: Any, channels: Any
) -> None:
    av = pytest.importorskip("av")
    voice = await world.connect()
    sinks = [kind(tmp_path / "asked", format=format, channels=channels), WaveSink(tmp_path / "plain")]
    recordings = [voice.start_recording(sink) for sink in sinks]
    (alice,) = world.speak(0.6, "alice")
    await spoken(alice)
    asked, plain = [(await recording.stop()).tracks[0].path for recording in recordings]
    with av.open(str(asked)) as opened:
        stream = opened.streams.audio[0]
        assert (stream.channels, stream.rate) == (channels, RATE)
        frames = [frame.to_ndarray() for frame in opened.decode(audio=0)]
    sound = np.concatenate([frame.reshape(-1) for frame in frames]).astype(float)
    sound /= {"s16": 2.0**15, "s24": 2.0**31, "f32": 1.0}[format]
    with wave.open(plain, "rb") as opened:
        stereo = np.frombuffer(opened.readframes(opened.getnframes()), "<i2").reshape(-1, 2) / 2.0**15
    expected = (stereo.mean(axis=1) if channels == 1 else stereo).reshape(-1)
    length = min(len(sound), len(expected))
    assert length > 0.5 * RATE
    assert np.abs(sound[:length] - expected[:length]).max() <= (2.0**-16 if format == "s16" else 1e-9)
    if kind is FLACSink and shutil.which("flac"):
        ask("flac", "-t", asked)


def test_what_is_no_way_to_keep_samples() -> None:
    with pytest.raises(ValueError, match="s16 or s24"):
        FLACSink("x", format="f32")
    with pytest.raises(ValueError, match="channels"):
        WaveSink("x", channels=3)  # type: ignore[arg-type]


async def test_tracks_of_one_file_have_names_and_stay_together(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    recording = voice.start_recording(MKASink(tmp_path / "all.mka", tracks=True), sync_start=True)
    (alice,) = world.speak(2.0, "alice")
    await until(lambda: alice.sent >= 40)
    (bob,) = world.speak(1.0, "bob")
    before = time.time_ns()
    recording.mark("Bob comes in")
    after = time.time_ns()
    await until(lambda: not alice.is_playing and not bob.is_playing)
    report = await recording.stop()
    path = tmp_path / "all.mka"
    told = probe(path)
    titles = [stream["tags"]["title"] for stream in told["streams"]]
    users = [stream["tags"]["USER_ID"] for stream in told["streams"]]
    members = {user: world.guild.get_member(user).display_name for user in (alice.user_id, bob.user_id)}
    assert dict(zip(map(int, users), titles, strict=True)) == members
    assert [one["tags"]["title"] for one in told["chapters"]] == ["Bob comes in"]
    # As an editor takes them out, each to a file of its own.
    sounds = {}
    for index, user in enumerate(users):
        out = tmp_path / f"{user}.wav"
        ask("ffmpeg", "-v", "error", "-i", path, "-map", f"0:{index}", "-c:a", "pcm_s16le", out)
        with wave.open(str(out), "rb") as opened:
            sounds[int(user)] = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")[::2].astype(float)
    ends = {user: track.duration for track in report.tracks for user in [track.user_id]}
    for user, sound in sounds.items():
        assert len(sound) / RATE == pytest.approx(ends[user], abs=0.05)
    loud = {user: int(np.argmax(np.abs(sound) > 1_000)) / RATE for user, sound in sounds.items()}
    # Bob is heard where the moment was marked, but for what a busy machine let pass in between, and Alice long before.
    behind = loud[bob.user_id] - report.marks[0].time
    assert (bob.began_ns - after) / 1e9 - 0.25 < behind < (bob.began_ns - before) / 1e9 + 0.25
    apart = (bob.began_ns - alice.began_ns) / 1e9
    assert loud[bob.user_id] - loud[alice.user_id] == pytest.approx(apart, abs=0.25)


@pytest.mark.parametrize("kind", [WaveSink, FLACSink, OGGSink, MKASink, MP3Sink])
async def test_no_file_gets_more_than_max_size_with_all_that_it_tells(world: World, tmp_path: Path, kind: Any) -> None:
    report = await named(world, kind(tmp_path, max_size=12_000))
    (track,) = report.tracks
    assert (track.error, track.is_cut, report.reason) == (None, True, "size")
    assert Path(track.path).stat().st_size == track.size <= 12_000
    assert tags(probe(track.path))["title"] == track.name


async def test_strangers_names_break_no_file(world: World, tmp_path: Path) -> None:
    world.discord.guild.member("alice").nick = "=\x00\n\"'<&>" + "\U0001f600" * 24
    file = io.BytesIO()
    report = await named(world, OGGSink(lambda _: file))
    assert report.tracks[0].error is None
    (tmp_path / "a.ogg").write_bytes(file.getvalue())
    assert tags(probe(tmp_path / "a.ogg"))["title"].startswith("=\"'<&>\U0001f600")
