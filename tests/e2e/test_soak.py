"""The small soak: random faults in a row, and nothing leaks. The large one is benches/python/soak.py itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "benches" / "python" / "soak.py"


@pytest.mark.skipif(sys.platform != "linux", reason="what leaked is read from /proc")
def test_a_small_soak(tmp_path: Path) -> None:
    report = tmp_path / "soak.json"
    command = [sys.executable, str(SOAK), "--faults", "10", "--seed", "3", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(report.read_text("utf-8"))
    assert figures["playing goes on"]
    assert figures["leaked"] == {}
    assert figures["frames that could not be opened"] == 0
    assert figures["recorded frames"] > 0
