"""What has to happen once in a process: when the interpreter exits, and in a child after a fork."""

from __future__ import annotations

import os

from .. import _native
from ..playing.sources.feeder import kill_feeders
from ..runtime.thread import after_gateway_stops

_arranged = False


def arrange() -> None:
    """Arrange for it, with the first connection; does nothing later on."""
    global _arranged
    after_gateway_stops(kill_feeders)
    after_gateway_stops(_native.shutdown)
    if not _arranged and hasattr(os, "register_at_fork"):
        # The native threads stay with the parent; the child starts its own when it connects.
        os.register_at_fork(after_in_child=_native.after_fork_in_child)
    _arranged = True
