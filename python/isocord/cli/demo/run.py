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

from . import clip, compare, desk, picture, recording
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


def run(file: Path | None, *, seconds: float, out: Path, busy: bool) -> int:
    """Run the demo; returns the exit status: 0 if the listener heard it all in time."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="isocord-") as scratch:
        if file is None:
            file = Path(scratch, "clip.wav")
            clip.synthesise(file, min(seconds, 12.0))
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


def _report(result: Result, out: Path, name: str, *, busy: bool) -> int:
    sound = [arrival for arrival in result.arrivals if not arrival.is_silence]
    gaps = [(b.time_ns - a.time_ns) / 1e6 for a, b in pairwise(sound)]
    late = sum(gap > 40 for gap in gaps)
    played, heard = compare.mono(result.played), compare.mono(result.heard)
    alike = compare.likeness(played, heard)
    stats = result.stats
    load = "two CPU-bound threads, and the event loop blocked for 250 ms twice a second" if busy else "none"
    rows = [
        ("load on the bot", load + (f" ({result.blocked} times)" if busy else "")),
        ("end-to-end encrypted (DAVE)", "yes" if result.encrypted else "no"),
        ("connect", f"{result.connect_seconds * 1e3:.1f} ms"),
        ("connect to first packet", f"{result.first_packet_seconds * 1e3:.1f} ms"),
        ("frames played / heard", f"{stats.packets_sent - stats.silence_sent} / {len(sound)}"),
        ("packets a second", f"{(len(sound) - 1) / (sum(gaps) / 1e3):.2f}" if gaps else "-"),
        (
            "lateness p50 / p99 / max",
            f"{stats.lateness_p50 * 1e3:.2f} / {stats.lateness_p99 * 1e3:.2f} / {stats.lateness_max * 1e3:.2f} ms",
        ),
        ("gaps over 40 ms", str(late)),
        ("underruns, send errors", f"{stats.underruns}, {stats.send_errors}"),
        ("heard against played", f"{alike.heard:.2f} s of {alike.played:.2f} s, likeness {alike.correlation:.4f}"),
    ]
    complete = len(sound) == stats.packets_sent - stats.silence_sent and alike.correlation > 0.9
    rows += [
        ("both tunes in the crossfade", f"{result.desk.crossfade:+.2f} dB at most beside one of them"),
        ("the tune under the voice", f"at {result.desk.ducked:.3f} where {desk.DUCK:g} was asked for"),
    ]
    tracks, aligned = result.tracks, True
    if tracks:
        own, foreign = min(track.own for track in tracks), max(track.foreign for track in tracks)
        offset, late_one = max(track.offset for track in tracks), tracks[-1]
        rows += [
            ("tracks recorded", f"{len(tracks)} of {len(recording.VOICES)}, each {len(late_one.sound) / 48_000:.2f} s"),
            ("own voice in each track", f"{own:.1%} at least; of another's {foreign:.3%} at most"),
            ("tracks beside one another", f"{offset:.1f} ms off; {late_one.name} comes in at {late_one.begin:.2f} s"),
        ]
        aligned = own > 0.9 and foreign < 0.01 and offset < 20
    recorded = len(tracks) == len(recording.VOICES) and aligned
    width = max(len(label) for label, _ in rows)
    print()
    for label, value in rows:
        print(f"  {label:<{width}}  {value}")
    start = round(alike.delay * 48_000)
    picture.draw(out / "demo.png", gaps or [20.0], played, heard[start:], f"isocord: {name}, load: {load}")
    print(f"\n  what was heard: {out / 'heard.wav'}\n  the picture:    {out / 'demo.png'}")
    picture.draw_desk(out / "desk.png", result.desk)
    print(f"  the desk:       {out / 'desk.png'}")
    if tracks:
        picture.draw_tracks(out / "recording.png", {track.name: track.sound for track in tracks})
        print(f"  the tracks:     {out / 'tracks'}, {out / 'recording.png'}")
    if not complete:
        print("\n  The listener did not hear all of it.", file=sys.stderr)
    if not result.desk.well:
        print("\n  The crossfade or the ducking is not what was asked for.", file=sys.stderr)
    if not recorded:
        print("\n  The recording is not what was said.", file=sys.stderr)
    return 0 if complete and result.desk.well and recorded else 1
