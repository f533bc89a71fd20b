"""Recordings whose voices are cleaned, under whichever bot library this interpreter has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isocord.sinks import FLACSink, MKASink, OGGSink, WaveSink

from .recordings import left, read, reports_of
from .world import RATE, World, np


def fan(seconds: float) -> bytes:
    """Noise that is deep rather than high, as most is."""
    count = round(seconds * RATE)
    white = np.fft.rfft(np.random.default_rng(1).normal(0, 3_000, count))
    turn = np.exp(-2j * np.pi * np.arange(len(white)) / count)
    samples = np.fft.irfft(white * 0.1 / (1 - 0.9 * turn), count).astype("<i2")
    return bytes(np.repeat(samples, 2).tobytes())


def power(path: Any, seconds: float = 1.0) -> float:
    """Of the last of it, once there was time to hear what is noise, and before the silence at the end."""
    sound = read(path).astype(float)
    loud = int(np.flatnonzero(np.abs(sound) > 50)[-1]) if (np.abs(sound) > 50).any() else len(sound)
    return float((sound[loud - round(seconds * RATE) : loud] ** 2).mean())


@pytest.mark.parametrize("kind", [FLACSink, OGGSink, MKASink])
async def test_noise_is_taken_out_of_tracks_and_the_mixdown(world: World, tmp_path: Path, kind: Any) -> None:
    plain = WaveSink(tmp_path / "plain")
    clean = kind(tmp_path / "clean", mixdown=tmp_path / "mixed", denoise=True)
    plain_report, report = await reports_of(world, {"alice": fan(3.0)}, plain, clean)
    track, mixdown = report.tracks
    assert (track.error, mixdown.error) == (None, None)
    before = power(plain_report.tracks[0].path)
    assert before > 100_000
    sound = read(track.path).astype(float)
    middle = slice(round(1.5 * RATE), round(2.5 * RATE))
    assert (sound[middle] ** 2).mean() < before / 10
    mixed = read(mixdown.path).astype(float)
    assert (mixed[middle] ** 2).mean() < before / 10
    assert track.duration == pytest.approx(report.duration, abs=0.03)


async def test_the_mixdown_is_the_sum_of_clean_tracks(world: World, tmp_path: Path) -> None:
    tones = {"alice": fan(2.0), "bob": fan(2.0)}
    sink = WaveSink(tmp_path / "each", mixdown=tmp_path / "all.wav", denoise=True, normalize=-30)
    (report,) = await reports_of(world, tones, sink)
    *tracks, mixdown = report.tracks
    pcm = [left(track.path).astype(int) for track in tracks]
    summed = left(mixdown.path)
    assert len({len(track) for track in [*pcm, summed]}) == 1
    assert np.array_equal(np.clip(sum(pcm), -32_768, 32_767), summed)


async def test_quiet_and_loud_users_come_to_one_loudness(world: World, tmp_path: Path) -> None:
    quiet = np.frombuffer(fan(4.0), "<i2")
    loud = (quiet.astype(int) * 8).clip(-32_768, 32_767).astype("<i2")
    sounds = {"alice": quiet.tobytes(), "bob": loud.tobytes()}
    plain, even = await reports_of(
        world, sounds, WaveSink(tmp_path / "plain"), WaveSink(tmp_path / "even", normalize=True)
    )
    apart = [
        abs(10 * np.log10(power(report.tracks[0].path, 0.5) / power(report.tracks[1].path, 0.5)))
        for report in (plain, even)
    ]
    assert apart[0] > 15
    assert apart[1] < 3


def test_what_is_no_loudness() -> None:
    for loudness in (1.0, -50, float("nan")):
        with pytest.raises(ValueError, match="LUFS"):
            WaveSink("x", normalize=loudness)
    assert (WaveSink("x", normalize=True).normalize, WaveSink("x").normalize) == (-16.0, None)
