"""A pytest fixture: ``isocord_fake_discord``.

Example:
    >>> import pytest
    >>> @pytest.mark.isocord_fake_discord(guilds=2)
    ... async def test_my_bot(isocord_fake_discord):
    ...     discord = isocord_fake_discord
    ...     listener = discord.listen("General")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fake.discord import FakeDiscord

_MARKER = "isocord_fake_discord(**options): options of the FakeDiscord that the fixture of this name starts"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def isocord_fake_discord(request: pytest.FixtureRequest) -> Iterator[FakeDiscord]:
    """A running fake Discord, stopped after the test; the bot libraries talk to it meanwhile.

    The marker of the same name passes options to :class:`~isocord.testing.FakeDiscord`.
    """
    from .fake.discord import FakeDiscord

    marker = request.node.get_closest_marker("isocord_fake_discord")
    with FakeDiscord(**(marker.kwargs if marker is not None else {})) as discord:
        yield discord
