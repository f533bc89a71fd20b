"""How big files may get, under whichever bot library this interpreter has."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import isocord

from .recordings import Finished, record
from .world import RATE, World, np, until

NAMES = ["WaveSink", "PCMSink", "FLACSink", "OGGSink", "MP3Sink", "MKASink", "WebMSink", "MP4Sink", "M4ASink"]


def noise(seconds: float) -> bytes:
    """What no coder makes small."""
    samples: bytes = np.random.default_rng(1).normal(0, 6_000, round(seconds * 96_000)).astype("<i2").tobytes()
    return samples


def sink_of(name: str, target: Any, **options: Any) -> Any:
    if name in ("MP4Sink", "M4ASink") and shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg")
    return getattr(isocord.sinks, name)(target, **options)


@pytest.mark.parametrize("name", NAMES)
async def test_no_file_is_bigger_than_it_may_be(world: World, tmp_path: Path, name: str) -> None:
    most = 50_000
    voice = await world.connect()
    (bob,) = (world.discord.speak("General", user="bob"),)
    done = Finished()
    sink = sink_of(name, tmp_path, max_size=most)
    voice.start_recording(sink, done)
    bob.play(noise(30.0))
    await until(lambda: done.calls)
    assert not voice.is_recording()
    track = sink.audio_data[bob.user_id]
    assert (track.is_cut, track.error, sink.report.reason) == (True, None, "size")
    size = os.path.getsize(track.path)
    assert track.size == size <= most
    # What ffmpeg encodes ends with a fragment of half a second.
    assert size > (most - 9_000 if name.startswith("M4") or name == "MP4Sink" else 0.9 * most)
    if name != "PCMSink":
        av = pytest.importorskip("av")
        with av.open(track.path) as opened:
            length = sum(frame.samples / frame.sample_rate for frame in opened.decode(audio=0))
        assert track.duration == pytest.approx(length, abs=0.06)


@pytest.mark.parametrize("name", ["MP4Sink", "M4ASink"])
async def test_what_the_encoder_puts_before_the_sound_is_not_heard(world: World, tmp_path: Path, name: str) -> None:
    av = pytest.importorskip("av")
    voice = await world.connect()
    speakers = world.speak(0.6, "bob")
    sink = sink_of(name, tmp_path)
    await record(voice, sink, speakers)
    track = sink.audio_data[speakers[0].user_id]
    with av.open(track.path) as opened:
        samples = sum(frame.samples for frame in opened.decode(audio=0))
    # AAC comes in frames of 1,024 samples: the last one is not full. One too many at the start would make it later.
    assert 0 <= samples - round(track.duration * RATE) < 1024


@pytest.mark.parametrize("name", ["OGGSink", "MKASink", "MP4Sink"])
async def test_one_file_for_all_in_memory(world: World, name: str) -> None:
    voice = await world.connect()
    speakers = [world.discord.speak("General", user=user) for user in ("alice", "bob")]
    done, file = Finished(), io.BytesIO()
    sink = sink_of(name, file, mixdown=True, max_size=40_000)
    voice.start_recording(sink, done)
    for speaker in speakers:
        speaker.play(noise(30.0))
    await until(lambda: done.calls)
    assert 30_000 < len(file.getvalue()) <= 40_000
    assert sink.audio_data[None].size == len(file.getvalue())


@pytest.mark.parametrize("name", NAMES)
async def test_a_size_that_no_file_can_have_is_refused(world: World, tmp_path: Path, name: str) -> None:
    voice = await world.connect()
    for layout, target in ({}, tmp_path / "each"), ({"mixdown": True}, tmp_path / "all"):
        with pytest.raises(ValueError, match="cannot be kept to 20 bytes"):
            voice.start_recording(sink_of(name, target, max_size=20, **layout))
        assert not voice.is_recording()
    assert not (tmp_path / "all").exists()
