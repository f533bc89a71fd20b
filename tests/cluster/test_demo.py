"""``isocord demo --cluster``, from start to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytest.importorskip("discord")
pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from isocord.cli.demo import cluster
from isocord.cli.main import main

pytestmark = pytest.mark.timeout(300)


def test_a_node_is_killed_and_everything_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status = main(["demo", "--cluster", "--seconds", "8", "--json", "--out", str(tmp_path)])
    told, said = capsys.readouterr()
    assert status == 0, (told, said)
    assert (tmp_path / "cluster.png").stat().st_size > 10_000
    assert "kill -9" in said
    rows = [line for line in said.splitlines() if line.startswith("Room ")]
    assert len(rows) == cluster.CHANNELS
    moved = [row for row in rows if "the same" not in row]
    assert moved and len(moved) < cluster.CHANNELS
    found = json.loads(told)
    assert {one["node"] for one in found["channels"] if one["node"] != one["then"]} == {found["killed"]}
