"""Options of ``isocord`` that make no sense are refused before anything is done."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from isocord.cli.main import main

PLACE = ["--guild", "1", "--channel", "2"]


@pytest.mark.parametrize("value", ["nan", "-5", "-inf", "soon"])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["record", *PLACE], "--linger"),
        (["demo"], "--seconds"),
        (["doctor"], "--seconds"),
        (["transcribe", "x", "--with", "x:y"], "--jobs"),
    ],
    ids=lambda what: what if isinstance(what, str) else what[0],
)
def test_numbers_that_are_none(command: list[str], option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, f"{option}={value}"])
    assert ended.value.code == 2
    (said,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert option in said and f"not {value!r}" in said


@pytest.mark.parametrize("seconds", ["0", "inf"])
def test_how_long_a_demo_is_has_bounds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--seconds", seconds])
    assert "1 to 3600 seconds" in capsys.readouterr().err


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("discord", "numpy", "matplotlib"))), reason="needs what the demo needs"
)
@pytest.mark.parametrize("below", ["", "folder"])
@pytest.mark.parametrize("kind", [[], ["--assistant"]], ids=["song", "assistant"])
def test_a_demo_says_where_it_cannot_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str, kind: list[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["demo", *kind, "--out", str(tmp_path / "file" / below)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"isocord demo: cannot write into '{tmp_path / 'file' / below}': ")
    assert said.err.count("\n") == 1 and said.out == ""
    assert (tmp_path / "file").read_text() == "mine"
