"""Waiting for what happens in the fake Discord."""

from __future__ import annotations

import asyncio

import pytest

from isocord.testing import WaitTimeoutError
from isocord.testing.ground.eventlog import EventLog


@pytest.mark.parametrize("turns", range(8))
async def test_a_wait_that_is_cancelled_as_something_happens_ends(turns: int) -> None:
    log = EventLog()
    waiting = asyncio.create_task(log.wait_for(lambda: False, 60.0, "the moon"))
    await asyncio.sleep(0)
    log.changed()
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=5.0)
    assert waiting.cancelled()


async def test_a_wait_sees_what_happens_and_what_nobody_tells() -> None:
    log = EventLog()
    told = asyncio.create_task(log.wait_for(lambda: log.counters["knocks"], 5.0, "a knock"))
    untold: list[int] = []
    polled = asyncio.create_task(log.wait_for(lambda: untold, 5.0, "somebody"))
    await asyncio.sleep(0)
    log.count("knocks")
    untold.append(7)
    assert await told == 1
    assert await polled == [7]


async def test_a_wait_ends_with_its_time() -> None:
    with pytest.raises(WaitTimeoutError, match="the moon: not within"):
        await EventLog().wait_for(lambda: False, 0.001, "the moon")
