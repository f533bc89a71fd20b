"""Whole programs of the documentation: the first bot, the recorder, and the test of a bot, as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from .. import pages
from .ears import Ear, sine
from .page_bots import running
from .world import encode_pcm, testing, until


@pytest.mark.parametrize("page", ["README.md", "docs/first-sound.md"])
async def test_the_first_bot_plays(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sine(tmp_path / "song.mp3", 30.0, 700.0)
    messages: list[Any] = []

    async def note(message: Any) -> None:
        messages.append(message)

    async with running(page, pages.blocks(page)[1].code, monkeypatch) as (discord, bot):
        bot.add_listener(note, "on_message")
        listener = discord.listen("General", user="alice")
        ear = Ear(listener)
        # How a test asks for it stands in the documentation as well.
        code = pages.blocks("docs/testing.md")[2].code
        scope: dict[str, Any] = {"discord": discord}
        exec("async def ask():\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "    return answer", scope)
        await scope["ask"]()
        await until(lambda: listener.arrivals() and abs(ear.tone(700.0) - 0.8) < 0.06)
        await until(lambda: messages)


async def test_the_recorder_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    note = lambda *words: said.append(" ".join(map(str, words)))  # noqa: E731
    page = "docs/recording.md"
    async with running(page, pages.blocks(page)[0].code, monkeypatch, print=note) as (discord, _):
        alice = discord.speak("General", user="alice")
        await discord.call("record")
        alice.play_opus(encode_pcm(testing.tone(700.0, 1.0), "auto"))
        await until(lambda: alice.is_playing)
        await until(lambda: not alice.is_playing)
        discord.call("stop")
        await until(lambda: said)
    (track,) = tmp_path.glob(f"meeting-*/{alice.id}.wav")
    assert said[0].startswith(f"{alice.id} {track.relative_to(tmp_path)} ")
    with wave.open(str(track)) as file:
        assert file.getnframes() >= 40_000


@pytest.mark.parametrize(
    ("page", "number", "passed"), [("docs/testing.md", 0, 2), ("docs/testing.md", 1, 1), ("README.md", 3, 1)]
)
def test_the_tests_of_a_bot_pass(page: str, number: int, passed: int, tmp_path: Path) -> None:
    """As they stand there, of the bot that stands in README.md, which its module runs only when it is the program."""
    pytest.importorskip("pytest_asyncio")
    bot = pages.blocks("README.md")[1].code.replace("bot.run(", "if __name__ == '__main__':\n    bot.run(")
    (tmp_path / "mybot.py").write_text(bot)
    # A short one stands without what it imports.
    head = "" if "import" in pages.blocks(page)[number].code else "import isocord\nfrom mybot import bot\n\n\n"
    (tmp_path / "test_mybot.py").write_text(head + pages.blocks(page)[number].code)
    sine(tmp_path / "song.mp3", 30.0)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_mode=auto",
        "test_mybot.py",
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert f"{passed} passed" in done.stdout, done.stdout
    if number == 0:
        assert (tmp_path / "heard.wav").stat().st_size > 100_000
