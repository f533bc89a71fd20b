"""The code of docs/queue.md runs as it stands there."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from .ears import sine
from .world import World

BLOCKS = pages.python("docs/queue.md")


async def test_every_block_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("intro.flac", "song.opus", "encore.mp3"):
        # The content decides what a file is, not its name.
        sine(tmp_path / name, 0.6)
    scope: dict[str, Any] = {"isocord": isocord, "asyncio": asyncio, "voice": await world.connect()}
    for block in BLOCKS:
        kept = "    scope.update({name: value for name, value in locals().items() if name != 'scope'})\n"
        given = "    queue = scope.get('queue')\n"
        code = f"async def run(scope):\n{given}{textwrap.indent(block, '    ')}{kept}"
        exec(code, scope)
        await asyncio.wait_for(scope["run"](scope), 30)
    said = capsys.readouterr().out
    assert len(BLOCKS) == 3
    assert "missing.mp3" in said
    assert "now playing Again" in said
