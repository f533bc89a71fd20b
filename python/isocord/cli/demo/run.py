"""The demo from start to end."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import isocord
from isocord.testing import FakeDiscordProcess, GuildSpec, Listener
from isocord.testing.people.listener import Arrival

from . import clip, compare, desk, picture, recording, report
from .bot import channel_of_bot
from .load import Load

_SETTLE = 0.5


@dataclass(frozen=True)
class Result:
    """What a run of the demo gave."""

    connect_seconds: float
    first_packet_seconds: float
    stats: isocord.VoiceStats
    arrivals: list[Arrival]
    played: bytes
    heard: bytes
    blocked: int
    encrypted: bool
    desk: desk.Heard
    tracks: list[recording.Track]


def run(file: Path | None, *, seconds: float, out: Path, busy: bool) -> dict[str, Any]:
    """Run the demo; returns what it found, as plain values: ``faults`` is empty if the listener heard it all."""
    with tempfile.TemporaryDirectory(prefix="isocord-") as scratch:
        file = clip.chosen(file, Path(scratch), seconds)
        probe = isocord.AudioFile(file)
        print(f"Playing {file.name}: {probe.codec} in {probe.container}, {probe.sample_rate} Hz, {probe.channels} ch")
        with FakeDiscordProcess(guilds=[GuildSpec(members=("alice", *recording.VOICES))]) as fake:
            listener = fake.listen("General", user="alice")
            result = asyncio.run(_play(fake, listener, file, seconds, out, scratch=Path(scratch), busy=busy))
            listener.save_wav(out / "heard.wav")
    return _report(result, out, file.name, busy=busy)


async def _play(
    fake: FakeDiscordProcess, listener: Listener, file: Path, seconds: float, out: Path, *, scratch: Path, busy: bool
) -> Result:
    async with channel_of_bot(fake) as channel:
        begin, begin_ns = time.monotonic(), time.time_ns()
        voice = await channel.connect(cls=isocord.VoiceClient)
        connected = time.monotonic() - begin
        source = isocord.AudioFile(file)
        length = min(seconds, source.duration or seconds)
        async with Load(threads=2 if busy else 0, block=busy) as load:
            finished = voice.play(source, wait_finish=True)
            await _watch(source, length, finished)
            voice.stop()
        await asyncio.sleep(_SETTLE)
        stats, encrypted = voice.stats, voice.is_dave_connection()
        arrivals, heard = listener.arrivals(), listener.pcm()
        mixed = await desk.play(listener, voice, scratch, busy=busy)
        tracks = await recording.record(fake, listener, voice, out)
        await voice.disconnect()
        return Result(
            connect_seconds=connected,
            first_packet_seconds=(arrivals[0].time_ns - begin_ns) / 1e9 if arrivals else float("nan"),
            stats=stats,
            arrivals=arrivals,
            played=_pcm(file, length),
            heard=heard,
            blocked=load.blocked,
            encrypted=encrypted,
            desk=mixed,
            tracks=tracks,
        )


async def _watch(source: isocord.AudioFile, length: float, finished: asyncio.Future[Any]) -> None:
    """A progress bar until the song, or the part of it that is wanted, is over."""
    width = 40
    deadline = time.monotonic() + length + 10
    while not finished.done() and time.monotonic() < deadline:
        position = min(source.position, length)
        bar = "#" * round(width * position / length)
        if sys.stdout.isatty():
            print(f"\r[{bar:<{width}}] {position:5.1f} / {length:.1f} s", end="", flush=True)
        if position >= length:
            break
        await asyncio.wait([finished], timeout=0.1)
    bar = "#" * width
    print(f"{chr(13) if sys.stdout.isatty() else ''}[{bar}] {length:5.1f} / {length:.1f} s")


def _pcm(file: Path, length: float) -> bytes:
    source, parts = isocord.AudioFile(file), list[bytes]()
    while len(parts) < length * 50 and (frame := source.read()):
        parts.append(frame)
    return b"".join(parts)


def _report(result: Result, out: Path, name: str, *, busy: bool) -> dict[str, Any]:
    sound = [arrival for arrival in result.arrivals if not arrival.is_silence]
    gaps = [(b.time_ns - a.time_ns) / 1e6 for a, b in pairwise(sound)]
    played, heard = compare.mono(result.played), compare.mono(result.heard)
    alike = compare.likeness(played, heard)
    told = report.figures(result, sound, gaps, alike, busy=busy)
    report.show(told)
    load = report.LOAD if busy else "none"
    start = round(alike.delay * 48_000)
    files = {"heard": out / "heard.wav", "picture": out / "demo.png", "desk": out / "desk.png"}
    picture.draw(files["picture"], gaps or [20.0], played, heard[start:], f"isocord: {name}, load: {load}")
    picture.draw_desk(files["desk"], result.desk)
    if result.tracks:
        files |= {"tracks": out / "tracks", "recording": out / "recording.png"}
        picture.draw_tracks(files["recording"], {track.name: track.sound for track in result.tracks})
    report.show_end(files)
    return {**told, "files": {kind: str(path) for kind, path in files.items()}}
