"""Disks that are slow, that hang, and that are full in the midst of it: what that costs, and what it does not."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.sinks import FLACSink, MKASink, OGGSink, WaveSink
from tests.hosts.ears import Ear, sine
from tests.hosts.recordings import after, left
from tests.hosts.world import RATE, World, begin_speaking, share, until

resource = pytest.importorskip("resource")


class Hanging(io.BytesIO):
    """It waits at each write until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.go = threading.Event(), threading.Event()

    def write(self, data: Any, /) -> int:
        self.waits.set()
        self.go.wait(60)
        return super().write(data)


class Slow(io.BytesIO):
    """It takes a tenth of a second for each write, and as long for each seek."""

    def write(self, data: Any, /) -> int:
        time.sleep(0.1)
        return super().write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        time.sleep(0.1)
        return super().seek(offset, whence)


async def test_a_disk_that_hangs_holds_up_neither_other_recordings_nor_what_plays(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General", user="carol")
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    hanging = Hanging()
    held = voice.start_recording(WaveSink(lambda user_id: hanging if user_id == bob.user_id else io.BytesIO()))
    begin_speaking([alice, bob], 2.0, ["alice", "bob"])
    await until(hanging.waits.is_set)
    request.addfinalizer(hanging.go.set)
    # Everything that follows happens while it hangs.
    other = voice.start_recording(WaveSink(tmp_path))
    played: list[Any] = []
    ear = Ear(listener)
    voice.play(isocord.AudioFile(sine(tmp_path / "song.wav", 1.0)), after=played.append)
    await until(lambda: played)
    await until(lambda: not alice.is_playing and not bob.is_playing)
    report = await other.stop()
    assert (played, report.error, report.dropped) == ([None], None, 0)
    await until(lambda: len(listener.arrivals()) >= 50)
    assert len(ear.sound()) >= RATE // 2
    assert held.report is None
    hanging.go.set()
    late = await held.stop()
    # Nor did the wait cost anything of the recording itself: it fits into the queue.
    assert (late.error, late.dropped) == (None, 0)
    tracks = {track.user_id: track for track in late.tracks}
    for speaker, pitch in ((alice, 440.0), (bob, 1000.0)):
        pcm = left(tracks[speaker.user_id].file)
        assert len(pcm) / RATE >= 1.9
        assert share(pcm, pitch) > 0.9


@pytest.mark.parametrize("kind", [WaveSink, FLACSink, OGGSink, MKASink])
async def test_a_slow_disk_costs_nothing_of_the_other_tracks(world: World, kind: Any) -> None:
    voice = await world.connect()
    alice, bob = (world.discord.speak("General", user=name) for name in ("alice", "bob"))
    recording = voice.start_recording(kind(lambda user_id: Slow() if user_id == bob.user_id else io.BytesIO()))
    begin_speaking([alice, bob], 2.0, ["alice", "bob"])
    report = await after(recording, bob)
    assert (report.error, report.dropped, report.counts.late) == (None, 0, 0)
    assert all(track.duration >= 1.9 for track in report.tracks)
    assert len(report.tracks) == 2


async def test_a_file_that_finds_no_more_room_is_readable_and_the_others_go_on(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    small = voice.start_recording(OGGSink(tmp_path / "small"))
    (bob,) = world.speak(30.0, "bob")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = voice.start_recording(WaveSink(tmp_path / "big"))
    try:
        # As the system refuses what a full disk has no room for.
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
        await until(lambda: big.is_over, 30)
        failed = await big
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (failed.reason, isinstance(failed.error, isocord.SinkError)) == ("failed", True)
    (track,) = failed.tracks
    pcm = left(track.path)
    # What fits is there but for what came since the last time that its head was mended.
    assert 400_000 / 4 - RATE // 2 <= len(pcm) <= 100_000
    assert share(pcm, 1000.0) > 0.9
    assert not small.is_over
    report = await small.stop()
    assert (report.error, report.dropped) == (None, 0)
    assert report.tracks[0].duration > track.duration
    assert bob.is_playing
