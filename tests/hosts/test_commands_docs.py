"""The commands of docs/commands.md run as they stand there."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.cli.doctor import udp
from isocord.cli.main import main, parser

from .. import pages
from .consoles import discord
from .ears import sine
from .world import World

__all__ = ["discord"]

PAGE = "docs/commands.md"
COMMANDS = [
    line.split()[1:] for block in pages.blocks(PAGE) if block.language == "shell" for line in block.code.splitlines()
]


def commands(name: str) -> list[list[str]]:
    return [words for words in COMMANDS if words[0] == name]


def test_each_is_known() -> None:
    assert {words[0] for words in COMMANDS} == {"doctor", "play", "record", "transcribe", "monitor", "cluster"}
    for words in COMMANDS:
        parser().parse_args(words)


@pytest.mark.parametrize("words", commands("doctor"), ids=" ".join)
def test_doctor(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing leaves the machine in a test.
    monkeypatch.setattr(udp.socket, "getaddrinfo", lambda *_, **__: [(2, 2, 0, "", ("127.0.0.1", 9))])
    main([*words, "--seconds", "0.1"])
    said = capsys.readouterr().out
    assert "libopus" in said
    assert ("203.0.113.9" in said) is ("--endpoint" in words)
    if "--json" in words:
        json.loads(said)


def test_play(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sine(tmp_path / "song.mp3", 0.5)
    (words,) = commands("play")
    alice = discord.listen("General", user="alice")
    ids = {"81384788765712384": discord.guild.id, "81384788765712385": discord.channel("General").id}
    assert main([*(str(ids.get(word, word)) for word in words), "--json"]) == 0
    assert alice.arrivals()
    assert '"event": "finished"' in capsys.readouterr().out


async def test_monitor(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (block,) = pages.python(PAGE)
    voice = await world.connect()
    exec(compile(block, PAGE, "exec", dont_inherit=True), {"isocord": isocord})
    words = next(words for words in commands("monitor") if "--json" in words)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "isocord", *words, stdout=-1, stderr=-1)
    assert process.stdout is not None
    told = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    isocord.monitor().close()
    await asyncio.wait_for(process.communicate(), 30)
    assert told["connections"][0]["channel_id"] == str(voice.channel.id)
