"""The other end: finds the bots that can be watched, and reads what they tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import places
from .doors import is_open, knock

_SILENCE = 15.0
"""Seconds without a line after which a bot counts as gone: it sends one a second."""
_LONGEST_LINE = 32 << 20


def found() -> dict[int, Path]:
    """The door of each process of this user that can be watched, by its id."""
    return {process: path for process, path in places.waiting() if is_open(path)}


def watch(path: Path) -> Iterator[dict[str, Any]]:
    """What a bot tells, once a second, until it is gone.

    Raises:
        OSError: it cannot be reached.
        ValueError: what comes is not what isocord tells.
    """
    with knock(path) as connection:
        connection.settimeout(_SILENCE)
        with connection.makefile("rb") as lines:
            while True:
                try:
                    line = lines.readline(_LONGEST_LINE)
                except (TimeoutError, ConnectionResetError):
                    return
                if not line.endswith(b"\n"):
                    return
                told = json.loads(line)
                if not isinstance(told, dict):
                    raise ValueError("what comes is not what isocord tells")
                if "error" in told:
                    raise ConnectionRefusedError(str(told["error"]))
                yield told
