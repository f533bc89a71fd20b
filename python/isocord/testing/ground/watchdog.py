"""Who is silent for too long, by the time in which somebody could have listened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOKS = 10


class Watchdog:
    """Bites once it has not been fed for a while; lives on one loop.

    A loop that stands still on a busy machine has not heard what came meanwhile. So it looks often, and only looks
    count: however late one is, all that has come by then is heard before the next.

    Args:
        patience: seconds between two feedings at most; it begins with the first.
        bite: called once, on the loop.
    """

    def __init__(self, patience: float, bite: Callable[[], None]) -> None:
        self._pace, self._bite = patience / _LOOKS, bite
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    def feed(self) -> None:
        """Somebody was heard."""
        # The next look may be right ahead.
        self._left = _LOOKS + 1
        if self._timer is None:
            self._look_later()

    def cancel(self) -> None:
        """Nobody need be watched any more; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pace, self._look)

    def _look(self) -> None:
        self._timer = None
        self._left -= 1
        if self._left > 0:
            self._look_later()
        else:
            self._bite()
