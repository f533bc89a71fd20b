"""What is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

_T = TypeVar("_T")
_ABSENT: Any = object()


def once(make: Callable[..., _T]) -> Callable[..., _T]:
    """Keep for ever what a function gives for its arguments, which must be hashable.

    Other than with :func:`functools.cache`, threads that ask for the same at the same time all get the same object: no
    lock is held, so the function may be called by each of them, and what the first one made is what counts.
    """
    known: dict[tuple[Any, ...], _T] = {}

    @wraps(make)
    def found(*args: Any) -> _T:
        made = known.get(args, _ABSENT)
        return known.setdefault(args, make(*args)) if made is _ABSENT else made

    return found
