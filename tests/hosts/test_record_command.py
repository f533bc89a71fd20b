"""``isocord record``, with the bot library of this interpreter, in a fake Discord."""

from __future__ import annotations

import importlib.util
import json
import math
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.cli import record, terminal
from isocord.cli.levels import Levels
from isocord.cli.main import main

from .consoles import discord, events, left_alone, place
from .speech import said, silence, stereo

__all__ = ["discord"]


def arguments(discord: Any, folder: Path, *more: str) -> list[str]:
    return ["record", *place(discord), "--to", str(folder), "--json", *more]


def meanwhile(discord: Any, folder: Path, act: Callable[[Any], object]) -> threading.Thread:
    """Alice speaks until that is recorded; then something happens."""
    alice = discord.speak("General", user="alice")

    def speak() -> None:
        discord.wait_until(lambda: discord.bot_voice_state() is not None, timeout=30)
        for _ in range(20):
            alice.play(stereo(said(0.8), silence(0.4)))
            discord.wait_until(lambda: not alice.is_playing, timeout=30)
            if any(path.is_file() for path in folder.rglob("*")):
                break
        act(alice)

    thread = threading.Thread(target=speak)
    thread.start()
    return thread


def test_it_ends_when_everybody_has_left(discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thread = meanwhile(discord, tmp_path, lambda alice: alice.leave())
    assert main(arguments(discord, tmp_path, "--linger", "0.5", "--format", "flac", "--mixdown")) == 0
    thread.join(30)
    told = events(capsys.readouterr())
    assert [one["event"] for one in told if one["event"] != "recording"] == ["connected", "finished"]
    (folder,) = tmp_path.iterdir()
    assert (told[0]["channel"], told[0]["folder"]) == ("General", str(folder))
    levels = [user for one in told if one["event"] == "recording" for user in one["users"]]
    assert {user["name"] for user in levels} == {"Alice"}
    assert all(user["level"] is None or -60 <= user["level"] <= 0 for user in levels)
    finished = told[-1]
    assert finished["reason"] == "nobody is there any more"
    alice, everybody = finished["tracks"]
    assert (alice["name"], alice["error"], everybody["user_id"]) == ("Alice", None, None)
    assert alice["files"] == [str(folder / "Alice.flac")] and everybody["files"] == [str(folder / "all.flac")]
    assert isocord.probe(folder / "Alice.flac").duration == pytest.approx(alice["duration"], abs=0.1)
    assert alice["spoken"] > 0.3 and alice["loudness"] < 0
    assert json.loads((folder / "timeline.json").read_text("utf-8"))["tracks"][0]["name"] == "Alice"
    assert "<v Alice>" in (folder / "timeline.vtt").read_text("utf-8")
    assert discord.bot_voice_state() is None
    assert discord.token not in json.dumps(told)


def test_what_it_leaves_is_what_transcribe_takes(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = meanwhile(discord, tmp_path, lambda alice: alice.leave())
    assert main(arguments(discord, tmp_path, "--linger", "0.5", "--split", "1")) == 0
    thread.join(30)
    (folder,) = tmp_path.iterdir()
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words_of_a_test.py").write_text("def words(utterance): return str(utterance.user_id)\n", "utf-8")
    assert main(["transcribe", str(folder), "--with", "words_of_a_test:words", "--json"]) == 0
    user_id = discord.user("alice").id
    assert f"<v Alice>{user_id}" in (folder / "transcript.vtt").read_text("utf-8")


def test_a_moderator_may_end_it_and_what_there_is_is_kept(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = meanwhile(discord, tmp_path, lambda alice: discord.kick_bot())
    assert main(arguments(discord, tmp_path, "--format", "wav")) == 0
    thread.join(30)
    finished = events(capsys.readouterr())[-1]
    assert finished["event"] == "finished" and "voice connection is over" in finished["reason"]
    assert Path(finished["tracks"][0]["files"][0]).stat().st_size > 40_000


def test_where_it_cannot_record(discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = arguments(discord, tmp_path)
    asked[4] = "7"
    assert main(asked) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["event"] == "failed" and "no voice channel 7" in said.err
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_begin(
    discord: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(arguments(discord, tmp_path, "--split", "sometimes")) == 2
    assert "split must be seconds" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(arguments(discord, tmp_path / "file")) == 2
    assert "file" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.delenv("DISCORD_TOKEN")
        assert main(arguments(discord, tmp_path)) == 2
        assert "DISCORD_TOKEN" in capsys.readouterr().err
    monkeypatch.setattr(terminal, "console", lambda: None)
    assert main([word for word in arguments(discord, tmp_path) if word != "--json"]) == 2
    assert "pip install 'isocord[cli]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["{date}", "{x}", "x{"])
def test_a_folder_may_be_called_anything(discord: Any, tmp_path: Path, name: str) -> None:
    thread = meanwhile(discord, tmp_path, lambda alice: alice.leave())
    assert main(arguments(discord, tmp_path / name, "--linger", "0.5", "--mixdown")) == 0
    thread.join(30)
    (folder,) = tmp_path.iterdir()
    (recording,) = folder.iterdir()
    assert folder.name == name
    found = {path.name for path in recording.iterdir()}
    assert found == {"Alice.ogg", "all.ogg", "timeline.json", "timeline.vtt"}


def test_where_nothing_is_recorded_nothing_is_left(discord: Any, tmp_path: Path) -> None:
    asked = arguments(discord, tmp_path / "made" / "for it")
    asked[4] = "7"
    assert main(asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_log_in_nothing_is_left(
    discord: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", "wrong")
    assert main(["record", *place(discord), "--json"]) == 1
    assert "cannot log in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


UNREAD = """
import os, sys, threading
from pathlib import Path
from isocord.cli.main import main
from isocord.testing import FakeDiscord
with FakeDiscord() as discord:
    os.environ["DISCORD_TOKEN"] = discord.token
    alice = discord.speak("General", user="alice")
    alice.play(Path({pcm!r}).read_bytes())

    def leave():
        sys.stdin.readline()
        alice.leave()

    threading.Thread(target=leave).start()
    place = ["--guild", str(discord.guild.id), "--channel", str(discord.channel("General").id)]
    status = main(["record", *place, "--to", {folder!r}, "--json", "--linger", "1.5"])
    print("status", status, "left", discord.bot_voice_state() is None, file=sys.stderr)
"""


def test_it_goes_on_where_nobody_reads_what_it_shows(tmp_path: Path) -> None:
    pcm = tmp_path / "pcm"
    pcm.write_bytes(stereo(said(60.0)))
    assert left_alone(UNREAD.format(pcm=str(pcm), folder=str(tmp_path / "to")), lines=3) == "status 0 left True\n"
    (folder,) = (tmp_path / "to").iterdir()
    assert {path.name for path in folder.iterdir()} == {"Alice.ogg", "timeline.json", "timeline.vtt"}


def test_recordings_that_begin_at_once_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls(2026, 3, 4, 5, 6, 7, tzinfo=tz)

    monkeypatch.setattr(record, "datetime", Clock)
    with record._folder(tmp_path / "to") as one, record._folder(tmp_path / "to") as other:
        (other / "Bob.ogg").write_bytes(b"")
        assert (one.name, other.name) == ("2026-03-04 05-06-07", "2026-03-04 05-06-07 2")
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["2026-03-04 05-06-07 2"]


def test_levels_fall_slowly() -> None:
    now = [0.0]
    levels = Levels(lambda: now[0])

    def heard(user_id: int, level: float) -> isocord.HeardFrame:
        return isocord.HeardFrame(user_id, 0, 960, "voice", b"", level=level)

    levels.hear(heard(7, -10.0))
    now[0] = 0.5
    levels.hear(heard(7, -math.inf))
    levels.hear(heard(8, -20.0))
    assert levels.now() == {7: -25.0, 8: -20.0}
    now[0] = 10.0
    for user_id in range(100, 200):
        levels.hear(heard(user_id, -30.0))
    assert len(levels.now()) == 25 and 7 not in levels.now()


PROGRAM = """
import os, sys
from pathlib import Path
from isocord.cli.main import main
from isocord.testing import FakeDiscord
with FakeDiscord() as discord:
    os.environ["DISCORD_TOKEN"] = discord.token
    alice = discord.speak("General", user="alice")
    alice.play(Path({pcm!r}).read_bytes())
    place = ["--guild", str(discord.guild.id), "--channel", str(discord.channel("General").id)]
    status = main(["record", *place, "--to", {folder!r}, "--format", "wav"])
    print("status", status, "left", discord.bot_voice_state() is None)
"""


@pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="needs rich")
@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "█"), ("ascii", "##")])
def test_in_a_terminal_it_shows_levels_and_a_ctrl_c_ends_it(tmp_path: Path, encoding: str, bar: str) -> None:
    from ..terminals import Terminal

    pcm = tmp_path / "pcm"
    pcm.write_bytes(stereo(said(60.0)))
    code = PROGRAM.format(pcm=str(pcm), folder=str(tmp_path / "to"))
    with Terminal(code, PYTHONIOENCODING=encoding) as terminal:
        text = terminal.shows(lambda text: "dBFS" in text and "Alice" in text)
        assert "Recording General into" in text and "Tell people" in text and bar in text
        terminal.press(b"\x03")
        terminal.shows(lambda text: "status 0 left True" in text)
        assert "recorded, interrupted" in terminal.text and "Alice.wav" in terminal.text.replace("\n", "")
        assert "Traceback" not in terminal.text
        assert terminal.ends() == 0
    assert len(list((tmp_path / "to").glob("*/Alice.wav"))) == 1
