"""One object of a bot's class that runs at this media node, on a thread and a loop of its own: code that holds its loop
holds nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import traceback
from collections.abc import Callable
from typing import Any

from ..line import Line
from ..messages import FromSeat
from .messages import Call, Failure, Returned, Run
from .parcel import checked, unpack
from .voice import BesideVoice, Seated

_MOST_TRACE = 16_000
_MOST_TOLD = 4_000
_MOST_NAME = 200
"""Characters."""


class ErrandHere:
    """It, and whoever calls its methods.

    Args:
        message: what it is.
        seat: what it is given.
        line: to the bot.
        made: called on the gateway thread when the object was made.
        over: called there when it has ended, with what its ``run`` returned, or why it did not.

    Attributes:
        run: what the bot calls it; None where the process that made it is gone.
        is_made: whether the object was made.
        is_found: whether another process of the bot has it.
    """

    def __init__(
        self,
        message: Run,
        seat: Seated,
        line: Line,
        made: Callable[[ErrandHere], object],
        over: Callable[[ErrandHere, Any, Failure | None], object],
    ) -> None:
        self.run: int | None = message.run
        self.is_made: bool = False
        self.is_found: bool = False
        self._message = message
        self._seat, self._line = seat, line
        self._tell, self._over = made, over
        self._loop = asyncio.new_event_loop()
        self._made: asyncio.Future[Any] = self._loop.create_future()
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="isocord-beside", daemon=True)

    @property
    def name(self) -> str:
        """Of its class."""
        return self._message.name

    # The gateway thread.

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self, message: Call) -> None:
        """Call a method."""
        self._do(self._begin_call, message, self._line.speaker())

    def recall(self, ticket: int) -> None:
        """Nobody waits for it any more."""
        self._do(self._cancel_call, ticket)

    def let_go(self) -> None:
        """Whoever called its methods is gone."""
        self._do(self._cancel_calls)

    def close(self) -> None:
        """End it; its thread is not waited for."""
        self._closed = True
        self._do(self._cancel)

    def _do(self, function: Callable[..., object], *args: Any) -> None:
        # Its loop may be closed: then it has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    # Its own thread.

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        self._task = loop.create_task(self._live())
        value: Any = None
        failure: Failure | None = None
        try:
            value = loop.run_until_complete(self._task)
        except asyncio.CancelledError as error:
            failure = None if self._closed else _failure(error)
        except BaseException as error:
            # Whatever it is ends this object, and not the node.
            self._seat.log.warning("%s, which ran for a bot, has failed", self._message.name, exc_info=error)
            failure = _failure(error)
        finally:
            _empty(loop)
        self._seat.thread.call(self._over, self, value, failure)

    async def _live(self) -> Any:
        kind, args, kwargs = unpack(self._message.parcel)
        voice = BesideVoice(self._seat, self._loop, self._message.start)
        try:
            made = kind(voice, *args, **kwargs)
            self._made.set_result(made)
            self._seat.thread.call(self._tell, self)
            if hasattr(made, "run"):
                return checked(await made.run())
            # It is there to be called.
            return await self._loop.create_future()
        finally:
            voice._end()

    def _cancel(self) -> None:
        self._task.cancel()

    def _begin_call(self, message: Call, say: Callable[[FromSeat], object]) -> None:
        task = self._calls[message.ticket] = self._loop.create_task(self._answer(message, say))
        task.add_done_callback(lambda _: self._ended(message.ticket, task))

    def _ended(self, ticket: int, task: asyncio.Task[None]) -> None:
        # The bot's next process may call by the same number.
        if self._calls.get(ticket) is task:
            del self._calls[ticket]

    def _cancel_call(self, ticket: int) -> None:
        if (task := self._calls.get(ticket)) is not None:
            task.cancel()

    def _cancel_calls(self) -> None:
        for task in list(self._calls.values()):
            task.cancel()

    async def _answer(self, message: Call, say: Callable[[FromSeat], object]) -> None:
        value: Any = None
        failure: Failure | None = None
        try:
            made = await asyncio.shield(self._made)
            args, kwargs = unpack(message.parcel)
            value = _method(made, message.method)(*args, **kwargs)
            if inspect.isawaitable(value):
                value = await value
            value = checked(value)
        except Exception as error:
            value, failure = None, _failure(error)
        say(Returned(message.seat, message.run, message.ticket, value, failure))


def _method(made: object, name: str) -> Callable[..., Any]:
    found: Any = None if name.startswith("_") else getattr(made, name, None)
    if not callable(found):
        raise AttributeError(f"{type(made).__name__} has no public method {name!r}")
    method: Callable[..., Any] = found
    return method


def _failure(error: BaseException) -> Failure:
    """What is told of an exception: its words are of any length, or cannot be had."""
    try:
        told = str(error)
    except Exception:
        told = "it does not say what"
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return Failure(type(error).__name__[:_MOST_NAME], told[:_MOST_TOLD], trace[-_MOST_TRACE:])


def _empty(loop: asyncio.AbstractEventLoop) -> None:
    """End what was begun on a loop, and close it."""
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
