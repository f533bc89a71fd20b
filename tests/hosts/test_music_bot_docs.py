"""The music bot of docs/music-bot.md, as it stands there: what a listener hears after each command."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from ..unit.web import Request, Web
from .ears import Ear, sine
from .page_bots import running
from .world import RATE, np, until

PAGE = "docs/music-bot.md"
BLOCKS = pages.python(PAGE)
PITCHES = {"song": 400.0, "second": 700.0, "spoken": 1100.0, "radio": 1600.0}


def radio(request: Request) -> None:
    """A WAV without end."""
    request.head("200 OK", Content_Type="audio/wav", icy_name="The radio")
    request.send(b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16))
    request.send(b"data\xff\xff\xff\xff")
    second = (16_000 * np.sin(2 * np.pi * PITCHES["radio"] * np.arange(RATE) / RATE)).astype("<i2").tobytes()
    while not request.stopped.is_set():
        request.send(second)


class Stage:
    """The bot, who listens to it, and what it answers."""

    def __init__(self, discord: Any, bot: Any) -> None:
        self.discord, self.bot = discord, bot
        self.listener = discord.listen("General", user="alice")
        self.ear = Ear(self.listener)

    async def does(self, command: str, **options: Any) -> str:
        """What it answers to a command."""
        before = len(self.listener.arrivals())
        answer = await self.discord.call(command, **options)
        assert answer.is_deferred
        assert len(self.listener.arrivals()) >= before
        return str(answer.content)

    async def hears(self, limit: float = 20.0, **tones: float) -> None:
        """Wait until each of these is as loud as that."""
        levels: dict[str, float] = {}

        def so_it_is() -> bool:
            if not self.listener.arrivals():
                return False
            levels.update({name: self.ear.tone(PITCHES.get(name, 0.0) or float(name[1:])) for name in tones})
            return all(abs(levels[name] - wanted) < 0.06 for name, wanted in tones.items())

        try:
            await until(so_it_is, limit)
        except pytest.fail.Exception:
            pytest.fail(f"heard {levels} where {tones} is right")


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.chdir(tmp_path)
    spoken = sine(tmp_path / "spoken.wav", 1.5, PITCHES["spoken"])

    async def speech(text: str) -> Path:
        assert text == "Hello"
        return spoken

    # The radio of this test is on this machine.
    private = functools.partial(isocord._native.AudioFile, allow_private=True)
    monkeypatch.setattr(isocord._native, "AudioFile", private)
    async with running(PAGE, BLOCKS[0], monkeypatch, {"speech": speech}) as (discord, bot):
        yield Stage(discord, bot)


def test_it_is_short() -> None:
    assert sum(bool(line.strip()) for line in BLOCKS[0].splitlines()) <= 40


async def test_a_listener_hears_what_the_music_bot_is_asked_for(stage: Stage, tmp_path: Path) -> None:
    sine(tmp_path / "song.wav", 30.0, PITCHES["song"])
    sine(tmp_path / "second.wav", 30.0, PITCHES["second"])
    with Web() as web:
        web.answers["/radio"] = radio
        assert await stage.does("now") == "Silence [--------------------] 0 s"
        await stage.does("play", song="song.wav")
        await stage.hears(song=1.0)
        assert (await stage.does("now")).startswith("song.wav [")
        await stage.does("play", song="second.wav")

        await stage.does("seek", seconds=15.0)
        assert re.fullmatch(r"song\.wav \[={10,11}-{9,10}\] 1[56] s", await stage.does("now"))
        await stage.hears(song=1.0)

        await stage.does("fade", volume=0.5, seconds=0.3)
        await stage.hears(song=0.5)
        await stage.does("fade", volume=1.0, seconds=0.1)

        await stage.does("say", text="Hello")
        await stage.hears(song=0.25, spoken=1.0)
        await stage.hears(song=1.0, spoken=0.0)

        await stage.does("effect", name="nightcore")
        await stage.hears(song=0.0)
        await stage.does("effect")
        await stage.hears(song=1.0)

        await stage.does("skip")
        await stage.hears(song=0.0, second=1.0)
        await stage.does("loop", what="one")
        await stage.does("seek", seconds=29.0)
        await stage.hears(second=1.0)
        voice = stage.bot.voice_clients[0]
        await until(lambda: voice.queue.position < 20)
        await stage.hears(second=1.0)
        await stage.does("loop", what="off")

        await stage.does("play", song=web.url("/radio"))
        await stage.does("skip")
        await stage.hears(second=0.0, radio=1.0)
        assert re.match(r"radio \[-{20}\] \d+ s", await stage.does("now"))
        await stage.does("play", song="song.wav")
        await stage.does("skip")
        await stage.hears(radio=0.0, song=1.0)
