"""The thread beside a loop: jobs in order, told on the loop, and an end that waits for what was queued."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

from isocord.runtime.worker import Worker


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def note(where: list[tuple[int, str]], number: int, error: BaseException | None = None) -> None:
    assert error is None
    where.append((number, threading.current_thread().name))


async def test_jobs_are_done_in_order_by_one_thread_and_told_on_the_loop() -> None:
    worker = Worker("isocord-test")
    done: list[tuple[int, str]] = []
    told: list[tuple[int, str]] = []
    for number in range(50):
        worker.do(
            partial(note, done, number),
            partial(note, told, number),
        )
    await worker.close()
    assert done == [(number, "isocord-test") for number in range(50)]
    assert told == [(number, threading.current_thread().name) for number in range(50)]


async def test_what_a_job_raises_is_told_and_the_next_one_is_done() -> None:
    worker = Worker("isocord-test")
    told: list[BaseException | None] = []

    def fail() -> None:
        raise SystemExit("not the thread's end")

    worker.do(fail, told.append)
    worker.do(lambda: None, told.append)
    await worker.close()
    assert isinstance(told[0], SystemExit)
    assert told[1] is None


async def test_the_loop_goes_on_while_a_job_takes_its_time() -> None:
    worker = Worker("isocord-test")
    held = threading.Event()
    worker.do(lambda: (held.wait(15), None)[1], lambda _: None)
    # If the loop waited for the job, nobody would set the event.
    asyncio.get_running_loop().call_later(0.01, held.set)
    await worker.close()
    assert held.is_set()


def test_a_loop_that_is_closed_is_not_told() -> None:
    release = threading.Event()

    async def leave() -> Worker:
        worker = Worker("isocord-test-left")
        worker.do(lambda: (release.wait(15), None)[1], lambda _: None)
        worker.close()
        return worker

    worker = asyncio.run(leave())
    release.set()
    worker._thread.join(15)
    assert "isocord-test-left" not in names()
