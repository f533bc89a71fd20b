"""Fixtures of the tests of the fake Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from isocord.testing import FakeDiscord

from .raw_client import Clients


@pytest_asyncio.fixture
async def clients(request: pytest.FixtureRequest) -> AsyncIterator[Clients]:
    # These clients have no end-to-end encryption; test_testing_dave.py has those that do.
    options = {"dave_version": 0, **getattr(request, "param", {})}
    async with FakeDiscord(patch=False, **options) as discord, AsyncExitStack() as stack:
        yield Clients(discord, stack)
