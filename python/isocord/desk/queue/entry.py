"""What stands in a queue."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

from ... import _native
from ...errors import AudioFileError
from ...runtime.handover import raisable
from ...runtime.urls import file_name
from ..parts import Part, check, native

Making: TypeAlias = "Callable[[], Part | Awaitable[Part]]"
"""Makes a source when its turn comes: a plain function on a thread of isocord's, a coroutine on the bot's loop."""

MAKING_SECONDS = 25.0
"""How long a coroutine may take to make a source; the whole of opening may take 30."""

_T = TypeVar("_T")


class QueueEntry(_native.QueueEntry):
    """One place in a :class:`Queue`: what :meth:`Queue.add` returns, and what events name.

    Args:
        source: a source, a path, a URL, or a function that makes one of these.
        title: what it is called, in place of what the source tells.

    Raises:
        RuntimeError: a coroutine function is given where no event loop runs.
        TypeError: it is nothing that can be played, or the title is no text.
    """

    source: Part | Making
    """What was given."""

    _title: str | None
    _opened: list[Any]

    def __new__(cls, source: Part | Making, *, title: str | None = None) -> QueueEntry:
        if title is not None and not isinstance(title, str):
            raise TypeError(f"a title must be a str, not {type(title).__name__}")
        made = _is_making(source)
        loop = _running_loop() if made else None
        if made and loop is None and inspect.iscoroutinefunction(source):
            raise RuntimeError("a coroutine function runs on the bot's loop: put it into the queue from there")
        if not made:
            check(source)
        opened: list[Any] = []
        # It must not know the entry: that could then never be forgotten.
        opening = partial(_open, source, loop, opened)
        keeps = not made and not isinstance(source, (str, os.PathLike))
        entry = super().__new__(cls, opening, keeps=keeps, brief=made)
        entry.source, entry._title, entry._opened = source, title, opened
        return entry

    @property
    def title(self) -> str | None:
        """The title that was given, or that the source tells once it is opened; else the name of the file, or of a URL
        that names none the host, or None."""
        if self._title is not None:
            return self._title
        told = getattr(self._opened[0] if self._opened else self.source, "title", None)
        if isinstance(told, str):
            return told
        if isinstance(self.source, (str, os.PathLike)):
            return file_name(self.source)
        return None

    @property
    def error(self) -> Exception | None:
        """What made it fail, or end early, the last time: what its source tells (ffmpeg's exit status, say), or what a
        source or a function of the bot's has raised."""
        failed = self._failed
        return self.what_ended(self._broke_off) if failed is None else failed

    def what_ended(self, text: str | None) -> Exception | None:
        """The error that ended it early, if one did: what its source says itself, or else the core's ``text``."""
        opened = self._opened[0] if self._opened else None
        own = getattr(opened, "error", None) if text is not None or isinstance(opened, _native.Reel) else None
        if isinstance(own, Exception):
            return own
        return None if text is None else AudioFileError(text)

    def __repr__(self) -> str:
        return f"<QueueEntry {self.title or type(self.source).__name__!r}>"


def _is_making(source: object) -> bool:
    return callable(source) and not isinstance(source, (*_native.SOURCES, str, os.PathLike))


def _open(source: Any, loop: asyncio.AbstractEventLoop | None, opened: list[Any]) -> _native.Playable | _native.Reel:
    """Make the source, on a thread that may wait for it."""
    if _is_making(source):
        try:
            source = source()
            if inspect.isawaitable(source):
                source = _wait_for(source, loop)
        except BaseException as error:
            shown = raisable(error)
            raise shown from shown.__cause__
    made = native(source)
    opened[:] = [made]
    return made


def _wait_for(making: Awaitable[_T], loop: asyncio.AbstractEventLoop | None) -> _T:
    waiting = _await(making)
    try:
        if loop is None:
            raise RuntimeError("what can be awaited needs the bot's loop: put the function into the queue from there")
        future = asyncio.run_coroutine_threadsafe(waiting, loop)
    except RuntimeError:
        # There is no loop, or it is closed.
        waiting.close()
        if inspect.iscoroutine(making):
            making.close()
        raise
    try:
        return future.result(MAKING_SECONDS)
    except concurrent.futures.TimeoutError:
        if not future.cancel():
            raise
        raise AudioFileError(f"making the source took longer than {MAKING_SECONDS:g} s") from None


async def _await(making: Awaitable[_T]) -> _T:
    return await making


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
