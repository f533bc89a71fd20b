"""What a radio says that it plays, as it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from .. import _native

_INTERVAL = 0.25
"""Seconds between two looks. A title is known a second or two before it is heard, and nothing has to wait for it."""


async def titles(file: _native.AudioFile) -> AsyncIterator[str]:
    """The present title, and each that follows, until the file is closed."""
    told = None
    while True:
        over = file._is_over
        if (title := file.title) is not None and title != told:
            told = title
            yield title
        if over:
            return
        await asyncio.sleep(_INTERVAL)
