"""How long a connection waits before it tries again; without a clock of its own."""

from __future__ import annotations

from collections.abc import Callable

from . import limits


class Backoff:
    """Counts failed attempts, and makes up for them while the connection holds.

    Args:
        jitter: a random number from 0.0 to 1.0, to spread the retries of many connections.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self.attempts: int = 0

    def failed(self) -> None:
        """One more."""
        self.attempts += 1

    def held(self, seconds: float) -> None:
        """The connection was established for that long."""
        self.attempts = max(self.attempts - int(seconds / limits.FORGIVEN_AFTER), 0)

    def delay(self) -> float:
        """Before another try at a new session."""
        longest = min(limits.FIRST_DELAY * 2.0 ** min(max(self.attempts - 1, 0), 10), limits.LONGEST_DELAY)
        return longest * (0.5 + 0.5 * self._jitter())

    def resume_delay(self) -> float:
        """Before another resume. It costs Discord little, and what it finds out late is silence."""
        return min(self.delay(), limits.LONGEST_RESUME_DELAY)
