"""The radio of docs/broadcast.md and the soundboard of docs/mixer.md, in several guilds."""

from __future__ import annotations

import asyncio
import functools
import struct
import textwrap
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from ..unit.web import Request, Web
from .ears import sine
from .rooms import rooms
from .world import RATE, np, until


def blocks(name: str) -> list[str]:
    return pages.python(name)


def radio(request: Request) -> None:
    """A WAV of 400 Hz without end."""
    request.head("200 OK", Content_Type="audio/wav")
    request.send(b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16))
    request.send(b"data\xff\xff\xff\xff")
    second = (16_000 * np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE)).astype("<i2").tobytes()
    while not request.stopped.is_set():
        request.send(second)


async def test_a_radio_for_many_guilds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, pitch, seconds in (("one.flac", 700.0, 20.0), ("two.flac", 900.0, 20.0), ("news.wav", 1100.0, 1.5)):
        sine(tmp_path / name, seconds, pitch)
    station, desk = blocks("docs/broadcast.md")
    # The radio of this test is on this machine.
    private = functools.partial(isocord._native.AudioFile, allow_private=True)
    monkeypatch.setattr(isocord._native, "AudioFile", private)
    with Web() as web:
        web.answers["/radio.mp3"] = radio
        scope: dict[str, Any] = {"isocord": isocord}
        async with rooms(3) as (world, all_of_them):
            exec(station.replace("https://example.com", web.url("")), scope)
            for room in all_of_them:
                await scope["tune_in"](room.channel)
            for room in all_of_them:
                await room.hears_tones({400: 1.0})
            # One plays in all three, and the next one is not opened before this one breaks off.
            assert len(web.asked("/radio.mp3")) == 1

            scope["bot"] = world.bot
            exec(f"async def go_on():\n{textwrap.indent(desk, '    ')}", scope)
            news = asyncio.create_task(scope["go_on"]())
            for room in all_of_them:
                await room.hears_tones({1100: 1.0, 700: 0.2})
            await asyncio.wait_for(news, 15)
            for room in all_of_them:
                await room.hears_tones({700: 1.0})
            for voice in world.bot.voice_clients:
                voice.stop()


async def test_a_soundboard_for_each_guild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sine(tmp_path / "horn.wav", 3.0, 700.0)
    sine(tmp_path / "bell.wav", 3.0, 900.0)
    block = next(block for block in blocks("docs/mixer.md") if "class Soundboard" in block)
    scope: dict[str, Any] = {"isocord": isocord}
    exec(block, scope)
    async with rooms(2) as (_, (first, second)):
        boards = [await scope["join"](room.channel) for room in (first, second)]
        horn = boards[0].press("horn")
        await first.hears_tones({700: 1.0})
        boards[0].press("bell")
        boards[1].press("bell")
        # Two at once, in the one; the other guild hears its own.
        await until(lambda: abs(first.ear.tone(900) - first.ear.tone(700)) < 0.1 and first.ear.tone(900) > 0.7)
        await second.hears_tones({900: 1.0})
        assert second.ear.tone(700) < 0.05
        await asyncio.wait_for(asyncio.ensure_future(horn), 15)
        with pytest.raises(isocord.AudioFileError, match=r"missing\.wav"):
            boards[0].press("missing")
        boards[0].stop()
        boards[0].press("horn")
        await first.hears_tones({700: 1.0})
