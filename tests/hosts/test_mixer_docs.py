"""The code of docs/mixer.md runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from .ears import sine
from .world import World

BLOCKS = pages.python("docs/mixer.md")


async def test_every_block_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r'"([\w.]+)"', "".join(BLOCKS)):
        if name != "missing.mp3":
            # The content decides what a file is, not its name.
            sine(tmp_path / name, 6.0 if name in ("music.flac", "one.mp3") else 0.4)
    scope: dict[str, Any] = {"isocord": isocord, "asyncio": asyncio, "voice": await world.connect()}
    names = "mixer", "music", "first", "second"
    for block in BLOCKS:
        given = "".join(f"    {name} = scope.get({name!r})\n" for name in names)
        kept = "    scope.update({name: value for name, value in locals().items() if name != 'scope'})\n"
        code = f"async def run(scope):\n{given}{textwrap.indent(block, '    ')}{kept}"
        exec(code, scope)
        await asyncio.wait_for(scope["run"](scope), 30)
    assert len(BLOCKS) == 5
    assert "missing.mp3" in capsys.readouterr().out
    assert scope["mixer"].endless
