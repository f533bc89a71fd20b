"""``isocord demo --json``, from start to end; ``make demo`` is the same for people, under load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("discord")
pytest.importorskip("matplotlib")

from isocord.cli.main import main


def test_its_figures_are_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["demo", "--idle", "--seconds", "2", "--json", "--out", str(tmp_path)])
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert "frames played / heard" in said.err
    assert status == bool(told["faults"])
    assert told["encrypted"] and told["load"] is None
    assert told["frames_played"] == 100
    assert 0 < told["lateness_p50"] <= told["lateness_max"]
    assert [track["name"] for track in told["tracks"]] == ["bob", "carol", "dave"]
    assert all(Path(path).exists() for path in told["files"].values())


def test_a_file_that_cannot_be_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "song.mp3").write_bytes(b"no sound")
    assert main(["demo", str(tmp_path / "song.mp3"), "--json", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "song.mp3" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a word")
def test_nothing_is_left_where_it_is_terminated(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "isocord", "demo", "--idle", "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    with process:
        deadline = time.monotonic() + 60
        while process.poll() is None and not any(path.stat().st_size for path in scratch.glob("isocord-ca-*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Traceback" not in said
    assert list(scratch.iterdir()) == []
