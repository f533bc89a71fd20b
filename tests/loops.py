"""Which event loops bots run on: ``pytest --loop uvloop``. Programs that tests start call :func:`use` as well."""

from __future__ import annotations

import asyncio
import os
import warnings

LOOP = "ISOCORD_TESTS_LOOP"
"""The environment variable that says it to other processes."""


def use() -> None:
    """Have asyncio make the loops that were asked for."""
    if os.environ.get(LOOP) != "uvloop":
        return
    import uvloop

    with warnings.catch_warnings():
        # Policies are deprecated from Python 3.14 on; nothing else reaches loops that others make.
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
