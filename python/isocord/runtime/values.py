"""Immutable values with named fields, made without generated code.

``dataclasses`` compiles several functions for each class. With some thirty classes that came to half of the time from
a bot's first ``channel.connect()`` to its first packet, so a class here costs a loop over its fields instead.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Only type checkers need it, and Python 3.10 has none."""
        return lambda transformed: transformed


class _Secret:
    """Marks a field whose value is never shown; holds its default."""

    def __init__(self, default: object) -> None:
        self.default = default


_REQUIRED = object()


def secret(*, default: Any = _REQUIRED) -> Any:
    """A field that stays out of the ``repr``."""
    return _Secret(default)


@dataclass_transform(frozen_default=True, field_specifiers=(secret,))
class Record:
    """A value: equal to one of the same class with equal fields, hashable if they are, never changed.

    Fields are the annotations of the class, in their order; what is assigned there is the default.
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _shown: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = tuple(inspect.get_annotations(cls))
        given = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        hidden = {name: mark.default for name, mark in given.items() if isinstance(mark, _Secret)}
        defaults = {name: default for name, default in (given | hidden).items() if default is not _REQUIRED}
        for name in hidden:
            delattr(cls, name)
        cls.__match_args__ = cls.__match_args__ + names  # type: ignore[misc]
        cls._defaults = cls._defaults | defaults
        cls._shown = cls._shown + tuple(name for name in names if name not in hidden)

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} takes {len(names)} fields, {len(values)} were given")
        positional = dict(zip(names, values, strict=False))
        wrong = [name for name in named if name in positional or name not in names]
        if wrong:
            raise TypeError(f"{type(self).__name__} has no such field, or has it twice: {', '.join(wrong)}")
        fields = self._defaults | positional | named
        if len(fields) < len(names):
            missing = ", ".join(name for name in names if name not in fields)
            raise TypeError(f"{type(self).__name__} lacks {missing}")
        self.__dict__.update(fields)

    def _values(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._shown)
        return f"{type(self).__name__}({shown})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")
