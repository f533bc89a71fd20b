"""Media nodes on a Ray cluster, and what a listener hears when they are lost."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray")

from .stage import Heard, Stage, go_on, kill, staged, stop

pytestmark = pytest.mark.timeout(300)


async def test_a_killed_node_is_followed_by_another_one_and_started_again() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        kill(before.pid)
        await stage.another(before)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.again <= 1.0 and heard.mixed == 0, heard

        async def is_back() -> bool:
            return any(one.node == before.node and one.pid != before.pid for one in stage.cluster.stats())

        from .stage import until_async

        await until_async(is_back)
