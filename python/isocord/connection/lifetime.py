"""What has to happen once in a process: when the interpreter exits, and in a child after a fork.

The order of exit stands here and nowhere else.
"""

from __future__ import annotations

import atexit
import os
import sys

from .. import _native
from ..playing.sources.feeder import kill_feeders
from ..runtime.thread import call_safely, stop_gateway_thread

_arranged_by: int | None = None
"""The process that arranged for it; a child that only inherited it has nothing to end."""


def arrange() -> None:
    """Arrange for it, with the first connection; does nothing later on."""
    global _arranged_by
    if _arranged_by is None:
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            # The native threads stay with the parent; the child starts its own when it connects.
            os.register_at_fork(after_in_child=_native.after_fork_in_child)
    _arranged_by = os.getpid()


def _at_exit() -> None:
    if _arranged_by != os.getpid():
        return
    for step in _ORDER:
        call_safely(step)


def _finish_recordings() -> None:
    # Loaded only where something was recorded.
    recording = sys.modules.get("isocord.hearing.recording.recording")
    if recording is not None:
        recording.finish_recordings()


_ORDER = (_finish_recordings, stop_gateway_thread, kill_feeders, _native.shutdown)
"""Recordings while the connections still stand and the clock runs: what was said before the end is written. Then the
connections, which takes the tracks from their feeders; then sources that hang; the native threads last."""
