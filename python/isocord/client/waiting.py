"""Waiting on the bot's loop until something about a voice client is so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import VoiceTimeoutError


class Waiters:
    """Those who wait for a condition; it is looked at again with each :meth:`wake`.

    All of it belongs to the bot's loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: set[asyncio.Event] = set()

    def wake(self) -> None:
        """Something changed."""
        for waiting in self._waiting:
            waiting.set()

    async def until(self, condition: Callable[[], bool], timeout: float | None) -> None:
        """Return when ``condition`` holds; what it raises is raised here.

        Raises:
            VoiceTimeoutError: that took longer than ``timeout`` seconds.
        """
        # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the change.
        changed = asyncio.Event()
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            changed.set()

        alarm = None if timeout is None else self._loop.call_later(timeout, expire)
        self._waiting.add(changed)
        try:
            while not condition():
                if expired:
                    raise VoiceTimeoutError("it took longer than it was given")
                await changed.wait()
                changed.clear()
        finally:
            self._waiting.discard(changed)
            if alarm is not None:
                alarm.cancel()
