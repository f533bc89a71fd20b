"""What users say to a media node, on its way to a bot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..hearing.tap import Source
from ..runtime.thread import GatewayThread

_CAPACITY = 4096
_TAKE_LIMIT = 256
_TAKE_SECONDS = 0.1


class Ear:
    """Brings what a native queue has: by a file that the loop watches, or by a thread where there is none.

    Args:
        queue: frames, or utterances with their numbers.
        thread: the gateway thread.
        heard: told, on it, of items, of how many were dropped, and of how many were late.
        over: told, on it, that no more comes.
    """

    def __init__(
        self,
        queue: Any,
        thread: GatewayThread,
        heard: Callable[[tuple[Any, ...], int, int], object],
        over: Callable[[], object],
    ) -> None:
        self._queue = queue
        self._thread = thread
        self._heard, self._over = heard, over
        self._file: int | None = queue.watch(_CAPACITY, newest=False) if hasattr(queue, "watch") else None
        if self._file is not None:
            try:
                thread.loop.add_reader(self._file, self._ready)
                return
            except NotImplementedError:
                self._file = None
        threading.Thread(target=self._pump, args=(queue,), name="isocord-listen", daemon=True).start()

    def close(self) -> None:
        """Bring no more."""
        self._queue.close()

    def _ready(self) -> None:
        items = self._queue.take(_TAKE_LIMIT, 0.0)
        if items:
            self._tell(items)
        elif items is None:
            assert self._file is not None
            self._thread.loop.remove_reader(self._file)
            self._over()

    def _pump(self, queue: Source) -> None:
        while (items := queue.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            if items:
                self._thread.call(self._tell, items)
        self._thread.call(self._over)

    def _tell(self, items: list[Any]) -> None:
        queue = self._queue
        self._heard(tuple(items), getattr(queue, "dropped", 0), queue.late)
