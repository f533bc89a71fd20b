"""How the gateway thread's loop looks at its sockets: not after each step of what it does.

A loop looks at its sockets before each round of what is ready to run, and with each look it lets go of the GIL. Where
others compute, it takes a switch interval (5 ms) or more until it comes back: a handshake has some fifty rounds.
"""

from __future__ import annotations

import selectors

_ROUNDS = 4
"""Rounds of what is ready, at most, before the sockets are looked at again."""


class SteadySelector(selectors.DefaultSelector):
    """Lets what is ready to run run first, for some rounds."""

    _left = _ROUNDS

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As of the base; nothing at once for some rounds of a loop that would not wait."""
        if timeout is not None and timeout <= 0 and self._left > 0:
            self._left -= 1
            return []
        self._left = _ROUNDS
        return super().select(timeout)
