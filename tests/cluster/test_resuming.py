"""A bot's process that ends, and the next one, which finds its connection on a real Ray."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from isocord import testing

from ..hosts.resuming import Bot
from ..hosts.world import wave_file
from .stage import staged, until


async def test_what_runs_beside_goes_on_without_a_bot_and_is_found() -> None:
    async with staged(2) as stage:
        stage.listener = stage.discord.listen("General", user="alice")
        about: Any = (stage.discord, stage.machines.address, wave_file(testing.tone(440.0, 1.0)))
        with closing(Bot(*about)) as first:
            assert await first.joined() == {"resumable": False, "found": False, "starts": 1}
            assert await first.again() == 1
            await stage.hears()
        # Nobody but the node is there.
        await stage.hears(50)
        with closing(Bot(*about)) as second:
            assert await second.joined() == {"resumable": True, "found": True, "starts": 1}
            assert await second.again() == 2
            await stage.hears()
            await second.leave()

        async def empty() -> bool:
            return not any(one.load.connections for one in stage.cluster.stats())

        await until(empty)
