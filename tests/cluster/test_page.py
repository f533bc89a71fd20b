"""The code of docs/cluster.md runs as it stands there, but for the address and for what nodes here have to trust."""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest.importorskip("ray")

from isocord.ray import Cluster

from .. import pages
from .stage import Numbered, staged

PAGE = "docs/cluster.md"
pytestmark = pytest.mark.timeout(300)


async def test_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, *_, resume, _, drain, grow = pages.python(PAGE)
    async with staged(2) as stage:
        made: list[Cluster] = []

        def here(address: str, **options: Any) -> Cluster:
            assert address == "10.0.0.1:6379"
            trusted = {"env_vars": {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}}
            made.append(Cluster(stage.machines.address, runtime_env=trusted, **options))
            return made[-1]

        monkeypatch.setattr("isocord.ray.Cluster", here)
        channel = next(one for one in stage.bot.guilds[0].voice_channels if one.name == "General")
        stage.listener = stage.discord.listen("General", user="alice")
        scope: dict[str, Any] = {"channel": channel, "source": Numbered()}
        await pages.run(connect, PAGE, scope)
        await stage.hears()
        before = {one.node: one.pid for one in scope["cluster"].stats()}
        await scope["cluster"].ready(nodes=2)
        await pages.run(drain.replace("60.0", "4.0"), PAGE, scope)
        await stage.hears()
        after = {one.node: one.pid for one in scope["cluster"].stats()}
        assert before.keys() == after.keys() and not set(before.values()) & set(after.values())
        for other in (resume, grow):
            await pages.run(other.replace("Cluster(", "here("), PAGE, {**scope, "here": here})
            await made[-1].ready(nodes=2)
        for cluster in made:
            cluster.close()
