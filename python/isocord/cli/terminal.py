"""What is shown to people, by way of ``rich``, which is an extra of isocord."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""The exit status of what a Ctrl-C has ended."""
LIBRARIES = "pip install py-cord (or discord.py, disnake, nextcord, hikari)"
"""What brings a bot library."""


class CannotError(Exception):
    """What keeps a command from what it is for, told to the user as it stands."""


def console() -> Console | None:
    """The terminal, or whatever standard output is; None where ``rich`` is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)


def output(*, as_json: bool) -> Console | None:
    """The terminal, unless lines of JSON are wanted.

    Raises:
        CannotError: there is nothing to show anything with.
    """
    out = None if as_json else console()
    if not as_json and out is None:
        raise CannotError("needs rich to show something: pip install 'isocord[cli]', or say --json")
    return out


def complain(command: str, text: object) -> None:
    """Say on standard error what went wrong."""
    print(f"isocord {command}: {text}", file=sys.stderr)
