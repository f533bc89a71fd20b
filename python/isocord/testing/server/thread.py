"""The server's own thread and event loop, so that a bot whose loop blocks does not freeze it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ..errors import NotRunningError, WaitTimeoutError

T = TypeVar("T")

_CALL_TIMEOUT = 10.0


class ServerThread:
    """One event loop on one thread."""

    def __init__(self, name: str = "isocord-testing") -> None:
        # A selector loop on every platform: the UDP side needs add_reader, which Windows' default loop lacks.
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            # A client that says no goodbye would hold an encrypted connection open for as long as it likes.
            for transport in list(getattr(self.loop, "_transports", {}).values()):
                transport.abort()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the server's loop.

        Raises:
            NotRunningError: the thread has ended.
        """
        if not self._thread.is_alive():
            coroutine.close()
            raise NotRunningError("the fake Discord is not running")
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, function: Callable[[], T]) -> T:
        """Run a function on the server's thread and give its result; its exceptions are raised here.

        Raises:
            NotRunningError: the thread has ended.
            WaitTimeoutError: the server did not get to it in 10 seconds.
        """
        if threading.current_thread() is self._thread:
            return function()

        async def run() -> T:
            return function()

        return self.wait(run())

    def wait(self, coroutine: Coroutine[Any, Any, T], timeout: float = _CALL_TIMEOUT) -> T:
        """Run a coroutine on the server's loop and wait for it, for so many seconds; as :meth:`call`."""
        future = self.submit(coroutine)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise WaitTimeoutError(f"the fake Discord did not answer within {timeout} s") from None

    def stop(self) -> None:
        """Stop the loop, cancel its tasks and join the thread; idempotent.

        Raises:
            WaitTimeoutError: the thread did not end in 10 seconds.
        """
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_CALL_TIMEOUT)
            if self._thread.is_alive():
                raise WaitTimeoutError("the fake Discord's thread did not end")
        elif not self.loop.is_closed():
            self.loop.close()
