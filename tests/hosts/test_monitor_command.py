"""``isocord monitor``, which watches a bot in another process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.cli import terminal
from isocord.cli.main import main

from .ears import sine
from .world import World, until

COMMAND = [sys.executable, "-m", "isocord", "monitor"]


@pytest.fixture(autouse=True)
def _a_place_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def plays(world: World, tmp_path: Path) -> Any:
    world.discord.listen("General", user="bob")
    voice = await world.connect()
    voice.play(isocord.AudioFile(sine(tmp_path / "song.wav", 60.0)))
    return voice


async def test_lines_of_json(world: World, tmp_path: Path) -> None:
    voice = await plays(world, tmp_path)
    with isocord.monitor():
        process = await asyncio.create_subprocess_exec(*COMMAND, "--json", stdout=-1, stderr=-1)
        assert process.stdout is not None
        lines = [json.loads(await asyncio.wait_for(process.stdout.readline(), 30)) for _ in range(2)]
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0 and b"the bot has gone" in said
    for told in lines:
        assert told["pid"] == os.getpid()
        assert told["connections"][0]["guild_id"] == str(voice.server_id)
    first, second = (told["connections"][0]["stats"]["packets_sent"] for told in lines)
    assert first < second


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="needs rich")
async def test_a_live_view(world: World, tmp_path: Path) -> None:
    from ..terminals import Terminal

    voice = await plays(world, tmp_path)
    code = "import sys\nfrom isocord.cli.main import main\nsys.exit(main(['monitor']))"
    with isocord.monitor(), Terminal(code) as terminal:
        await until(lambda: "0:01" in terminal.text)
        assert f"process {os.getpid()}: 1 voice connection" in terminal.text
        assert f"{world.guild.name} / General" in terminal.text and "connected" in terminal.text
        assert "packets left late by" in terminal.text and "█" in terminal.text
        world.speak(30.0, "alice")
        await until(lambda: " speaks" in terminal.text)
        voice.pause()
        await until(lambda: "paused" in terminal.text)
        terminal.press(b"\x03")
        await until(lambda: terminal.process.poll() is not None)
        assert terminal.ends() == 0
        assert "Traceback" not in terminal.text


def test_whom_to_watch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["monitor", "--json"]) == 1
    assert "isocord.monitor()" in capsys.readouterr().err
    with isocord.monitor():
        assert main(["monitor", "--json", "--pid", "1"]) == 1
        assert f"{os.getpid()} can" in capsys.readouterr().err
        code = "import isocord; isocord.monitor(); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as other:
            assert other.stdout is not None
            other.stdout.readline()
            assert main(["monitor", "--json"]) == 1
            said = capsys.readouterr().err
            assert str(other.pid) in said and str(os.getpid()) in said
            other.communicate(b"\n", timeout=30)
    monkeypatch.setattr(terminal, "console", lambda: None)
    assert main(["monitor"]) == 2
    assert "pip install 'isocord[cli]'" in capsys.readouterr().err


def test_who_reads_its_lines_may_have_enough() -> None:
    with isocord.monitor():
        watching = subprocess.Popen([*COMMAND, "--json"], stdout=-1, stderr=-1)
        assert watching.stdout is not None and watching.stderr is not None
        with watching:
            assert json.loads(watching.stdout.readline())["connections"] == []
            watching.stdout.close()
            assert watching.stderr.read() == b""
        assert watching.returncode == 0
