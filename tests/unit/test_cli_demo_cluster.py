"""``isocord demo --cluster`` where what it needs is not there."""

from __future__ import annotations

import sys

import pytest

from isocord.cli.main import main


def test_it_says_what_is_to_be_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["demo", "--cluster"]) == 2
    assert "pip install 'isocord[demo,ray,cli]'" in capsys.readouterr().err
