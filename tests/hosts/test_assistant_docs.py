"""The whole voice assistant of docs/assistants.md, as it stands there: it hears, answers, and is interrupted.

Its speech is espeak-ng's where that is installed, and otherwise a tone from a program of that name.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .. import pages
from .page_bots import running
from .voices import voice as babble
from .world import encode_pcm, until

PAGE = "docs/assistants.md"
BLOCKS = pages.python(PAGE)
STAND_IN = f"""#!{sys.executable}
import struct, sys, math
assert sys.argv[1:3] == ["--stdout", "--"]
out = sys.stdout.buffer
out.write(b"RIFF" + struct.pack("<I", 0x7FFFF024) + b"WAVEfmt ")
out.write(struct.pack("<IHHIIHH4sI", 16, 1, 1, 22050, 44100, 2, 16, b"data", 0x7FFFF000))
for word in sys.argv[3].split():
    sound = [int(9000 * math.sin(2 * math.pi * 441 * n / 22050)) for n in range(6000)]
    out.write(struct.pack("<6000h", *sound))
"""


class Stage:
    """The bot, who talks to it, and what it was asked."""

    def __init__(self, discord: Any, bot: Any) -> None:
        self.discord, self.bot = discord, bot
        self.alice = discord.speak("General", user="alice")
        self.asked: list[tuple[int, float]] = []
        self.reply = ""

    async def answer(self, user_id: int, pcm: bytes) -> str:
        self.asked.append((user_id, len(pcm) / 32_000))
        return self.reply

    def says(self, seconds: float) -> None:
        self.alice.play_opus(encode_pcm(babble(seconds), "auto"))

    def heard(self) -> float:
        """Seconds that alice has heard of the bot."""
        return 0.02 * sum(not arrival.is_silence for arrival in self.alice.arrivals())

    def silent(self) -> bool:
        arrivals = self.alice.arrivals()
        return bool(arrivals) and arrivals[-1].is_silence


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    if shutil.which("espeak-ng") is None:
        program = tmp_path / "espeak-ng"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    async def answer(user_id: int, pcm: bytes) -> str:
        return await made.answer(user_id, pcm)

    async with running(PAGE, BLOCKS[0], monkeypatch, {"answer": answer}) as (discord, bot):
        made = Stage(discord, bot)
        yield made
        for voice in bot.voice_clients:
            await voice.disconnect()


def test_it_is_short() -> None:
    assert sum(bool(line.strip()) for line in BLOCKS[0].splitlines()) <= 30


async def test_it_hears_answers_and_is_interrupted(stage: Stage) -> None:
    stage.discord.call("talk")
    await until(lambda: stage.bot.voice_clients and stage.bot.voice_clients[0].is_connected())
    stage.reply = "Good morning."
    stage.says(1.0)
    await until(lambda: stage.asked)
    user_id, seconds = stage.asked[0]
    assert user_id == stage.alice.id
    # What was said, what was heard before, and the silence that ended it.
    assert 1.0 < seconds < 2.5
    await until(lambda: stage.heard() > 0.3 and stage.silent())

    whole = stage.heard()
    stage.reply = "The quick brown fox jumps over the lazy dog. " * 20
    stage.says(0.6)
    await until(lambda: stage.heard() > whole + 0.5)
    stage.reply = "Well."
    stage.says(1.0)
    await until(stage.silent)
    # It was silent long before it had said all that.
    assert stage.heard() < whole + 5.0
    await until(lambda: len(stage.asked) == 3)
    cut = stage.heard()
    await until(lambda: stage.heard() > cut + 0.1 and stage.silent())
