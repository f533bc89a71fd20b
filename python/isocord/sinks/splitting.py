"""When a recording goes on in new files, as bots say it and as the native recorder wants it."""

from __future__ import annotations

import re
import time as clock
from typing import Literal, TypeAlias

Split: TypeAlias = "float | str | None"
"""Seconds, bytes as in ``"25 MB"``, or ``"hour"``."""
NativeSplit: TypeAlias = "tuple[Literal['samples', 'bytes', 'hours'], int]"
_RATE = 48_000
_LONGEST_SPLIT = 10_000_000.0
_SIZE = re.compile(r"(?i)\s*(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b\s*")


def size(given: int | str) -> int:
    """Bytes, which may be given as in ``"25 MB"``.

    Raises:
        ValueError: it is no size.
    """
    if isinstance(given, str) and (found := _SIZE.fullmatch(given)):
        step = 1024 if found[3] else 1000
        return int(float(found[1]) * step ** " kmg".index(found[2].lower() or " "))
    if isinstance(given, int) and given > 0:
        return given
    raise ValueError(f'a size is bytes, 1 or more, or as in "25 MB", not {given!r}')


def parse(split: Split) -> NativeSplit | None:
    """What the native recorder goes by; the rest of the hour is not known yet.

    Raises:
        ValueError: it is none of the three.
    """
    if split is None:
        return None
    if split == "hour":
        return ("hours", 0)
    if isinstance(split, str) and _SIZE.fullmatch(split):
        return ("bytes", size(split))
    if isinstance(split, (int, float)) and 1 <= split < _LONGEST_SPLIT:
        return ("samples", round(split * _RATE))
    raise ValueError(f'split must be seconds, 1 or more, bytes as in "25 MB", or "hour", not {split!r}')


def now(
    split: NativeSplit | None,
) -> NativeSplit | None:
    if split is None or split[0] != "hours":
        return split
    return ("hours", round((3600 - clock.time() % 3600) * _RATE))
