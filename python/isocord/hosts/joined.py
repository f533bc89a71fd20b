"""Classes that are one of isocord's and one of a bot library's at once, made when they are first needed."""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")

_known: WeakKeyDictionary[type, dict[tuple[type, type | None], type]] = WeakKeyDictionary()


def joined(cls: type[_T], base: type, seen_as: type | None = None) -> type[_T]:
    """A class that is both ``cls`` and ``base``, with the name of ``cls``; one for each pair.

    Args:
        cls: the class of isocord's.
        base: the class of the library's that it is to descend from.
        seen_as: a class of the library's that ``isinstance`` is to take its objects for as well. They inherit nothing
            of it: what it would do there would only seem to work.
    """
    if issubclass(cls, base):
        return cls
    known = _known.setdefault(cls, {})
    made: type[_T] | None = known.get((base, seen_as))
    if made is None:
        # Of two threads that get here at once, both have the class of the first.
        made = known.setdefault((base, seen_as), _join(cls, base, seen_as))
    return made


def _join(cls: type[_T], base: type, seen_as: type | None) -> type[_T]:
    names: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    if seen_as is None:
        return type(cls.__name__, (cls, base), names)
    # isinstance asks an object for __class__ where its type does not do.
    seen: list[type] = []
    made: type[_T] = type(cls.__name__, (cls, base), {**names, "__class__": property(lambda self: seen[0])})
    seen.append(type(cls.__name__, (made, seen_as), names))
    return made
