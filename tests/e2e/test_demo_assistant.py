"""``isocord demo --assistant``, from start to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("discord")
pytest.importorskip("matplotlib")

from isocord.cli.main import main


def test_it_shows_who_was_answered_and_who_interrupted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--assistant", "--idle", "--json", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "assistant.png").stat().st_size > 10_000
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["heard"], len(told["answers"]), told["faults"]) == (3, 3, [])
    assert [cut["by"] for cut in told["interruptions"]] == ["bob"]
    said = " ".join(captured.err.split())
    assert "end-to-end encrypted (DAVE) yes" in said
    assert "heard, answered, interrupted 3, 3, 1" in said
    assert "bob speaks over it" in said
