"""What the reference page says of play(), source, pause and stop holds for each of the desk's sources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import isocord

from .ears import Ear, heard_by, sine
from .world import Tone, World, library, until


def mixer(path: Path) -> Any:
    made = isocord.Mixer()
    made.play(path)
    return made


SOURCES: dict[str, Callable[[Path], Any]] = {
    "Mixer": mixer,
    "Queue": isocord.Queue,
    "Filtered": lambda path: isocord.Filtered(path, isocord.filters.HighPass(frequency=10)),
    "Broadcast": isocord.Broadcast,
}


@pytest.fixture(params=SOURCES)
def make(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    return SOURCES[request.param]


def client_exception() -> type[Exception]:
    return library.ClientException if hasattr(library, "ClientException") else library.errors.ClientException


async def test_its_end_is_told_and_it_cannot_play_beside_itself(
    world: World, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    voice = await world.connect()
    source = make(sine(tmp_path / "one.wav", 0.8, 400))
    assert isinstance(source, library.AudioSource)
    told: list[Exception | None] = []
    assert voice.source is None
    end = voice.play(source, after=told.append, wait_finish=True)
    assert voice.is_playing()
    assert voice.source is source
    for other in (source, make(tmp_path / "one.wav")):
        with pytest.raises(client_exception(), match="Already playing audio"):
            voice.play(other)
    assert await asyncio.wait_for(end, 15) is None
    assert told == [None]
    assert not voice.is_playing()
    assert voice.elapsed().total_seconds() >= 0.8


async def test_it_is_held_goes_on_and_is_stopped(world: World, tmp_path: Path, make: Callable[[Path], Any]) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    told: list[Exception | None] = []
    assert voice.play(make(sine(tmp_path / "one.wav", 30.0, 400)), after=told.append) is None
    await heard_by(world, listener, 10)
    voice.pause()
    assert (voice.is_playing(), voice.is_paused()) == (False, True)
    await until(lambda: listener.arrivals()[-1].is_silence)
    held = len(listener.arrivals())
    voice.resume()
    assert (voice.is_playing(), voice.is_paused()) == (True, False)
    await heard_by(world, listener, held + 10)
    ear = Ear(listener)
    await until(lambda: abs(ear.tone(400) - 1.0) < 0.06)
    assert not told
    voice.stop()
    assert (voice.is_playing(), voice.is_paused(), voice.source) == (False, False, None)
    await until(lambda: told == [None])


async def test_it_takes_the_place_of_what_plays_and_another_its(
    world: World, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    ear = Ear(listener)
    told: list[Exception | None] = []
    voice.play(isocord.AudioFile(sine(tmp_path / "one.wav", 30.0, 400)), after=told.append)
    await heard_by(world, listener, 10)
    second = make(sine(tmp_path / "two.wav", 30.0, 700))
    voice.source = second
    assert voice.source is second
    await until(lambda: abs(ear.tone(700) - 1.0) < 0.06)
    third = isocord.AudioFile(sine(tmp_path / "three.wav", 1.0, 900))
    voice.source = third
    await until(lambda: abs(ear.tone(900) - 1.0) < 0.06)
    # One call of play(), one end.
    await until(lambda: told == [None])
    with pytest.raises(ValueError, match="not playing anything"):
        voice.source = make(tmp_path / "one.wav")


async def test_what_plays_elsewhere_or_is_none_is_refused_and_what_plays_goes_on(
    world: World, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    voice = await world.connect()
    path = sine(tmp_path / "one.wav", 30.0, 400)
    source = make(path)
    if not isinstance(source, isocord.Broadcast):
        held = isocord.Broadcast(source)
        with pytest.raises(isocord.AudioFileError, match=r"plays already|already plays"):
            voice.play(source)
        held.stop()
    voice.play(isocord.Broadcast(path))
    for wrong, text in ((type(source), "make one of it"), (path, "AudioFile"), (object(), "not object")):
        with pytest.raises(TypeError, match=text):
            voice.source = wrong
    assert voice.is_playing()
    voice.stop()
    with pytest.raises(TypeError, match="callable"):
        voice.play(make(path), after=5)


async def test_an_error_of_a_source_in_python_reaches_after(world: World) -> None:
    voice = await world.connect()
    for make in (isocord.Filtered, isocord.Broadcast):
        failure = OSError("the far end is gone")
        source = Tone(10, failure)
        assert await asyncio.wait_for(voice.play(make(source), wait_finish=True), 15) is failure
        await until(lambda source=source: source.cleaned == 1)


async def test_filters_are_closed_when_they_have_played(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    for source in (
        isocord.Filtered(sine(tmp_path / "one.wav", 0.2)),
        isocord.AudioFile(tmp_path / "one.wav"),
    ):
        await asyncio.wait_for(voice.play(source, wait_finish=True), 15)
        with pytest.raises(isocord.AudioFileError, match="closed"):
            voice.play(source)
    assert not voice.is_playing()
