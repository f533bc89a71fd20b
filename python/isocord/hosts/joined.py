"""Classes that are one of isocord's and one of a bot library's at once, made when they are first needed."""

from __future__ import annotations

from typing import TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")

_known: WeakKeyDictionary[type, dict[type, type]] = WeakKeyDictionary()


def joined(cls: type[_T], base: type) -> type[_T]:
    """A class that is both ``cls`` and ``base``, with the name of ``cls``; one for each pair."""
    if issubclass(cls, base):
        return cls
    known = _known.setdefault(cls, {})
    if base not in known:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        known[base] = type(cls.__name__, (cls, base), names)
    made: type[_T] = known[base]
    return made
