"""What happens in a queue, on its way to tasks and functions of the bot's: bounded, and told when it is heard."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from ... import _native
from ...runtime.callbacks import follow
from .entry import QueueEntry

_log = logging.getLogger(__name__)

MOST_WAITING = 1024
"""Events that wait for a task; the oldest one is dropped for another one."""

_TAKE_SECONDS = 1.0


@dataclass(frozen=True)
class QueueEvent:
    """What has happened in a :class:`Queue`.

    Attributes:
        kind: "started" (the entry is heard), "ended" (it is not heard any more), "failed" (it could not be played) or
            "empty" (nothing is heard any more, and nothing is to come).
        entry: the entry that it is about; None for "empty".
        error: why it failed, or ended early.
    """

    kind: Literal["started", "ended", "failed", "empty"]
    entry: QueueEntry | None = None
    error: Exception | None = None


class QueueEvents:
    """The events of a queue as an asynchronous iterator for one task; :meth:`Queue.events` makes it.

    One that is forgotten is told no more.
    """

    def __init__(self, queue: object, loop: asyncio.AbstractEventLoop) -> None:
        # Whoever waits for its events wants the queue to live.
        self._queue = queue
        self._loop = loop
        self._waiting: asyncio.Queue[QueueEvent] = asyncio.Queue(MOST_WAITING)
        self.dropped: int = 0
        """Events for which there was no room."""

    def __aiter__(self) -> QueueEvents:
        return self

    async def __anext__(self) -> QueueEvent:
        return await self._waiting.get()

    def put(self, event: QueueEvent) -> None:
        """Have it wait; called on any thread."""
        # The loop may be closed already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: QueueEvent) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(event)


class Watchers:
    """All those who want to know what happens in a queue."""

    def __init__(self, events: _native.QueueEvents) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._iterators: weakref.WeakSet[QueueEvents] = weakref.WeakSet()
        self._functions: list[tuple[Callable[[QueueEvent], object], asyncio.AbstractEventLoop]] = []
        self._thread: threading.Thread | None = None

    def iterate(self, queue: object) -> QueueEvents:
        """A new iterator."""
        events = QueueEvents(queue, asyncio.get_running_loop())
        with self._lock:
            self._iterators.add(events)
            self._start()
        return events

    def call(self, function: Callable[[QueueEvent], object]) -> None:
        """Call a function with each event from now on."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._functions.append((function, loop))
            self._start()

    def tell(self, event: QueueEvent) -> None:
        """Tell all."""
        with self._lock:
            iterators, functions = list(self._iterators), list(self._functions)
        for iterator in iterators:
            iterator.put(event)
        for function, loop in functions:
            _call(function, event, loop)

    def _start(self) -> None:
        if self._thread is None:
            # What happened before is of no interest.
            self._events.take(0.0)
            # The thread must not know the queue: that could then never be forgotten.
            args = (self._events, weakref.ref(self))
            self._thread = threading.Thread(target=_pump, args=args, name="isocord-queue", daemon=True)
            self._thread.start()


def _pump(events: _native.QueueEvents, watchers: weakref.ref[Watchers]) -> None:
    while (told := events.take(_TAKE_SECONDS)) is not None:
        all_of_them = watchers()
        if all_of_them is None:
            return
        for kind, entry, text in told:
            all_of_them.tell(_event(kind, cast("QueueEntry | None", entry), text))
        del all_of_them


def _event(
    kind: Literal["started", "ended", "failed", "empty"], entry: QueueEntry | None, text: str | None
) -> QueueEvent:
    if kind == "ended" and entry is not None:
        return QueueEvent(kind, entry, entry.what_ended(text))
    if kind == "failed" and entry is not None:
        return QueueEvent(kind, entry, entry.error or entry.what_ended(text))
    return QueueEvent(kind, entry)


def _call(function: Callable[[QueueEvent], object], event: QueueEvent, loop: asyncio.AbstractEventLoop) -> None:
    try:
        result = function(event)
    except BaseException:
        _log.exception("What is called with the events of a queue failed")
    else:
        follow(result, loop, "What is called with the events of a queue", _log)
