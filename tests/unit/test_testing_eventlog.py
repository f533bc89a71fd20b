"""Waiting for something in the log of the fake Discord."""

from __future__ import annotations

import asyncio

import pytest

from isocord.testing.errors import WaitTimeoutError
from isocord.testing.ground.eventlog import EventLog


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancellation_that_comes_together_with_news_is_not_lost(turns: int) -> None:
    log = EventLog()
    waiting = asyncio.create_task(log.wait_for(lambda: False, 60.0, "it"))
    await asyncio.sleep(0)
    log.changed()
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=15)
    assert done
    assert waiting.cancelled()


async def test_it_returns_what_was_found_and_says_what_was_not() -> None:
    log, found = EventLog(), []
    waiting = asyncio.create_task(log.wait_for(lambda: found, 10.0, "it"))
    await asyncio.sleep(0)
    found.append(7)
    log.changed()
    assert await waiting == [7]
    with pytest.raises(WaitTimeoutError, match="the moon: not within"):
        await log.wait_for(lambda: False, 0.01, "the moon")
