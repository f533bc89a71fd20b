"""Functions of the bot's that are called on threads of isocord's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import logging
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from .log import GuildLog

_running: set[concurrent.futures.Future[None]] = set()
"""The loop itself holds tasks only weakly."""

Log: TypeAlias = logging.Logger | GuildLog
"""Where failures are told."""


_bot_loop: weakref.ref[asyncio.AbstractEventLoop] | None = None


def remember(loop: asyncio.AbstractEventLoop) -> None:
    """This is the loop of the bot, for what is made in other threads."""
    global _bot_loop
    _bot_loop = weakref.ref(loop)


def bot_loop() -> asyncio.AbstractEventLoop | None:
    """The loop on which the bot joined a channel last, or None."""
    return None if _bot_loop is None else _bot_loop()


def follow(result: object, loop: asyncio.AbstractEventLoop, what: str, log: Log) -> None:
    """See to what a function of the bot's has returned or done; call it afterwards on the same thread.

    What can be awaited runs on the bot's loop, and its failure is logged. Otherwise the loop is woken: the function may
    have called ``loop.create_task``, which from another thread is not heard of before something else wakes the loop.

    Args:
        result: what the function returned.
        loop: the bot's loop.
        what: the function, for the log.
        log: where failures are logged.
    """
    if not inspect.isawaitable(result):
        wake(loop)
        return
    waiting = _await(result, what, log)
    try:
        future = asyncio.run_coroutine_threadsafe(waiting, loop)
    except RuntimeError:
        waiting.close()
        if inspect.iscoroutine(result):
            result.close()
        log.warning("The bot's event loop is closed: %s cannot run", what)
        return
    _running.add(future)
    future.add_done_callback(_running.discard)


def is_coroutine_function(function: Callable[..., object]) -> bool:
    """Whether it, what a partial stands for, or its ``__call__`` is a coroutine function."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def wake(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop look at what was put into it from another thread."""
    try:
        loop.call_soon_threadsafe(_nothing)
    except RuntimeError:
        # It is closed: nobody waits for anything any more.
        return


def _nothing() -> None:
    """The loop is awake now."""


async def _await(result: Awaitable[object], what: str, log: Log) -> None:
    try:
        await result
    except Exception:
        log.exception("%s failed", what)
