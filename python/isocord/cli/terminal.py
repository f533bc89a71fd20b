"""What is shown to people, by way of ``rich``, which is an extra of isocord."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""The exit status of what a Ctrl-C has ended."""
NEEDS_RICH = "needs rich to show something: pip install 'isocord[cli]', or say --json"


def console() -> Console | None:
    """The terminal, or whatever standard output is; None where ``rich`` is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)


def complain(command: str, text: object) -> None:
    """Say on standard error what went wrong."""
    print(f"isocord {command}: {text}", file=sys.stderr)
