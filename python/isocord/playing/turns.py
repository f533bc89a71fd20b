"""Changes of one thing by many threads, one at a time, where a change may also come in the midst of another one.

A signal handler, or a finalizer, runs in a thread that may just be changing the same thing. With a plain lock it would
wait for itself for ever; with one that lets the same thread in again it would see what is half changed, and change it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Then = Callable[[], object]
"""What follows a change, without the lock."""


class Turns:
    """Makes changes one after the other."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changing = False
        self._waiting: deque[Callable[[], Then | None]] = deque()

    def take(self, change: Callable[[], Then | None]) -> None:
        """Make a change, then do what it returns, without the lock.

        Called in the midst of a change of the same thread, both happen as soon as that one is made.
        """
        following: list[Then] = []
        with self._lock:
            self._waiting.append(change)
            # Looked at again after each round: what interrupts the end of a round may have left something.
            while self._waiting and not self._changing:
                self._changing = True
                try:
                    while self._waiting:
                        then = self._waiting.popleft()()
                        if then is not None:
                            following.append(then)
                finally:
                    self._changing = False
        for then in following:
            then()
