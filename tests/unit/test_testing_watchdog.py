"""Who is silent for too long is told from who could not be heard."""

from __future__ import annotations

import asyncio
import time

from isocord.testing.ground.watchdog import Watchdog

PATIENCE = 0.1


async def test_a_loop_that_stood_still_hears_what_came_before_it_bites() -> None:
    bitten = asyncio.Event()
    dog = Watchdog(PATIENCE, bitten.set)
    dog.feed()
    for _ in range(3):
        time.sleep(2 * PATIENCE)
        # What is read from a socket is handled a turn later.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not bitten.is_set()
        dog.feed()
    await asyncio.wait_for(bitten.wait(), 15)


async def test_it_bites_nobody_any_more_when_it_is_called_off() -> None:
    bitten = asyncio.Event()
    dog = Watchdog(PATIENCE, bitten.set)
    dog.feed()
    dog.cancel()
    dog.cancel()
    await asyncio.sleep(2 * PATIENCE)
    assert not bitten.is_set()
