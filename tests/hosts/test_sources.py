"""What may be played: isocord's files among the library's own sources and wrappers, and what is said of the rest."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest

import isocord

from .world import Tone, World, has_sources, library, until, wave_file

pytestmark = has_sources


def audio_file(seconds: float = 60.0, **options: Any) -> isocord.AudioFile:
    return isocord.AudioFile(io.BytesIO(wave_file(b"\x10\x20" * 1920 * round(seconds * 50))), **options)


def feeders() -> set[threading.Thread]:
    """Threads that read sources in Python."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("isocord-feed")}


def test_a_file_is_a_source_of_the_library() -> None:
    source = audio_file(1)
    assert isinstance(source, library.AudioSource)
    assert isinstance(source, isocord.AudioFile)
    assert not isinstance(source, library.PCMVolumeTransformer)
    assert type(source) is isocord.AudioFile
    assert source.__class__.__name__ == "AudioFile"


def test_a_transformer_around_a_file_is_read_as_ever_while_it_does_not_play() -> None:
    wrapped = library.PCMVolumeTransformer(audio_file(1), volume=0.5)
    assert wrapped.read() == b"\x08\x10" * 1920


class TestVolume:
    async def test_a_transformer_around_a_file_plays_natively(self, world: World) -> None:
        alice, before = world.discord.listen("General", user="alice"), feeders()
        voice = await world.connect()
        file = audio_file(volume=0.5)
        source = library.PCMVolumeTransformer(file, volume=0.5)
        voice.play(source)
        assert voice.source is source
        assert isinstance(source, library.PCMVolumeTransformer)
        await until(lambda: len(alice.arrivals()) > 5)
        assert feeders() <= before
        assert file.volume == 0.25
        voice.source.volume = 1.5
        assert (source.volume, file.volume) == (1.5, 0.75)
        source.volume = 9.0
        assert (source.volume, file.volume) == (9.0, 1.0)
        source.volume = -1
        assert (source.volume, file.volume) == (0.0, 0.0)
        voice.stop()
        source.volume = 0.7
        assert source.volume == 0.7

    async def test_a_file_that_plays_may_be_wrapped_and_unwrapped(self, world: World) -> None:
        alice, before = world.discord.listen("General", user="alice"), feeders()
        voice = await world.connect()
        file = audio_file()
        ended: list[Exception | None] = []
        voice.play(file, after=ended.append)
        await until(lambda: len(alice.arrivals()) > 5)
        voice.source = library.PCMVolumeTransformer(voice.source, volume=0.5)
        assert file.volume == 0.5
        voice.source = library.PCMVolumeTransformer(voice.source, volume=0.5)
        assert file.volume == 0.25
        inner = voice.source.original
        inner.volume = 1.0
        assert file.volume == 0.5
        voice.source = inner
        assert file.volume == 1.0
        voice.source = file
        inner.volume = 0.1
        assert (voice.source, file.volume) == (file, 1.0)
        seen = len(alice.arrivals())
        await until(lambda: len(alice.arrivals()) > seen + 5)
        assert feeders() <= before
        assert not ended

    async def test_what_is_refused_leaves_the_transformer_alone(self, world: World) -> None:
        voice = await world.connect()
        source = library.PCMVolumeTransformer(audio_file(1), volume=0.5)
        with pytest.raises(ValueError, match="lookahead"):
            voice.play(source, lookahead=0)
        assert type(source) is library.PCMVolumeTransformer
        assert source.read() == b"\x08\x10" * 1920

    async def test_a_transformer_of_the_bots_own_is_read_in_python(self, world: World) -> None:
        class Halved(library.PCMVolumeTransformer):  # type: ignore[misc, name-defined]
            reads = 0

            def read(self) -> bytes:
                self.reads += 1
                return bytes(super().read())

        voice = await world.connect()
        source = Halved(audio_file(0.2), volume=0.5)
        assert await asyncio.wait_for(voice.play(source, wait_finish=True), 15) is None
        assert source.reads > 10


class TestEnd:
    async def test_the_last_source_can_still_be_asked(self, world: World) -> None:
        voice = await world.connect()
        source = Tone(3)
        await voice.play(source, wait_finish=True)
        assert voice.source is source
        with pytest.raises(ValueError, match="not playing"):
            voice.source = Tone()
        voice.stop()
        assert voice.source is None

    async def test_after_may_be_a_coroutine_function(self, world: World) -> None:
        voice = await world.connect()
        done = asyncio.Event()

        async def after(error: Exception | None) -> None:
            done.set()

        voice.play(Tone(3), after=after)
        await asyncio.wait_for(done.wait(), 15)


class TestRefused:
    @pytest.mark.parametrize(
        ("wrong", "instead"),
        [
            ("song.mp3", r"str: play isocord\.AudioFile\('song\.mp3'\)"),
            ("https://example.org/a.mp3", r"URL: play isocord\.AudioFile\(url\)"),
            (b"RIFF", r"isocord\.AudioFile\(io\.BytesIO\(data\)\)"),
            (Tone, r"the class Tone: make one of it, Tone\(\.\.\.\)"),
            (isocord.AudioFile, r"the class AudioFile: make one of it"),
        ],
    )
    async def test_what_to_play_instead(self, world: World, wrong: Any, instead: str) -> None:
        voice = await world.connect()
        with pytest.raises(TypeError, match=instead):
            voice.play(wrong)

    async def test_what_to_record_into_instead(self, world: World) -> None:
        voice = await world.connect()
        with pytest.raises(isocord.NotASinkError, match=r"the class WaveSink: make one of it, WaveSink\(\.\.\.\)"):
            voice.start_recording(isocord.sinks.WaveSink)
        with pytest.raises(isocord.NotASinkError, match=r"str: record into isocord\.sinks\.WaveSink\('meeting'\)"):
            voice.start_recording("meeting")
        assert not voice.is_recording()
