"""What tests of the commands share: a fake Discord whose token they find, a place in it, and what they print."""

from __future__ import annotations

import json
import subprocess
import sys
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


def left_alone(code: str, lines: int) -> str:
    """Run a program whose output nobody reads any more after so many lines; gives what it says on standard error.

    A line on its standard input tells it when that is so.
    """
    process = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, stderr=-1)
    with process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        return process.stderr.read().decode()
