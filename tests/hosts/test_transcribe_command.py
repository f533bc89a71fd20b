"""``isocord transcribe`` on files, with functions of a module beside them."""

from __future__ import annotations

import errno
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isocord.cli.main import main
from isocord.hearing.transcribing.transcript import Transcript

from ..terminals import Terminal
from .consoles import events, left_alone
from .speech import said, silence, wav

MODULE = """
import asyncio
import sys

async def words(utterance):
    await asyncio.sleep(0)
    return f"{len(utterance.pcm)} bytes"

def fails(utterance):
    if utterance.user_id == 0:
        raise RuntimeError("no such language")
    return "words"

def waits(utterance):
    # Until nobody reads what it shows.
    sys.stdin.readline()
    return "words"

calls = []

async def stuck(utterance):
    calls.append(utterance)
    if len(calls) == 2:
        await asyncio.sleep(3600)
    return "heard"

class Engine:
    def hear(self, utterance):
        return "heard"

engine = Engine()
number = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "recogniser_of_a_test.py").write_text(MODULE, "utf-8")
    wav(tmp_path / "meeting" / "Alice.wav", said(1.0), silence(1.0))
    wav(tmp_path / "meeting" / "42.wav", silence(1.0), said(1.0), silence(1.0))
    yield tmp_path
    sys.modules.pop("recogniser_of_a_test", None)


def run(*arguments: str) -> int:
    return main(["transcribe", *arguments, "--json"])


def test_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("meeting", "--with", "recogniser_of_a_test:words") == 0
    told = events(capsys.readouterr())
    assert [one["event"] for one in told] == ["caption", "caption", "finished"]
    assert {(one["name"], one["user_id"]) for one in told[:2]} == {("Alice", None), ("42", "42")}
    assert told[2] == {"event": "finished", "file": "meeting/transcript.vtt", "captions": 2, "errors": 0}
    vtt = (folder / "meeting" / "transcript.vtt").read_text("utf-8")
    assert vtt.startswith("WEBVTT\n\n00:00:00.0")
    assert "\n<v Alice>" in vtt and "\n<v 42>" in vtt and vtt.count(" bytes") == 2


def test_files_a_method_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["meeting/Alice.wav", "meeting/42.wav"]
    assert run(*files, "--with", "recogniser_of_a_test:engine.hear", "--out", "told.json", "--jobs", "4") == 0
    told = json.loads((folder / "told.json").read_text("utf-8"))
    assert [caption["text"] for caption in told["captions"]] == ["heard", "heard"]
    assert run("meeting/Alice.wav", "--with", "recogniser_of_a_test:engine.hear") == 0
    assert (folder / "meeting" / "Alice.vtt").exists()


def test_what_fails_is_told_and_the_rest_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("meeting", "--with", "recogniser_of_a_test:fails") == 1
    told = events(capsys.readouterr())
    assert sorted(one["event"] for one in told) == ["caption", "error", "finished"]
    (error,) = (one for one in told if one["event"] == "error")
    assert (error["name"], error["error"]) == ("Alice", "RuntimeError: no such language")
    assert "<v 42>words" in (folder / "meeting" / "transcript.vtt").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["meeting", "--with", "recogniser_of_a_test"], "module:function"),
        (["meeting", "--with", "no_such_module_of_a_test:f"], "no_such_module_of_a_test"),
        (["meeting", "--with", "recogniser_of_a_test:missing"], "missing"),
        (["meeting", "--with", "recogniser_of_a_test:number"], "is no function"),
        (["meeting", "meeting/42.wav", "--with", "recogniser_of_a_test:words"], "'meeting' is a folder: give one"),
        (["missing", "--with", "recogniser_of_a_test:words"], "missing"),
        (["meeting", "--with", "recogniser_of_a_test:words", "--out", "told.srt"], ".vtt or .json"),
        (["meeting", "--with", "recogniser_of_a_test:words", "--out", "no/such/place.vtt"], "no folder 'no/such'"),
        (["meeting", "--with", "recogniser_of_a_test:words", "--out", "meeting/42.wav/x.vtt"], "no folder"),
        (["meeting", "--with", "recogniser_of_a_test:words", "--out", "folder.vtt"], "cannot write 'folder.vtt'"),
    ],
)
def test_what_cannot_begin(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    (folder / "folder.vtt").mkdir()
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and words in said.err and said.err.startswith("isocord transcribe: ")


TIMELINE: dict[str, Any] = {
    "kind": "isocord timeline",
    "started_at": "2026-03-04T05:06:07+00:00",
    "tracks": [
        {"user_id": "7", "name": "Alice", "files": [{"path": "Alice.wav", "offset": 0.5, "duration": 2.0}]},
    ],
}


def changed(where: str, value: object) -> str:
    """The timeline with another value at a place."""
    made = json.loads(json.dumps(TIMELINE))
    track = made["tracks"][0]
    for part in (made, track, track["files"][0]):
        if where in part:
            part[where] = value
    return json.dumps(made)


@pytest.mark.parametrize(
    "text",
    [
        *(
            changed("started_at", value)
            for value in (None, 5, "x", [], "9999-12-31T23:59:59+00:00", "0001-01-01T00:00+09:00")
        ),
        *(changed("tracks", value) for value in (None, 5, [{}], ["x"], [5], [[]], {"a": 1})),
        *(changed("user_id", value) for value in ("-1", "x", 1 << 64, [], "9" * 5_000)),
        *(changed("name", value) for value in (5, [], {})),
        *(changed("files", value) for value in (None, 5, [{}], ["x"], {"a": 1})),
        *(changed("path", value) for value in (None, 5, [])),
        *(
            changed(place, value)
            for place in ("offset", "duration")
            for value in (None, -1, 1e300, math.inf, math.nan, "x")
        ),
        json.dumps({"kind": TIMELINE["kind"]}),
        json.dumps(TIMELINE)[:-3],
        '{"kind": "isocord timeline", "x": ' + "[" * 200_000,
    ],
)
def test_a_damaged_timeline_is_named(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (folder / "meeting" / "timeline.json").write_text(text, "utf-8")
    assert run("meeting", "--with", "recogniser_of_a_test:words") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("isocord transcribe: 'meeting/timeline.json' is damaged, or no timeline")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("text", ["[" * 200_000, "[]", "{", '{"kind": "x"}', "\ud800"])
def test_json_of_others_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (folder / "meeting" / "package.json").write_text(text, "utf-8", "surrogatepass")
    (folder / "meeting" / "timeline.json").write_text(json.dumps(TIMELINE), "utf-8")
    assert run("meeting", "--with", "recogniser_of_a_test:words") == 0
    (caption, _) = events(capsys.readouterr())
    assert (caption["name"], caption["user_id"]) == ("Alice", "7")


def test_what_cannot_be_saved_at_the_end_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(transcript: Transcript, path: Path) -> None:
        raise OSError(errno.ENOSPC, "no room", str(path))

    monkeypatch.setattr(Transcript, "save", full)
    assert run("meeting", "--with", "recogniser_of_a_test:words") == 1
    assert "no room" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_transcript_is_written_where_nobody_reads_what_is_shown(folder: Path, form: list[str]) -> None:
    if not form:
        pytest.importorskip("rich")
    command = ["transcribe", "meeting", "--with", "recogniser_of_a_test:waits", *form]
    code = f"from isocord.cli.main import main\nraise SystemExit(main({command}))\n"
    assert left_alone(code, lines=0) == ""
    assert (folder / "meeting" / "transcript.vtt").read_text("utf-8").count("words") == 2


def test_a_ctrl_c_leaves_what_was_written_down(folder: Path) -> None:
    pytest.importorskip("rich")
    code = (
        "from isocord.cli.main import main\n"
        "raise SystemExit(main(['transcribe', 'meeting', '--with', 'recogniser_of_a_test:stuck']))\n"
    )
    with Terminal(code) as terminal:
        terminal.shows(lambda text: "heard" in text and "0:05 / 0:05" in text)
        terminal.press(b"\x03")
        terminal.shows(lambda text: "1 captions in meeting/transcript.vtt, interrupted" in text)
        assert terminal.ends() == 130
        assert "Traceback" not in terminal.text
    assert (folder / "meeting" / "transcript.vtt").read_text("utf-8").count(">heard") == 1


def test_on_a_terminal(folder: Path) -> None:
    pytest.importorskip("rich")
    code = (
        "from isocord.cli.main import main\n"
        "raise SystemExit(main(['transcribe', 'meeting', '--with', 'recogniser_of_a_test:fails']))\n"
    )
    with Terminal(code) as terminal:
        shown = terminal.shows(lambda text: "1 captions in meeting/transcript.vtt, 1 missing" in text)
        assert terminal.ends() == 1
    assert "0:00 Alice: missing: RuntimeError: no such language" in shown
    assert "42: words" in shown
    assert "0:05 / 0:05" in shown
