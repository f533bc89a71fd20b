"""The voice clients of this process that have a connection.

Any thread may ask; no lock is held, so that a fork breaks none.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import ClientBase

_known: dict[int, weakref.ref[ClientBase]] = {}


def remember(client: ClientBase) -> None:
    """``client`` has a connection of its own now."""
    number = id(client)

    def forget(gone: weakref.ref[ClientBase]) -> None:
        # A newer client may have its number already.
        if _known.get(number) is gone:
            del _known[number]

    _known[number] = weakref.ref(client, forget)


def connected() -> list[ClientBase]:
    """Those whose connection is not over, also while it is being made or mended; the longest known first."""
    # A copy is made in one step, also without the GIL.
    clients = [reference() for reference in _known.copy().values()]
    return [client for client in clients if client is not None and client.state.is_alive]
