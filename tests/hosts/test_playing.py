"""What a listener hears of files that play: volumes that change, and one file after another."""

from __future__ import annotations

import wave
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import isocord

from .world import RATE, World, np, until

PITCH = 240.0
LEVEL = 16_000.0
FRAME = 960
IDEAL = LEVEL * (2 * np.pi * PITCH / RATE) ** 2
"""The largest second difference of the sine."""


def sine(path: Path, seconds: float) -> Path:
    """A WAV file; whole periods, so that the next one goes on where it ends."""
    values = LEVEL * np.sin(2 * np.pi * PITCH * np.arange(int(seconds * RATE)) / RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.repeat(values.astype("<i2"), 2).tobytes())
    return path


async def heard_by(world: World, listener: Any, frames: int) -> None:
    await until(lambda: len(listener.arrivals()) >= frames)


def decoded(listener: Any) -> Any:
    """The left side of what came, frame after frame, up to the first silence."""
    decoder, pieces = isocord._native.OpusDecoder(), []
    for arrival in listener.arrivals():
        if arrival.is_silence:
            break
        pieces.append(np.frombuffer(decoder.decode(arrival.opus), "<i2")[::2].astype(float))
    return np.concatenate(pieces)


async def test_a_volume_is_heard_within_60_ms_and_without_a_click(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    file = isocord.AudioFile(sine(tmp_path / "sine.wav", 4.0))
    done = voice.play(file, wait_finish=True)
    volumes = [0.2, 1.0, 0.6, 0.0, 1.5, 0.9]
    changes = []
    for number, volume in enumerate(volumes, 1):
        await heard_by(world, listener, 25 * number)
        file.volume = volume
        # What had left by then the sender knows best: a listener on a busy machine is behind.
        changes.append((round(voice.elapsed().total_seconds() / 0.02), volume))
    await done
    assert file.error is None
    # The end is told with the last frame, which is on its way then.
    await until(lambda: listener.arrivals()[-1].is_silence)
    sound = decoded(listener)
    # That not one frame is lost or comes twice is held frame by frame in rust/io, play/deck/seam_tests.rs.
    assert 4 * RATE - 2 * FRAME <= len(sound) <= 4 * RATE
    bends = np.abs(np.diff(sound[4 * FRAME :], 2))
    # The loudest part has a larger one by itself.
    assert bends.max() <= 2 * IDEAL, f"{bends.max()} where {IDEAL} is right"
    for left, volume in changes:
        # One may be on its way while they are counted.
        begins = (left + 1 + 3) * FRAME
        level = np.abs(sound[begins : begins + 10 * FRAME]).max() / LEVEL
        assert level == pytest.approx(volume, abs=0.04)


async def test_no_silence_lies_between_two_files(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    paths = [sine(tmp_path / f"{number}.wav", 0.5) for number in range(4)]
    files = [isocord.AudioFile(path) for path in paths]
    voice.play(files[0])
    for number in range(1, 4):
        await heard_by(world, listener, 20 * number)
        voice.source = files[number]
    await until(lambda: not voice.is_playing())
    await until(lambda: sum(arrival.is_silence for arrival in listener.arrivals()) >= 5)
    silences = [arrival.is_silence for arrival in listener.arrivals()]
    assert silences.count(True) == 5
    assert silences[-5:] == [True] * 5, "silence is sent at the end, and nowhere else"


async def test_after_plays_the_next_file_and_no_frame_is_lost(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    left = [isocord.AudioFile(sine(tmp_path / f"{number}.wav", 0.3)) for number in range(8)]

    def play_next(error: Exception | None = None) -> None:
        assert error is None
        if left:
            voice.play(left.pop(), after=play_next)

    play_next()
    await until(lambda: not left and not voice.is_playing())
    await until(lambda: sum(arrival.is_silence for arrival in listener.arrivals()[-5:]) == 5)
    assert sum(not arrival.is_silence for arrival in listener.arrivals()) == 8 * 15
    assert listener.gaps().lost == 0
    # That no silence lies between where ``after`` takes less than 20 ms is held in virtual time: rust/proto/tests.
    ends = [len(list(run)) for is_silence, run in groupby(listener.arrivals(), lambda a: a.is_silence) if is_silence]
    assert ends[-1] == 5
    assert max(ends) <= 5, "silence is sent once at an end"
