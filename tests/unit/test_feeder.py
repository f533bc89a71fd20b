"""The feeder: batches, padding, live sources, ends."""

from __future__ import annotations

import threading
import time

import pytest

from isocord.playing.sources.feeder import Feeder, kill_feeders

from .fakes import FakeTrack, wait_until


class Script:
    """Gives frames from a list, waiting before each."""

    def __init__(self, frames: list[bytes], *, opus: bool = False, pause: float = 0.0) -> None:
        self.frames = list(frames)
        self.opus = opus
        self.pause = pause

    def read(self) -> bytes:
        if self.pause:
            time.sleep(self.pause)
        return self.frames.pop(0) if self.frames else b""

    def is_opus(self) -> bool:
        return self.opus

    def cleanup(self) -> None:
        pytest.fail("the feeder does not clean up")


def feed(source: Script, track: FakeTrack, ends: list[BaseException | None]) -> Feeder:
    feeder = Feeder(
        source,
        track,  # type: ignore[arg-type]
        opus=source.opus,
        on_end=ends.append,
    )
    feeder.start()
    return feeder


FRAME = b"\2" * 3840


def test_batches_grow_to_sixteen() -> None:
    track, ends = FakeTrack("pcm", 100), []
    feed(Script([FRAME] * 70), track, ends)
    wait_until(lambda: track.finishing)
    assert track.batches[:6] == [1, 2, 4, 8, 16, 16]
    assert sum(track.batches) == 70
    track.end_as("finished")
    wait_until(lambda: ends)
    assert ends == [None]


@pytest.mark.parametrize("junk", [17, [1], "frame", object()])
def test_what_is_no_sound_is_an_error_and_no_silence(junk: object) -> None:
    track, ends = FakeTrack("pcm", 100), []
    feed(Script([FRAME, junk]), track, ends)  # type: ignore[list-item]
    wait_until(lambda: track.finishing)
    track.end_as("finished")
    wait_until(lambda: ends)
    assert isinstance(ends[0], TypeError)


def test_a_source_in_real_time_is_handed_over_frame_by_frame() -> None:
    track, ends = FakeTrack("pcm", 25), []
    feed(Script([FRAME] * 6, pause=0.02), track, ends)
    # What is queued is taken at once, as the clock would.
    while not track.finishing:
        track.take()
        time.sleep(0.001)
    assert track.batches == [1] * 6
    track.end_as("finished")
    wait_until(lambda: ends)


def test_short_frames_are_padded_and_long_ones_cut() -> None:
    track, ends = FakeTrack("pcm"), []
    feed(Script([b"\1" * 10, b"\2" * 5000, bytearray(FRAME)]), track, ends)  # type: ignore[list-item]
    wait_until(lambda: track.finishing)
    assert track.frames == [b"\1" * 10 + b"\0" * 3830, b"\2" * 3840, FRAME]
    track.end_as("finished")
    wait_until(lambda: ends)


def test_opus_packets_stay_as_they_are() -> None:
    track, ends = FakeTrack("opus"), []
    feed(Script([b"a", b"bb", b"ccc"], opus=True), track, ends)
    wait_until(lambda: track.finishing)
    assert track.frames == [b"a", b"bb", b"ccc"]
    track.end_as("finished")
    wait_until(lambda: ends)


def test_it_reads_no_further_than_the_lookahead() -> None:
    track, ends = FakeTrack("pcm", 10), []
    source = Script([FRAME] * 50)
    feeder = feed(source, track, ends)
    wait_until(lambda: len(track.frames) == 10)
    assert len(source.frames) == 40
    assert feeder.reading
    track.end_as("stopped")
    wait_until(lambda: ends)
    assert ends == [None]
    assert len(source.frames) >= 32


def test_the_frames_before_an_error_are_played() -> None:
    class Breaking(Script):
        def read(self) -> bytes:
            if not self.frames:
                raise OSError("gone")
            return super().read()

    track, ends = FakeTrack("pcm", 100), []
    feed(Breaking([FRAME] * 30), track, ends)
    wait_until(lambda: track.finishing)
    assert sum(track.batches) == 30
    track.end_as("finished")
    wait_until(lambda: ends)
    assert [str(error) for error in ends] == ["gone"]


def test_a_cancelled_feeder_of_a_track_that_never_starts_ends() -> None:
    track, ends = FakeTrack("pcm", 4), []
    feeder = feed(Script([FRAME] * 50), track, ends)
    wait_until(lambda: len(track.frames) == 4)
    feeder.cancel()
    wait_until(lambda: ends)


def test_a_cancelled_feeder_that_waits_for_the_end_ends() -> None:
    track, ends = FakeTrack("pcm"), []
    feeder = feed(Script([FRAME]), track, ends)
    wait_until(lambda: track.finishing)
    feeder.cancel()
    wait_until(lambda: ends)


def test_at_exit_hanging_sources_are_released() -> None:
    released = threading.Event()

    class Hanging(Script):
        def read(self) -> bytes:
            released.wait(15)
            return b""

    ends: list[BaseException | None] = []
    feeder = Feeder(
        Hanging([]),
        FakeTrack("pcm"),  # type: ignore[arg-type]
        opus=False,
        on_end=ends.append,
        kill=released.set,
    )
    feeder.start()
    kill_feeders()
    wait_until(lambda: ends)


def test_why_a_source_gave_no_more_is_the_error_after_all_that_it_gave_has_played() -> None:
    track, ends = FakeTrack("pcm"), []
    why = RuntimeError("it broke off")
    Feeder(
        Script([FRAME] * 3),
        track,  # type: ignore[arg-type]
        opus=False,
        on_end=ends.append,
        failure=lambda: why,
    ).start()
    wait_until(lambda: track.finishing)
    assert len(track.frames) == 3
    assert ends == []
    track.end_as("finished")
    wait_until(lambda: ends)
    assert ends == [why]
