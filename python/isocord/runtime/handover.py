"""Small tools for what passes between threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import weakref
from collections.abc import Callable
from typing import Any


def weak_handler(method: weakref.WeakMethod[Callable[..., None]]) -> Callable[..., None]:
    """A handler that does not keep its object alive: the native side holds it for as long as itself lives."""

    def handler(*args: Any) -> None:
        if (handle := method()) is not None:
            handle(*args)

    return handler


def entered(broken: Callable[[BaseException], object], function: Callable[..., object], *args: Any) -> None:
    """Call ``function``, and ``broken`` with what it raises, also with a panic of the native side, which is no
    Exception. What ends a task or the interpreter passes."""
    try:
        function(*args)
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        broken(error)


def uncancellable() -> concurrent.futures.Future[None]:
    """A future that a waiter who is cancelled does not cancel along."""
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    return future


def raisable(error: BaseException) -> Exception:
    """What code of the bot's has raised, as what can be raised again anywhere: that it wanted to end the interpreter, a
    task or an iterator does not end another one."""
    if isinstance(error, Exception) and not isinstance(error, (StopIteration, StopAsyncIteration)):
        return error
    wrapped = RuntimeError(repr(error))
    wrapped.__cause__ = error
    return wrapped


def settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    """What a future waits for has happened, or has failed; on its loop. One that was cancelled stays so."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
