"""What a listener hears of files that play: volumes that change, and one file after another."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

import isocord

from .ears import FRAME, IDEAL, Ear, heard_by, sine
from .world import RATE, World, np, until


async def test_volumes_are_heard_without_a_click_and_no_frame_is_lost(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    file = isocord.AudioFile(sine(tmp_path / "sine.wav", 4.0))
    done, ear = voice.play(file, wait_finish=True), Ear(listener)
    # None is 0.0, of which a packet may be the one that silence is told by: the ear takes it for that.
    # That one is heard from the third frame on is held in virtual time: rust/io, play/deck/seam_tests.rs.
    for volume in (0.2, 1.0, 0.6, 0.01, 1.5, 0.9):
        await heard_by(world, listener, len(listener.arrivals()) + 10)
        file.volume = volume
        await until(lambda volume=volume: ear.level() == pytest.approx(volume, abs=0.04))  # type: ignore[misc]
    await done
    assert file.error is None
    # The end is told with the last frame, which is on its way then.
    await until(lambda: listener.arrivals()[-1].is_silence)
    assert listener.gaps().lost == 0
    sound = ear.sound()
    # The first may have left while the bot was alone in the call, or with the keys of before the listener's time.
    unheard = voice.stats.withheld + listener.early
    assert 4 * RATE - unheard * FRAME <= len(sound) <= 4 * RATE, "no frame is lost, and none comes twice"
    if voice.stats.underruns == 0:
        # A machine that had no time for the sound for so long that the lookahead ran out has torn it up itself.
        bends = np.abs(np.diff(sound[4 * FRAME :], 2))
        # The loudest part has a larger one by itself.
        assert bends.max() <= 2 * IDEAL, f"{bends.max()} where {IDEAL} is right"


async def test_no_silence_lies_between_two_files(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    paths = [sine(tmp_path / f"{number}.wav", 1.5) for number in range(4)]
    files = [isocord.AudioFile(path) for path in paths]
    voice.play(files[0])
    for number in range(1, 4):
        await heard_by(world, listener, 20 * number)
        voice.source = files[number]
    await until(lambda: not voice.is_playing())
    await until(lambda: [arrival.is_silence for arrival in listener.arrivals()[-5:]] == [True] * 5)
    silences = [arrival.is_silence for arrival in listener.arrivals()]
    # More is only where a busy machine had no time for the sound.
    assert voice.stats.underruns or silences.count(True) == 5, "silence is sent at the end, and nowhere else"


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
    # The first may have left while the bot was alone in the call, or with the keys of before the listener's time.
    unheard = voice.stats.withheld + listener.early
    assert 8 * 15 - unheard <= sum(not arrival.is_silence for arrival in listener.arrivals()) <= 8 * 15
    assert listener.gaps().lost == 0
    # That no silence lies between where ``after`` takes less than 20 ms is held in virtual time: rust/proto/tests.
    ends = [len(list(run)) for is_silence, run in groupby(listener.arrivals(), lambda a: a.is_silence) if is_silence]
    assert ends[-1] == 5
    assert max(ends) <= 5, "silence is sent once at an end"
