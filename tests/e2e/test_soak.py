"""The small soak: random faults in a row, and nothing leaks. The large one is benches/python/soak.py itself."""

from __future__ import annotations

import importlib
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
    # One for each fault that counts: the warm-up, whose memory grows, is left out.
    assert len(figures["memory MB"]) == len(figures["Python blocks in use"]) == 10


def test_growth_is_told_from_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SOAK.parent))
    memory = importlib.import_module("memory").Memory()
    noise = (0.0, 0.09, 0.03, 0.12, 0.01)
    memory.native = [15.6 + 0.1 * (number > 3) + noise[number % 5] for number in range(20)]
    memory.blocks = [243_000 + 4_000 * (number > 2) + round(noise[number % 5] * 1_000) for number in range(20)]
    assert memory.leaks() == {}
    # A kilobyte and twenty objects a fault, of 2,000.
    memory.native = [sample + 0.1 * number for number, sample in enumerate(memory.native)]
    memory.blocks = [sample + 2_000 * number for number, sample in enumerate(memory.blocks)]
    assert set(memory.leaks()) == {"native MB", "blocks"}
