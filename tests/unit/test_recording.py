"""Alignment, filters and the end of recordings, in virtual time."""

from __future__ import annotations

import asyncio
import io
import json
import math
import sys
import threading
import wave
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isocord.client.hearing import Listening
from isocord.hearing.recording.hosted import wave_header
from isocord.hearing.recording.recording import unfinished
from isocord.hearing.recording.sink_recording import SinkRecording, Writer, is_in_use
from isocord.hearing.recording.speakers import Speaker, SpeakerTimeline
from isocord.hearing.recording.timeline import Timeline
from isocord.sinks import Sink

from .fakes import LOG

SECOND = 48_000
START = 7_000_123


def frame(user_id: int, position: int, value: int = 1, samples: int = 960) -> Any:
    data = value.to_bytes(2, "little") * 2 * samples
    return SimpleNamespace(user_id=user_id, position=position, samples=samples, data=data)


class Tape(Sink):
    def __init__(self, error: Exception | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.tracks: dict[int, bytearray] = defaultdict(bytearray)
        self.sizes: dict[int, int] = defaultdict(int)
        self.keep = True
        self.error = error
        self.cleaned = 0

    def write(self, data: bytes, user: int, /) -> None:
        if self.error is not None:
            raise self.error
        assert 0 < len(data) <= SECOND * 4
        self.sizes[user] += len(data)
        if self.keep:
            self.tracks[user] += data

    def cleanup(self) -> None:
        super().cleanup()
        self.cleaned += 1

    def first(self, user: int) -> int:
        """Sample at which the user's sound begins."""
        return next(at for at, byte in enumerate(self.tracks[user]) if byte) // 4


def test_a_gap_is_silence_of_its_length() -> None:
    tape = Tape()
    writer = Writer(tape, Timeline(START), sync_start=False)
    for position in (0, 960, 5 * SECOND + 7):
        writer.write(frame(1, START + position))
    assert len(tape.tracks[1]) == (5 * SECOND + 7 + 960) * 4
    assert not any(tape.tracks[1][1920 * 4 : (5 * SECOND + 7) * 4])
    assert tape.tracks[1][(5 * SECOND + 7) * 4] == 1


@pytest.mark.parametrize(("sync_start", "begin"), [(True, 3 * SECOND), (False, 0)])
def test_sync_start_puts_silence_before_late_users(sync_start: bool, begin: int) -> None:
    tape = Tape()
    writer = Writer(tape, Timeline(START), sync_start=sync_start)
    writer.write(frame(1, START + 500))
    writer.write(frame(2, START + 500 + 3 * SECOND))
    assert (tape.first(1), tape.first(2)) == (0, begin)


def test_nothing_drifts_in_an_hour() -> None:
    tape = Tape()
    tape.keep = False
    writer = Writer(tape, Timeline(START), sync_start=True)
    for position in range(0, 3600 * SECOND, 960):
        if position % (7 * SECOND) < 3 * SECOND:
            writer.write(frame(1, START + position))
    writer.write(frame(2, START + 3600 * SECOND))
    writer.write(frame(1, START + 3600 * SECOND))
    assert tape.sizes[1] == tape.sizes[2] == (3600 * SECOND + 960) * 4


def test_a_pause_is_cut_out_of_all_tracks_alike() -> None:
    tape, timeline = Tape(), Timeline(START)
    writer = Writer(tape, timeline, sync_start=True)
    for user in (1, 2):
        writer.write(frame(user, START))
    timeline.pause(START + SECOND + 100)
    assert timeline.is_paused
    writer.write(frame(1, START + 2 * SECOND, 9))
    timeline.resume(START + 4 * SECOND)
    assert not timeline.is_paused
    writer.write(frame(1, START + 4 * SECOND - 400, 2))
    writer.write(frame(2, START + 5 * SECOND, 2))
    assert 9 not in tape.tracks[1]
    # Of the frame across the border, the part after the pause is kept.
    assert tape.tracks[1].index(2) == (SECOND + 100) * 4
    assert len(tape.tracks[1]) == (SECOND + 100 + 560) * 4
    assert tape.tracks[2].index(2) == (2 * SECOND + 100) * 4


def test_what_is_before_the_start_or_after_the_stop_is_left_out() -> None:
    tape, timeline = Tape(), Timeline(START)
    writer = Writer(tape, timeline, sync_start=False)
    writer.write(frame(1, START - 960))
    writer.write(frame(1, START - 60))
    timeline.stop(START + SECOND)
    timeline.stop(START + 9 * SECOND)
    assert not timeline.pause(START + 2 * SECOND)
    writer.write(frame(1, START + SECOND - 10))
    writer.write(frame(1, START + SECOND + 950))
    assert len(tape.tracks[1]) == SECOND * 4


def test_users_and_max_size_are_obeyed_to_the_byte() -> None:
    tape = Tape(users=[1], max_size=SECOND * 4 + 40)
    writer = Writer(tape, Timeline(START), sync_start=False)
    writer.write(frame(2, START))
    writer.write(frame(1, START))
    assert not writer.is_full
    writer.write(frame(1, START + SECOND - 100))
    assert writer.is_full
    writer.write(frame(1, START + 2 * SECOND))
    assert dict(tape.sizes) == {1: SECOND * 4 + 40}
    gap = Tape(max_size=SECOND * 4)
    writer = Writer(gap, Timeline(START), sync_start=False)
    writer.write(frame(1, START))
    writer.write(frame(1, START + 900 * SECOND))
    assert writer.is_full
    assert gap.sizes[1] == SECOND * 4


class Frames:
    """A queue whose frames are all there; the clock stands where the test puts it."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)
        self.position = START
        self.closed = threading.Event()
        self.dropped = self.late = 0

    def watch(self, capacity: int, /, *, newest: bool) -> None:
        """It has no file."""

    def take(self, max: int, timeout: float, /) -> list[Any] | None:
        taken, self.items = self.items[:max], self.items[max:]
        if not taken and self.closed.wait(min(timeout, 0.005)):
            return None
        return taken

    def close(self) -> None:
        self.closed.set()


def record(frames: Frames, sink: Sink) -> tuple[SinkRecording, list[Exception | None]]:
    errors: list[Exception | None] = []
    made = SinkRecording(
        frames, lambda: frames.position, sink, sync_start=False, delay=lambda: 0.01, finish=errors.append, log=LOG
    )
    made.start()
    return made, errors


def test_a_stop_keeps_what_was_said_before_it() -> None:
    frames, tape = Frames(), Tape()
    recording, errors = record(frames, tape)
    frames.position += SECOND
    recording.stop()
    frames.items = [frame(1, START), frame(1, START + SECOND)]
    assert recording.join(15)
    assert (tape.sizes, tape.cleaned, errors, frames.closed.is_set()) == ({1: 3840}, 1, [None], True)


def test_a_closed_queue_ends_it() -> None:
    frames, tape = Frames(frame(1, START)), Tape()
    recording, errors = record(frames, tape)
    frames.close()
    assert recording.join(15)
    assert recording.is_over
    assert (tape.sizes, tape.cleaned, errors) == ({1: 3840}, 1, [None])


def test_the_time_filter_ends_it() -> None:
    tape = Tape(time=0.5)
    frames = Frames()
    recording, _ = record(frames, tape)
    frames.position += SECOND
    frames.items = [frame(1, START + SECOND // 2 - 100), frame(1, START + SECOND // 2 + 860)]
    assert recording.join(15)
    assert tape.sizes == {1: 400}


def test_a_sink_that_raises_is_finished_and_its_error_handed_over() -> None:
    error = OSError("disk full")
    tape = Tape(error)
    recording, errors = record(Frames(frame(1, START), frame(1, START + 960)), tape)
    assert recording.join(15)
    assert (tape.cleaned, errors) == (1, [error])


@pytest.mark.parametrize("error", [SystemExit("disk full"), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("place", ["write", "cleanup"])
def test_a_sink_that_wants_to_end_more_than_its_recording_ends_that(place: str, error: BaseException) -> None:
    class Leaving(Tape):
        def write(self, data: bytes, user: int, /) -> None:
            if place == "write":
                raise error

        def cleanup(self) -> None:
            super().cleanup()
            if place == "cleanup":
                raise error

    tape = Leaving()
    recording, errors = record(Frames(frame(1, START)), tape)
    if place == "cleanup":
        recording.stop()
    assert recording.join(15)
    assert (recording.is_over, tape.cleaned, is_in_use(tape)) == (True, 1, False)
    report = recording.report
    assert report is not None
    assert errors == [report.error]
    assert isinstance(report.error, RuntimeError)
    assert report.error.__cause__ is error


def test_a_callback_that_wants_to_end_more_than_itself_is_told(caplog: pytest.LogCaptureFixture) -> None:
    frames = Frames()
    recording = SinkRecording(
        frames, lambda: START, Tape(), sync_start=False, delay=lambda: 0.01, finish=lambda error: sys.exit(3), log=LOG
    )
    recording.start()
    recording.stop()
    assert recording.join(15)
    assert "The callback of a recording failed" in caplog.text
    assert recording not in unfinished()


class TestMark:
    @pytest.mark.parametrize("place", [math.nan, float(START), "1"])
    def test_a_moment_that_is_no_number_is_refused(self, place: Any) -> None:
        recording, _ = record(Frames(), Tape())
        with pytest.raises(TypeError, match="int"):
            recording.mark("topic", place)
        self.ends_without_marks(recording)

    @pytest.mark.parametrize("place", [-1, 0, START - 121 * SECOND, START + 2 * SECOND, 1_700_000_000_000_000_000])
    def test_a_moment_outside_of_it_is_refused(self, place: int) -> None:
        recording, _ = record(Frames(), Tape())
        with pytest.raises(ValueError, match=rf"position {START} .* {place} is no moment"):
            recording.mark("topic", place)
        self.ends_without_marks(recording)

    @pytest.mark.parametrize("title", ["\ud800", "half \udfff"])
    def test_a_title_that_no_file_can_have_is_refused(self, title: str) -> None:
        recording, _ = record(Frames(), Tape())
        with pytest.raises(ValueError, match="half a character"):
            recording.mark(title)
        self.ends_without_marks(recording)

    def test_what_began_before_it_is_at_its_beginning(self) -> None:
        frames = Frames()
        recording, _ = record(frames, Tape())
        frames.position += SECOND
        recording.mark("spoke already", START - SECOND // 2)
        recording.mark("half", START + SECOND // 2)
        recording.mark("now")
        recording.stop()
        assert recording.join(15)
        assert recording.report is not None
        assert recording.report.marks == [(0.0, "spoke already"), (0.5, "half"), (1.0, "now")]

    def ends_without_marks(self, recording: SinkRecording) -> None:
        recording.stop()
        assert recording.join(15)
        assert recording.report is not None
        assert recording.report.marks == []


def test_a_name_that_no_file_can_have_costs_no_timeline(tmp_path: Path) -> None:
    speaker = Speaker(1, "half \ud800", (), -1.0, -2.0, None, (), 1.0, 0.0)
    timeline = SpeakerTimeline(datetime(2026, 1, 1, tzinfo=timezone.utc), 1.0, {1: speaker})
    timeline.save(tmp_path / "timeline.json")
    (told,) = json.loads((tmp_path / "timeline.json").read_text("utf-8"))["speakers"]
    assert told["name"] == "half ?"


def test_the_wave_header_tells_the_size() -> None:
    with wave.open(io.BytesIO(wave_header(3840) + bytes(3840)), "rb") as opened:
        assert opened.getparams()[:4] == (2, 2, SECOND, 960)
    assert len(wave_header(1 << 33)) == 44


@pytest.mark.parametrize(("drop", "kept"), [("oldest", [3, 4]), ("newest", [0, 1])])
async def test_listening_drops_what_the_user_chose(drop: Any, kept: list[int]) -> None:
    event = SimpleNamespace(user_id=1, speaking=True, position=START)
    frames = Frames(event, *(frame(1, START + at) for at in range(5)))
    frames.close()
    listening = Listening(frames, speaking=True, capacity=2, drop=drop)
    while not listening._waiting._ended:
        await asyncio.sleep(0.001)
    got = [item async for item in listening]
    assert got[0] is event
    assert [item.position - START for item in got[1:]] == kept
    assert listening.dropped == 3


async def test_listening_that_is_forgotten_closes_its_queue() -> None:
    frames = Frames(frame(1, START))
    async for _ in Listening(frames, speaking=False, capacity=5, drop="oldest"):
        break
    assert frames.closed.wait(15)


def test_places_of_a_recording_are_found_on_the_clock() -> None:
    timeline = Timeline(START)
    timeline.pause(START + 100)
    timeline.resume(START + 500)
    timeline.pause(START + 500)
    timeline.resume(START + 700)
    assert [timeline.position(place) - START for place in (0, 99, 100, 250)] == [0, 99, 700, 850]
    assert [timeline.position(place, is_end=True) - START for place in (100, 101)] == [100, 701]
    assert all(timeline.time(timeline.position(place)) == place for place in range(0, 300, 7))
    timeline.stop(START + 1_000)
    # What ends a little after the recording does, as a frame may.
    assert timeline.position(405) - START == 1_005
