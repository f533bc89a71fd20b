"""What happened: every gateway message both ways, counters, and waiting for either."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..errors import WaitTimeoutError

T = TypeVar("T")

SECRET_FIELDS = frozenset({"token", "secret_key"})
REDACTED = "[redacted]"

# Predicates may look at things that this log knows nothing of, such as the bot's own state.
_POLL = 0.02

Socket = Literal["gateway", "voice"]
Direction = Literal["received", "sent"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One gateway message.

    Attributes:
        time: ``time.monotonic()`` seconds.
        socket: the main gateway or a voice gateway.
        direction: as the server sees it: ``"received"`` from the client, ``"sent"`` to it.
        connection: number of the websocket, counted from 1.
        op: opcode; -1 for a close, whose code is in ``data``.
        name: the event's name of a main gateway dispatch, else the opcode's name.
        data: the message's body, secrets replaced by ``"[redacted]"``; for binary messages ``{"bytes": length}``.
        seq: the message's number where it has one.
    """

    time: float
    socket: Socket
    direction: Direction
    connection: int
    op: int
    name: str
    data: Any
    seq: int | None = None


def redact(value: Any) -> Any:
    """A copy of a JSON value with its secrets replaced."""
    if isinstance(value, Mapping):
        return {k: REDACTED if k in SECRET_FIELDS and v is not None else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


class EventLog:
    """Bounded log and counters; written by the server's thread, read and awaited from any.

    Args:
        size: how many messages are kept; older ones are forgotten.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=size)
        self.counters: Counter[str] = Counter()
        self._waiters: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def add(
        self,
        socket: Socket,
        direction: Direction,
        connection: int,
        op: int,
        *,
        name: str,
        data: Any,
        seq: int | None = None,
    ) -> None:
        """Note one message and wake those who wait."""
        entry = LogEntry(time.monotonic(), socket, direction, connection, op, name, redact(data), seq)
        with self._lock:
            self._entries.append(entry)
        self.changed()

    def count(self, what: str, number: int = 1) -> None:
        self.counters[what] += number
        self.changed()

    def entries(self) -> list[LogEntry]:
        """A snapshot, oldest first."""
        with self._lock:
            return list(self._entries)

    def changed(self) -> None:
        """Wake everyone who waits; cheap when nobody does."""
        if self._waiters:
            with self._lock:
                waiters = list(self._waiters)
            for wake in waiters:
                wake()

    async def wait_for(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        """Wait on the running loop until ``predicate`` gives something true, and return that.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:
                # The waiter's loop was closed under it; there is nobody left to wake.
                return

        with self._lock:
            self._waiters.add(wake)
        try:
            deadline = loop.time() + timeout
            while not (result := predicate()):
                left = deadline - loop.time()
                if left <= 0:
                    raise WaitTimeoutError(f"{what}: not within {timeout} s")
                event.clear()
                if result := predicate():
                    break
                # No asyncio.wait_for: before Python 3.12 it may swallow the cancellation of the task that waits.
                poll = loop.call_later(min(left, _POLL), event.set)
                try:
                    await event.wait()
                finally:
                    poll.cancel()
            return result
        finally:
            with self._lock:
                self._waiters.discard(wake)

    def wait_until(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        """The same for code without an event loop; blocks the calling thread.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        event = threading.Event()
        with self._lock:
            self._waiters.add(event.set)
        try:
            deadline = time.monotonic() + timeout
            while not (result := predicate()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeoutError(f"{what}: not within {timeout} s")
                event.clear()
                if result := predicate():
                    break
                event.wait(min(left, _POLL))
            return result
        finally:
            with self._lock:
                self._waiters.discard(event.set)
