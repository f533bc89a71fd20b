"""Waiting until something about a voice client is so."""

from __future__ import annotations

import asyncio

import pytest

from isocord.client.waiting import Waiters


async def test_it_returns_when_it_is_so() -> None:
    waiters, so = Waiters(asyncio.get_running_loop()), False
    waiting = asyncio.create_task(waiters.until(lambda: so, None))
    await asyncio.sleep(0)
    waiters.wake()
    await asyncio.sleep(0)
    assert not waiting.done()
    so = True
    waiters.wake()
    await waiting


async def test_it_takes_no_longer_than_asked() -> None:
    waiters = Waiters(asyncio.get_running_loop())
    with pytest.raises(asyncio.TimeoutError):
        await waiters.until(lambda: False, 0)
    with pytest.raises(asyncio.TimeoutError):
        await waiters.until(lambda: False, 0.01)
    await waiters.until(lambda: True, 0)


async def test_what_the_condition_raises_comes_through() -> None:
    waiters, over = Waiters(asyncio.get_running_loop()), False

    def condition() -> bool:
        if over:
            raise LookupError("over")
        return False

    waiting = asyncio.create_task(waiters.until(condition, 60))
    await asyncio.sleep(0)
    over = True
    waiters.wake()
    with pytest.raises(LookupError, match="over"):
        await waiting


async def test_a_cancellation_that_comes_with_a_change_is_not_lost() -> None:
    """asyncio.wait_for loses it before Python 3.12, and who waits in a loop then waits on."""
    waiters = Waiters(asyncio.get_running_loop())
    waiting = asyncio.create_task(waiters.until(lambda: False, 60))
    await asyncio.sleep(0)
    waiters.wake()
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=15)
    assert done
    assert waiting.cancelled()


async def test_a_cancellation_of_any_moment_ends_it() -> None:
    waiters = Waiters(asyncio.get_running_loop())
    for steps in range(6):
        waiting = asyncio.create_task(waiters.until(lambda: False, 60))
        await asyncio.sleep(0)
        waiters.wake()
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait([waiting], timeout=15)
        assert done
        assert waiting.cancelled()
