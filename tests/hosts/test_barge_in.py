"""What plays is faded out natively when somebody speaks over it, in an encrypted call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord

from .ears import sine
from .voices import voice as babble
from .world import World, encode_pcm, library, logged_in, np, until

WRITTEN = 24_000
SILENCES = 5


async def encrypted() -> AsyncIterator[World]:
    async with logged_in(dave_version=1) as world:
        yield world


call = pytest.fixture(encrypted)
SPOKEN = list(encode_pcm(babble(2.0), "auto"))


def hum(seconds: float) -> bytes:
    at = np.arange(int(seconds * WRITTEN)) / WRITTEN
    data: bytes = (16_000 * np.sin(2 * np.pi * 240.0 * at)).astype("<i2").tobytes()
    return data


class Hum(library.AudioSource):  # type: ignore[misc, name-defined]
    """One of the bot library's own sources, of PCM or of packets."""

    def __init__(self, opus: bool) -> None:
        at = np.arange(960 * 4) / 48_000
        pcm = np.repeat((16_000 * np.sin(2 * np.pi * 250.0 * at)).astype("<i2"), 2).tobytes() * 100
        plain = [pcm[at : at + 3840] for at in range(0, len(pcm), 3840)]
        self.frames = iter(encode_pcm(pcm, "auto") if opus else plain)
        self.opus = opus
        self.cleaned = 0

    def read(self) -> bytes:
        return next(self.frames, b"")

    def is_opus(self) -> bool:
        return self.opus

    def cleanup(self) -> None:
        self.cleaned += 1


async def chunks() -> AsyncIterator[bytes]:
    while True:
        yield hum(0.25)


def made(kind: str, path: Path) -> Any:
    """A source of every kind, of ten seconds or so."""
    file = sine(path / "hum.wav", 10.0)
    if kind == "AudioFile":
        return isocord.AudioFile(file)
    if kind == "Mixer":
        mixer = isocord.Mixer()
        mixer.play(str(file))
        return mixer
    if kind == "Queue":
        return isocord.Queue(str(file), str(file), crossfade=1.0)
    if kind == "StreamSource":
        stream = isocord.StreamSource(WRITTEN, capacity=20.0)
        stream.write_nowait(hum(10.0))
        return stream
    if kind == "Filtered":
        return isocord.Filtered(isocord.AudioFile(file), isocord.filters.Timescale(1.1))
    if kind == "iterator":
        return chunks()
    return Hum(opus=kind == "packets")


KINDS = ["AudioFile", "Mixer", "Queue", "StreamSource", "Filtered", "iterator", "PCM", "packets"]


class Scene:
    """A bot that plays to bob, over whom alice speaks."""

    def __init__(self, world: World, voice: Any) -> None:
        self.voice = voice
        self.listener = world.discord.listen("General", user="bob", only=world.bot.user.id)
        self.alice = world.discord.speak("General", user="alice")

    @property
    def sounds(self) -> list[bool]:
        """For each packet that came to bob, whether it was more than silence."""
        return [not arrival.is_silence for arrival in self.listener.arrivals()]

    async def interrupted(self, source: Any, **options: Any) -> tuple[isocord.Interrupted, list[Exception | None]]:
        """Alice speaks over a source that has been heard for a while; what the future and ``after`` tell."""
        told: list[Exception | None] = []
        before = len(self.sounds)
        end = self.voice.play(source, after=told.append, wait_finish=True, **{"barge_in": True, **options})
        await until(lambda: sum(self.sounds[before:]) > 20)
        self.alice.play_opus(SPOKEN)
        error = await asyncio.wait_for(end, 15)
        assert isinstance(error, isocord.Interrupted)
        self.alice.stop()
        await until(lambda: told)
        return error, told


async def scene(world: World) -> Scene:
    return Scene(world, await world.connect())


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_source_goes_out_and_never_comes_back(call: World, kind: str, tmp_path: Path) -> None:
    stage = await scene(call)
    source = made(kind, tmp_path)
    told, messages = await stage.interrupted(source)
    assert messages == [told] and told.by == stage.alice.user_id
    assert not stage.voice.is_playing()
    await until(lambda: stage.sounds[-SILENCES:] == [False] * SILENCES)
    sounds = stage.sounds
    last = len(sounds) - sounds[::-1].index(True)
    # Frames that were heard whole, and one in which it goes out.
    assert sounds == [True] * last + [False] * SILENCES
    if kind != "packets":
        # What begins slowly in time counts as it was written.
        assert round(told.heard / 0.02) in (last - 1, last - 2)
    else:
        assert round(told.heard / 0.02) == last
    if kind == "PCM":
        await until(lambda: source.cleaned == 1)
