"""``isocord play``, with the bot library of this interpreter, in a fake Discord."""

from __future__ import annotations

import importlib.util
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from isocord.cli import bots, terminal
from isocord.cli.main import main

from .consoles import discord, left_alone, place
from .ears import sine

__all__ = ["discord"]


def arguments(discord: Any, song: object, *more: str) -> list[str]:
    return ["play", str(song), *place(discord), *more]


def test_it_plays_and_leaves(discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alice = discord.listen("General", user="alice")
    assert main(arguments(discord, sine(tmp_path / "song.wav", 1.5), "--json")) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events if event["event"] != "playing"] == ["connected", "finished"]
    assert events[0]["channel_id"] == str(discord.channel("General").id)
    playing = [event for event in events if event["event"] == "playing"]
    assert playing[0]["duration"] == 1.5
    assert events[-1]["packets_sent"] >= 75
    assert len([one for one in alice.arrivals() if not one.is_silence]) == 75
    assert discord.bot_voice_state() is None


@pytest.mark.parametrize("case", ["guild", "channel", "text"])
def test_where_it_cannot_play(discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    asked = arguments(discord, sine(tmp_path / "song.wav", 1.0), "--json")
    if case == "guild":
        asked[3] = "7"
    else:
        asked[5] = "7" if case == "channel" else str(discord.channel("general").id)
    assert main(asked) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["event"] == "failed"
    assert "no guild 7" in said.err or "no voice channel" in said.err
    assert discord.token not in said.out + said.err


def test_a_token_that_is_wrong_is_not_told(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret-of-mine")
    assert main(arguments(discord, sine(tmp_path / "song.wav", 1.0), "--json")) == 1
    said = capsys.readouterr()
    assert "cannot log in" in said.err
    assert "secret-of-mine" not in said.out + said.err


def test_what_cannot_begin(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(arguments(discord, tmp_path / "missing.mp3", "--json")) == 2
    assert "missing.mp3" in capsys.readouterr().err
    song = sine(tmp_path / "song.wav", 1.0)
    with monkeypatch.context() as patch:
        patch.delenv("DISCORD_TOKEN")
        assert main(arguments(discord, song, "--json")) == 2
        assert "DISCORD_TOKEN" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(bots, "present_packages", list)
        assert main(arguments(discord, song, "--json")) == 2
        assert "pip install py-cord" in capsys.readouterr().err
    monkeypatch.setattr(terminal, "console", lambda: None)
    assert main(arguments(discord, song)) == 2
    assert "pip install 'isocord[cli]'" in capsys.readouterr().err


def test_urls_of_this_machine(discord: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(discord, "http://127.0.0.1:9/song.mp3", "--json")) == 2
    said = capsys.readouterr().err
    assert "private network" in said and "say --allow-private if" in said and "allow_private" not in said
    assert main(arguments(discord, "http://127.0.0.1:9/song.mp3", "--allow-private", "--json")) == 2
    said = capsys.readouterr().err
    assert "song.mp3" in said and "private network" not in said


def test_it_plays_on_where_nobody_reads_what_it_shows(tmp_path: Path) -> None:
    code = PROGRAM.format(song=str(sine(tmp_path / "song.wav", 1.5)))
    code = code.replace("*place]", "*place, '--json']").replace("None)", "None, file=sys.stderr)")
    assert left_alone(code, lines=1) == "status 0 heard 75 left True\n"


def test_a_moderator_may_end_it(discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alice = discord.listen("General", user="alice")

    def moderate() -> None:
        discord.wait_until(lambda: len(alice.arrivals()) > 10, timeout=20)
        discord.kick_bot()

    moderator = threading.Thread(target=moderate)
    moderator.start()
    assert main(arguments(discord, sine(tmp_path / "song.wav", 60.0), "--json")) == 1
    moderator.join(15)
    assert "disconnected from the channel" in capsys.readouterr().err


PROGRAM = """
import os, sys
from isocord.cli.main import main
from isocord.testing import FakeDiscord
with FakeDiscord() as discord:
    os.environ["DISCORD_TOKEN"] = discord.token
    alice = discord.listen("General", user="alice")
    place = ["--guild", str(discord.guild.id), "--channel", str(discord.channel("General").id)]
    status = main(["play", {song!r}, *place])
    heard = len([one for one in alice.arrivals() if not one.is_silence])
    print("status", status, "heard", heard, "left", discord.bot_voice_state() is None)
"""


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="needs rich")
class TestInATerminal:
    def test_it_shows_title_and_progress_to_the_end(self, tmp_path: Path) -> None:
        from ..terminals import Terminal

        with Terminal(PROGRAM.format(song=str(sine(tmp_path / "song.wav", 2.0)))) as terminal:
            text = terminal.shows(lambda text: "/ 0:02" in text)
            assert "Playing in General" in text and "song.wav" in text
            terminal.shows(lambda text: "status 0 heard 100 left True" in text)
            assert "0:02 / 0:02" in terminal.text
            assert "packets sent, 99 of 100 at most" in terminal.text
            assert terminal.ends() == 0

    def test_a_ctrl_c_leaves(self, tmp_path: Path) -> None:
        from ..terminals import Terminal

        with Terminal(PROGRAM.format(song=str(sine(tmp_path / "song.wav", 600.0)))) as terminal:
            terminal.shows(lambda text: re.search(r"0:(?!00)\d\d / 10:00", text))
            terminal.press(b"\x03")
            terminal.shows(lambda text: "status 130" in text)
            assert "left True" in terminal.text and "Left the channel" in terminal.text
            assert "Traceback" not in terminal.text
            assert terminal.ends() == 0
