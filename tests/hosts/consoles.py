"""What tests of the commands share: a fake Discord whose token they find, a place in it, and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from isocord.testing import FakeDiscord


@pytest.fixture
def discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDiscord]:
    with FakeDiscord() as made:
        monkeypatch.setenv("DISCORD_TOKEN", made.token)
        yield made


def place(discord: FakeDiscord) -> list[str]:
    """Options that say where: the channel General."""
    return ["--guild", str(discord.guild.id), "--channel", str(discord.channel("General").id)]


def events(captured: Any) -> list[dict[str, Any]]:
    """Those that ``--json`` printed."""
    return [json.loads(line) for line in captured.out.splitlines()]
