"""What runs at a media node, as the bot knows it: what was asked for stands, and is begun anew at the next node."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

from ...errors import ClosedError, IsocordError
from ...runtime.thread import GatewayThread
from ..messages import FromSeat, ToSeat
from .messages import Call, EndRun, Failure, Recall, Returned, Run, RunIsOver, Running
from .parcel import PYTHON

_log = logging.getLogger("isocord.node")
_QUICK = 10.0
"""Seconds: a node that is lost so soon after it began something may have been lost for it."""
_ENOUGH = 3

Future = concurrent.futures.Future
Post = Callable[[Callable[[int], ToSeat]], object]


class BesideError(IsocordError):
    """What runs beside a voice connection has failed, or was lost with its media node.

    Attributes:
        kind: the name of the exception's class there; None where a node was lost.
        trace: where it was raised, as Python prints it.
    """

    def __init__(self, message: str, kind: str | None = None, trace: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace


def _error(failure: Failure) -> BesideError:
    return BesideError(f"{failure.kind}: {failure.told}", failure.kind, failure.trace)


class Errand:
    """One object that runs there. Its methods may be called from any thread.

    Args:
        number: what it is called between bot and node.
        name: of its class.
        parcel: the class and its arguments.
        thread: the gateway thread.
        post: hands a message over to the gateway thread, to be sent if there is a node.
    """

    def __init__(self, number: int, name: str, parcel: bytes, thread: GatewayThread, post: Post) -> None:
        self.number = number
        self.name = name
        self.end: Future[Any] = Future()
        self.end.set_running_or_notify_cancel()
        self.starts: int = 0
        self.found: bool = False
        self._parcel = parcel
        self._thread, self._post = thread, post
        self._tickets = itertools.count(1)
        self._calls: dict[int, tuple[str, bytes, Future[Any]]] = {}
        self._there: set[int] = set()
        self._waiting: list[tuple[int, Future[int]]] = []
        self._begun_at: float | None = None
        self._quick_losses = 0

    def started(self, after: int) -> Future[int]:
        """Done with how often it was begun, once that is more than ``after``."""
        done: Future[int] = Future()
        self._hand_over(self._wait, done, after, done)
        return done

    def call(self, method: str, parcel: bytes) -> Future[Any]:
        """Done with what a method returned."""
        done: Future[Any] = Future()
        self._hand_over(self._call, done, method, parcel, done)
        return done

    def close(self) -> None:
        """End it."""
        self._thread.call(self._close)

    def _hand_over(self, function: Callable[..., object], done: Future[Any], *args: Any) -> None:
        if not self._thread.call(function, *args):
            done.set_exception(ClosedError("the connection is closed"))

    # The gateway thread.

    def begin(self, seat: int) -> list[ToSeat]:
        """What a node is told that knows nothing of it."""
        if self.end.done():
            return []
        self.is_begun()
        told: list[ToSeat] = [self.run(seat)]
        for ticket, (method, parcel, _) in self._calls.items():
            self._there.add(ticket)
            told.append(Call(seat, self.number, ticket, method, parcel))
        return told

    def is_begun(self) -> None:
        """The node is about to be told of it."""
        self._begun_at = time.monotonic()

    def run(self, seat: int) -> ToSeat:
        """What makes it."""
        return Run(seat, self.number, self.starts + 1, self.name, PYTHON, self._parcel)

    def lost(self, *, crashed: bool) -> None:
        """The node is gone."""
        begun_at, self._begun_at = self._begun_at, None
        there, self._there = self._there, set()
        for ticket in there:
            if (waiting := self._calls.pop(ticket, None)) is not None:
                _fail(waiting[2], BesideError(f"the media node was lost before {waiting[0]} returned"))
        if begun_at is None or self.end.done():
            return
        quick = crashed and time.monotonic() - begun_at < _QUICK
        self._quick_losses = self._quick_losses + 1 if quick else 0
        if self._quick_losses >= _ENOUGH:
            told = f"{_ENOUGH} media nodes in a row were lost within {_QUICK:.0f} s of beginning {self.name}"
            self.finish(None, BesideError(told))
        else:
            _log.warning("%s was lost with its media node, and is begun anew at the next one", self.name)

    def told(self, message: FromSeat) -> None:
        """The node says something of it."""
        if isinstance(message, Running):
            self.found = self.found or (message.found and not self.starts)
            # One that is found is the one that was begun, and did not bring its node down.
            self._quick_losses = 0 if message.found else self._quick_losses
            self.starts = max(1, self.starts) if message.found else self.starts + 1
            for waiter in [one for one in self._waiting if one[0] < self.starts]:
                self._waiting.remove(waiter)
                _fulfil(waiter[1], self.starts)
        elif isinstance(message, Returned):
            self._there.discard(message.ticket)
            if (waiting := self._calls.pop(message.ticket, None)) is not None:
                if message.failure is not None:
                    _fail(waiting[2], _error(message.failure))
                else:
                    _fulfil(waiting[2], message.value)
        elif isinstance(message, RunIsOver):
            self.finish(message.value, None if message.failure is None else _error(message.failure))

    def finish(self, value: Any, error: Exception | None) -> None:
        """It is over."""
        if self.end.done():
            return
        if error is None:
            self.end.set_result(value)
        else:
            if isinstance(error, BesideError):
                _log.error("%s has ended beside its connection: %s", self.name, error)
            self.end.set_exception(error)
        gone = error or ClosedError(f"{self.name} has ended")
        calls, self._calls, waiting, self._waiting = self._calls, {}, self._waiting, []
        for done in [*(call[2] for call in calls.values()), *(one[1] for one in waiting)]:
            _fail(done, gone)

    def _close(self) -> None:
        if not self.end.done():
            self._post(lambda seat: EndRun(seat, self.number))
            self.finish(None, ClosedError(f"{self.name} was closed"))

    def _wait(self, after: int, done: Future[int]) -> None:
        if self.end.done():
            _fail(done, self._gone())
        elif self.starts > after:
            _fulfil(done, self.starts)
        else:
            self._waiting.append((after, done))

    def _call(self, method: str, parcel: bytes, done: Future[Any]) -> None:
        if self.end.done():
            _fail(done, self._gone())
            return
        ticket = next(self._tickets)
        self._calls[ticket] = (method, parcel, done)
        done.add_done_callback(lambda _: done.cancelled() and self._thread.call(self._recall, ticket))
        if self._begun_at is not None:
            self._there.add(ticket)
            self._post(lambda seat: Call(seat, self.number, ticket, method, parcel))

    def _recall(self, ticket: int) -> None:
        self._calls.pop(ticket, None)
        if ticket in self._there:
            self._there.discard(ticket)
            self._post(lambda seat: Recall(seat, self.number, ticket))

    def _gone(self) -> Exception:
        error = self.end.exception()
        return error if isinstance(error, Exception) else ClosedError(f"{self.name} has ended")


class Errands:
    """All that runs at the node of one connection.

    Args:
        thread: the gateway thread.
        post: hands a message over to the gateway thread, to be sent if there is a node.
    """

    def __init__(self, thread: GatewayThread, post: Post) -> None:
        self._thread, self._post = thread, post
        self._numbers = itertools.count(1)
        self._errands: dict[int, Errand] = {}
        # Ended while no node could be told; one that kept the seat still runs them.
        self._ended_away: list[int] = []
        self._seated = False
        self._closed = False

    def begin_one(self, name: str, parcel: bytes) -> Errand:
        """Run one more; from any thread."""
        errand = Errand(next(self._numbers), name, parcel, self._thread, self._post)
        if not self._thread.call(self._add, errand):
            errand.finish(None, ClosedError("the connection is closed"))
        return errand

    # The gateway thread.

    def _add(self, errand: Errand) -> None:
        if self._closed:
            errand.finish(None, ClosedError("the connection is closed"))
            return
        self._errands[errand.number] = errand
        errand.end.add_done_callback(lambda _: self._forget(errand.number))
        if self._seated:
            errand.is_begun()
            self._post(errand.run)

    def begin(self, seat: int) -> list[ToSeat]:
        """What a node is told that knows nothing of them."""
        self._seated = True
        ended, self._ended_away = self._ended_away, []
        told: list[ToSeat] = [EndRun(seat, number) for number in ended]
        return told + [message for errand in list(self._errands.values()) for message in errand.begin(seat)]

    def _forget(self, number: int) -> None:
        if self._errands.pop(number, None) is not None and not self._seated:
            self._ended_away.append(number)

    def lost(self, *, crashed: bool) -> None:
        """The node is gone; ``crashed`` if it was not asked to go."""
        self._seated = False
        for errand in list(self._errands.values()):
            errand.lost(crashed=crashed)

    def told(self, message: Running | Returned | RunIsOver) -> None:
        """The node says something."""
        if (errand := self._errands.get(message.run)) is not None:
            errand.told(message)

    def close(self) -> None:
        """The connection is over."""
        self._closed = True
        for errand in list(self._errands.values()):
            errand.finish(None, ClosedError("the connection is closed"))


def _fulfil(done: Future[Any], value: Any) -> None:
    # Who waited may have been cancelled.
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        done.set_result(value)


def _fail(done: Future[Any], error: Exception) -> None:
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        done.set_exception(error)
