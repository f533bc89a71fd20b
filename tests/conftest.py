"""Fixtures of several suites."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from .loops import LOOP, use

LOOPS = ("asyncio", "uvloop")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--loop", choices=LOOPS, default=LOOPS[0], help="what bots run on, also those of programs of their own"
    )
    parser.addoption(
        "--carried",
        choices=("here", "elsewhere"),
        default="here",
        help="whether voice clients carry their sound themselves, or a media node does",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--carried") == "elsewhere":
        for item in items:
            if (mark := item.get_closest_marker("carried_here")) is not None:
                item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "carried_here(reason): holds only where voice clients carry their own sound")
    os.environ[LOOP] = config.getoption("--loop")
    use()


@pytest.fixture(scope="session", autouse=True)
def _carried(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have every voice client's sound carried as was asked for."""
    if request.config.getoption("--carried") == "here":
        yield
        return
    from isocord.client.connecting import ConnectingSurface
    from isocord.remote import MediaNode
    from isocord.remote.client import Elsewhere

    with MediaNode() as node, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConnectingSurface, "_carrier", lambda _: Elsewhere(lambda endpoint: [node.address]))
        yield


@pytest.fixture
def nodes() -> Iterator[list[Any]]:
    """Two media nodes that run classes of bots."""
    from isocord.remote import MediaNode

    with MediaNode(runs_code=True) as first, MediaNode(runs_code=True) as second:
        yield [first, second]


@pytest.fixture
async def world() -> AsyncIterator[Any]:
    """A :class:`tests.hosts.world.World`: a bot of the library that is there, logged in to a fake Discord."""
    # Only the suites that have a bot library come here.
    from .hosts.world import logged_in

    async with logged_in() as made:
        yield made
