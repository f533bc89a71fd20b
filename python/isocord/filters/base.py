"""What a filter is: a name, and numbers that were checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from .. import _native


@dataclass(frozen=True)
class Filter:
    """A filter of isocord.filters: a record that compares by its numbers and never changes.

    Raises:
        TypeError: a parameter is no number.
        ValueError: a parameter is out of its range.
    """

    def __post_init__(self) -> None:
        _native.check_filter(*self._spec)

    @property
    def _spec(self) -> tuple[str, list[float]]:
        """What the native threads take."""
        name = re.sub(r"(?<=.)(?=[A-Z])", "_", type(self).__name__).lower()
        return name, [_number(field.name, getattr(self, field.name)) for field in fields(self)]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    return float(value)
