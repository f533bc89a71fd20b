"""A piece of the fuzzer, always the same one; ``python -m tests.fuzz.gateway_messages`` runs as long as it is told."""

from __future__ import annotations

import logging

import pytest

from ..fuzz.gateway_messages import fuzz
from ..fuzz.ground import without_connection


def test_no_story_leaves_a_connection_hanging(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    without_connection(monkeypatch.setattr)
    counts = fuzz(0, 600.0, most=40)
    assert counts["stories"] == 40
    assert counts["messages"] > 1000
