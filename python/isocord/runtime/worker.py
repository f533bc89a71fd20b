"""A thread beside a loop, for what would hold the loop up."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]
Done = Callable[[BaseException | None], object]


class Worker:
    """Does one job after the other, and tells of each on the loop on which the worker was made.

    Who has another job for it only when the last one is done gets its turn among the others, and leaves no more than
    one in the queue.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[tuple[Job, Done] | None] = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, job: Job, done: Done) -> None:
        """Have ``job`` done; ``done`` is then given what it raised, or None."""
        self._jobs.put((job, done))

    def close(self) -> asyncio.Future[None]:
        """End the thread, after what is queued; the future is done then."""
        self._jobs.put(None)
        return self._ended

    def _run(self) -> None:
        while (next_job := self._jobs.get()) is not None:
            job, done = next_job
            error: BaseException | None = None
            try:
                job()
            except BaseException as raised:
                # Also a panic of the native side, which is no Exception.
                error = raised
            self._tell(done, error)
            # Nothing is held while the thread waits.
            del next_job, job, done, error
        self._tell(_end, self._ended)

    def _tell(self, function: Callable[..., object], argument: object) -> None:
        # A loop that is closed has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, argument)


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
