"""What happens in a command, as lines of JSON for machines; and what may show it in their place."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self

_INTERVAL = 1.0


def line(event: str, **what: Any) -> None:
    """Print one, with an ``event``."""
    print(json.dumps({"event": event, **what}), flush=True)


class Shown(Protocol):
    """Where it is shown; a context for as long as it goes on."""

    def tell(self, event: str, **what: Any) -> None:
        """Something happened: "connected", "finished", "interrupted" or "failed"."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


class Lines:
    """Lines of JSON; how far it is comes once a second."""

    _due = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def tell(self, event: str, **what: Any) -> None:
        """Print it."""
        line(event, **what)

    def is_due(self) -> bool:
        """Whether a second is over since it was last."""
        now = time.monotonic()
        due = now >= self._due
        if due:
            self._due = now + _INTERVAL
        return due
