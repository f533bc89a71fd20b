"""Recordings that are uploaded to a server of S3, by s3fs; botocore looks what is there."""

from __future__ import annotations

import hashlib
import io
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs")

from isocord.sinks import FLACSink, MKASink, OGGSink, Part, Remote, WaveSink
from isocord.sinks.spool import Spool

from ..hosts.recordings import after, left
from ..hosts.world import RATE, World, np, spoken, until
from .servers import BUCKET, SECRET, Server, installed, serving


@pytest.fixture(params=installed())
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    with serving(request.param, folder) as made:
        yield made


def place(server: Server, name: str, tmp_path: Path, **options: Any) -> Remote:
    storage = options.pop("storage_options", server.options())
    return Remote(f"s3://{BUCKET}/{name}", storage_options=storage, spool=tmp_path / "spool", **options)


def spooled(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]


async def test_tracks_and_a_mixdown_in_parts(world: World, server: Server, tmp_path: Path) -> None:
    voice = await world.connect()
    told: list[Part] = []
    sink = WaveSink(
        place(server, "{date}/{channel}/{user_id} {part:02}.wav", tmp_path),
        mixdown=place(server, "all.wav", tmp_path),
        split=1.0,
        on_part=told.append,
    )
    recording = voice.start_recording(sink, sync_start=True)
    whole = voice.start_recording(WaveSink(tmp_path / "whole"), sync_start=True)
    speakers = world.speak(3.0, "alice", "bob")
    # They are there while it goes on.
    await until(lambda: len(told) >= 3)
    assert not recording.is_over
    await until(lambda: not any(speaker.is_playing for speaker in speakers))
    report, uncut = await recording.stop(), await whole.stop()
    assert (report.error, report.unsent, spooled(tmp_path)) == (None, [], [])
    content = server.content()
    parts = [part for track in report.tracks for part in track.parts]
    assert sorted(content) == sorted(str(part.url).removeprefix(f"s3://{BUCKET}/") for part in parts)
    assert server.unfinished() == 0
    for track, other in zip(report.tracks[:2], uncut.tracks, strict=True):
        files = [io.BytesIO(content[str(part.url).removeprefix(f"s3://{BUCKET}/")]) for part in track.parts]
        joined, row = np.concatenate([left(file) for file in files]), left(other.path)
        assert len(joined) == round(track.duration * RATE)
        by = int(np.argmax(np.abs(row) > 1_000)) - int(np.argmax(np.abs(joined) > 1_000))
        length = min(len(joined), len(row)) - abs(by)
        assert np.array_equal(joined[max(-by, 0) :][:length], row[max(by, 0) :][:length])


@pytest.mark.parametrize("kind", [OGGSink, FLACSink, MKASink])
async def test_every_format_is_there_as_it_was_here(world: World, server: Server, tmp_path: Path, kind: Any) -> None:
    voice = await world.connect()
    digests: list[bytes] = []

    class Watched(kind):  # type: ignore[misc]
        def complete(self, outcome: Any, name: str | None) -> Part:
            digests.append(hashlib.sha256(Path(outcome.path).read_bytes()).digest())
            part: Part = super().complete(outcome, name)
            return part

    recording = voice.start_recording(Watched(place(server, "calls", tmp_path)))
    (bob,) = world.speak(0.5, "bob")
    await spoken(bob)
    (track,) = (await recording.stop()).tracks
    assert track.error is None
    assert [hashlib.sha256(data).digest() for data in server.content().values()] == digests


def test_a_file_that_goes_in_pieces(server: Server, tmp_path: Path) -> None:
    spool = Spool(place(server, "big.wav", tmp_path))
    path = Path(spool.path("big.wav"))
    path.write_bytes(random.Random(1).randbytes(40_000_000))
    spool.send(str(path))
    assert hashlib.sha256(server.content()["big.wav"]).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert server.unfinished() == 0


async def test_a_server_that_is_away_for_a_while(world: World, server: Server, tmp_path: Path) -> None:
    voice = await world.connect()
    sink = WaveSink(
        place(server, "calls", tmp_path, storage_options=server.options(bucket_wait=0.3), tries=20), split=1.0
    )
    recording = voice.start_recording(sink)
    (bob,) = world.speak(3.0, "bob")
    with server.held():
        await until(lambda: len(spooled(tmp_path)) >= 2)
        await spoken(bob)
        recording.stop()
    report = await recording
    (track,) = report.tracks
    assert (report.error, report.unsent, spooled(tmp_path)) == (None, [], [])
    pieces = [data for _, data in sorted(server.content().items())]
    assert sum(len(left(io.BytesIO(data))) for data in pieces) == round(track.duration * RATE)


@pytest.mark.parametrize("why", ["key", "bucket"])
async def test_what_is_refused_stays_here_and_gives_no_key_away(
    world: World, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    if why == "key" and not server.asks:
        pytest.skip("moto lets everybody in")
    voice = await world.connect()
    secret = "wrong" + SECRET if why == "key" else SECRET
    bucket = BUCKET if why == "key" else "nowhere"
    remote = Remote(f"s3://{bucket}/calls", storage_options=server.options(secret), spool=tmp_path / "spool", tries=2)
    with caplog.at_level(logging.INFO):
        recording = voice.start_recording(WaveSink(remote))
        (bob,) = world.speak(0.5, "bob")
        report = await after(recording, bob)
    (unsent,) = report.unsent
    assert len(left(unsent.path)) == round(report.tracks[0].duration * RATE)
    assert f"s3://{bucket}/calls/{bob.user_id}.wav" in str(unsent.error)
    assert ("PermissionError" if why == "key" else "FileNotFoundError") in str(unsent.error)
    assert SECRET not in caplog.text + str(unsent.error) + repr(report)
    assert server.content() == {}
