"""Classes of the bot that run at the media nodes of a real Ray, with the page's recogniser on Ray Serve."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray.serve")

from isocord.remote import BesideError

from .. import pages
from .stage import Stage, kill, staged, until

pytestmark = pytest.mark.timeout(300)
PAGE = "docs/cluster.md"
DEPLOY = """
import sys, ray
from ray import serve
ray.init(address=sys.argv[1], log_to_driver=False)
serve.start(proxy_location="Disabled")
import speech
serve.run(speech.app, name="speech", route_prefix=None)
"""


def deploy(stage: Stage, folder: Path, code: str) -> None:
    """As ``serve run`` does, but for its door for HTTP: that would take a port of this machine."""
    (folder / "speech.py").write_text(code)
    command = [sys.executable, "-c", DEPLOY, stage.machines.address]
    subprocess.run(command, cwd=folder, env=with_path(folder), check=True, timeout=120)


def with_path(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}


async def test_an_assistant_beside_its_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, assistant, _, bot, models, *_ = pages.python(PAGE)
    # Ray's processes import the module of the models by its name.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with staged(2) as stage:
        deploy(stage, tmp_path, models)
        stage.listener = stage.discord.listen("General", user="alice")
        channel = next(one for one in stage.bot.guilds[0].voice_channels if one.name == "General")
        voice = await channel.connect(cls=stage.cluster.VoiceClient, timeout=30.0)
        scope: dict[str, Any] = {"__name__": "__main__", "cluster": stage.cluster, "voice": voice, "said": []}
        scope["print"] = scope["said"].append
        await pages.run(assistant, PAGE, scope)
        bob = stage.discord.speak("General", user="bob")
        await pages.run(bot, PAGE, scope)
        assert scope["said"] == [[]]
        bob.play(hum(440.0))

        async def heard() -> Any:
            return await scope["beside"].heard()

        assert [round(pitch, -1) for pitch in await until(heard)] == [440]

        async def answered() -> bool:
            return len(await stage.arrivals()) >= 25

        await until(answered)
        # It is begun anew where its node is lost, and answers there.
        node = await stage_node(stage, voice)
        kill(node.pid)
        assert await scope["beside"].started(after=1) == 2
        assert await scope["beside"].heard() == []
        bob.play(hum(660.0))
        assert [round(pitch, -1) for pitch in await until(heard)] == [660]
        await voice.disconnect()


async def stage_node(stage: Stage, voice: Any) -> Any:
    stage.voice = voice
    return await stage.node()


def hum(frequency: float, seconds: float = 1.0) -> bytes:
    import numpy as np

    at = np.arange(int(48_000 * seconds)) / 48_000
    data: bytes = np.repeat((np.sin(2 * np.pi * frequency * at) * 8000).astype("<i2"), 2).tobytes()
    return data


async def test_a_class_of_the_main_program_travels_as_code() -> None:
    made: dict[str, Any] = {"__name__": "__main__"}
    code = """
    import os

    class Where:
        def __init__(self, voice):
            self.pid = os.getpid()

        def process(self):
            return self.pid

        def ends(self):
            raise OSError("no such device")
    """
    exec(textwrap.dedent(code), made)
    async with staged(1) as stage:
        await stage.play()
        where = stage.cluster.run_beside(stage.voice, made["Where"])
        assert await where.process() == (await stage.node()).pid
        with pytest.raises(BesideError, match="OSError: no such device"):
            await where.ends()
