"""Fixtures of several suites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture
async def world() -> AsyncIterator[Any]:
    """A :class:`tests.hosts.world.World`: a bot of the library that is there, logged in to a fake Discord."""
    # Only the suites that have a bot library come here.
    from .hosts.world import logged_in

    async with logged_in() as made:
        yield made
