"""A bounded queue from one thread to one task."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Waiting(Generic[_Item]):
    """Items from one thread to one task; of more than ``capacity`` the oldest goes, and is counted."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._items: deque[_Item] = deque()
        self._ended = False
        self._reader: asyncio.Future[None] | None = None
        self.dropped: int = 0

    def put(self, items: Iterable[_Item]) -> None:
        """Add items, and wake the task."""
        with self._lock:
            for item in items:
                self._put(item)
            reader = self._reader if self._items else None
        wake(reader)

    def end(self) -> None:
        """Nothing more comes."""
        with self._lock:
            self._ended = True
            reader = self._reader
        wake(reader)

    async def get(self) -> _Item | None:
        """The next item, or None after the end.

        Raises:
            RuntimeError: another task reads already.
        """
        while True:
            with self._lock:
                if self._reader is not None:
                    raise RuntimeError("another task reads from it already")
                if self._items:
                    return self._take()
                if self._ended:
                    return None
                reader = self._reader = asyncio.get_running_loop().create_future()
            try:
                await reader
            finally:
                with self._lock:
                    self._reader = None

    def _put(self, item: _Item) -> None:
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)

    def _take(self) -> _Item:
        return self._items.popleft()


def wake(reader: asyncio.Future[None] | None) -> None:
    """Wake a task of a loop that may run on another thread, and may be closed."""
    if reader is not None:
        with contextlib.suppress(RuntimeError):
            reader.get_loop().call_soon_threadsafe(_resolve, reader)


def _resolve(reader: asyncio.Future[None]) -> None:
    if not reader.done():
        reader.set_result(None)
