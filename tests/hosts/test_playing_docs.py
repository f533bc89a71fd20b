"""What docs/playing.md says of playing one thing after the other, in place of another, over it: as it stands there."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from .ears import Ear, sine
from .world import World, until

BLOCKS = pages.python("docs/playing.md")


async def test_it_is_heard_as_it_says(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sine(tmp_path / "song.mp3", 0.5, 400)
    sine(tmp_path / "clip.ogg", 10.0, 900)
    listener = world.discord.listen("General")
    ear = Ear(listener)
    playlist = [sine(tmp_path / "one.wav", 10.0, 700)]
    scope: dict[str, Any] = {"isocord": isocord, "voice": await world.connect(), "playlist": playlist}
    (block,) = BLOCKS
    exec(f"async def run():\n{textwrap.indent(block, '    ')}    return error, mixer", scope)
    error, mixer = await asyncio.wait_for(scope["run"](), 30)
    assert error is None
    assert scope["voice"].source is mixer
    assert listener.arrivals()
    await until(lambda: abs(ear.tone(900) - 1.0) < 0.06 and ear.tone(700) < 0.05)
