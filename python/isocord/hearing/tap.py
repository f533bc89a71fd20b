"""What a native queue has ready, on its way to those who wait for it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Protocol

_TAKE_LIMIT = 256
_TAKE_SECONDS = 0.1


class Source(Protocol):
    """The part of a native queue that is used."""

    def take(self, max: int, timeout: float, /) -> list[Any] | None: ...
    def close(self) -> None: ...


class LiveSource(Source, Protocol):
    """The part of :class:`isocord._native.FrameQueue` that is used."""

    def watch(self, capacity: int, /, *, newest: bool) -> int | None: ...
    @property
    def dropped(self) -> int: ...
    @property
    def late(self) -> int: ...


class Sink(Protocol):
    """Where it goes: :class:`~isocord.hearing.waiting.Waiting`, for one."""

    def put(self, items: Any, /) -> None: ...
    def end(self) -> None: ...


class Tap:
    """Takes what a queue has ready: on the loop that reads, which watches a file, so that no other thread of Python's
    has to come by the GIL first; on such a thread where a loop can watch none.

    It does not know who reads: that could otherwise never be forgotten. Who reads closes the queue, which ends it.
    """

    def __init__(self, source: Source, waiting: Sink, file: int | None) -> None:
        self._source = source
        self._waiting = waiting
        self._file = file
        self._loop: asyncio.AbstractEventLoop | None = None
        try:
            loop = asyncio.get_running_loop() if file is not None else None
        except RuntimeError:
            loop = None
        if loop is None:
            self._go_on_a_thread()
        else:
            self.follow(loop)

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on on this loop, if it is another one than before."""
        if self._file is None or loop is self._loop:
            return
        before, file, self._loop = self._loop, self._file, loop
        try:
            loop.add_reader(file, self._take, loop, file)
        except NotImplementedError:
            # Proactors of Windows, and loops of one's own.
            self._go_on_a_thread()
        if before is not None:
            try:
                before.call_soon_threadsafe(self._leave, before, file)
            except RuntimeError:
                # It is closed, and watches nothing any more.
                return

    def _leave(self, loop: asyncio.AbstractEventLoop, file: int) -> None:
        # It may have come back meanwhile.
        if loop is not self._loop:
            loop.remove_reader(file)

    def _take(self, loop: asyncio.AbstractEventLoop, file: int) -> None:
        items = self._source.take(_TAKE_LIMIT, 0.0)
        if items:
            self._waiting.put(items)
        elif items is None:
            loop.remove_reader(file)
            self._waiting.end()

    def _go_on_a_thread(self) -> None:
        self._file = None
        arguments = (self._source, self._waiting)
        threading.Thread(target=_pump, args=arguments, name="isocord-listen", daemon=True).start()


def _pump(source: Source, waiting: Sink) -> None:
    try:
        while (items := source.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            if items:
                waiting.put(items)
    finally:
        waiting.end()
