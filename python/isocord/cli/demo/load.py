"""What keeps a bot from sending in time: CPU-bound threads and a blocked event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_BLOCK = 0.25
_PAUSE = 0.25


class Load:
    """An async context in which the interpreter has no time for anyone.

    Args:
        threads: pure-Python threads that never let go of the GIL by themselves.
        block: whether the running loop is blocked for 250 ms twice a second.
    """

    def __init__(self, *, threads: int = 2, block: bool = True) -> None:
        self._count = threads
        self._block = block
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._task: asyncio.Task[None] | None = None
        self.blocked: int = 0

    async def __aenter__(self) -> Self:
        for number in range(self._count):
            thread = threading.Thread(target=self._burn, name=f"load-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        if self._block:
            self._task = asyncio.get_running_loop().create_task(self._block_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._task is not None:
            self._task.cancel()
        for thread in self._threads:
            thread.join(5)

    def _burn(self) -> None:
        number = 0
        while not self._over.is_set():
            for _ in range(10_000):
                number = (number * 1_103_515_245 + 12_345) % 2**31

    async def _block_loop(self) -> None:
        while True:
            # The point is to block: this is what careless bot code does.
            time.sleep(_BLOCK)  # noqa: ASYNC251
            self.blocked += 1
            await asyncio.sleep(_PAUSE)
