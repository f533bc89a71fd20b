"""What crosses between a test and a fake Discord in another process: values as copies, what lives there as handles."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any

Reduce = Callable[[Any], Any]


class Handle:
    """Stands in a message for something that stays in the fake's process.

    Args:
        number: the fake's number for it.
        kind: the name of its class.
    """

    def __init__(self, number: int, kind: str) -> None:
        self.number: int = number
        self.kind: str = kind


class Method:
    """In an answer: the attribute that was asked for is a method."""


def dumps(value: Any, handles: Mapping[type, Reduce]) -> bytes:
    """Pickle ``value``, and in it every object of one of these classes as the handle that its function gives."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, **handles}
    pickler.dump(value)
    return file.getvalue()


def loads(data: bytes, arrive: Callable[[int, str], Any]) -> Any:
    """Undo :func:`dumps`; ``arrive`` gives what a handle stands for on this side."""
    return _Unpickler(io.BytesIO(data), arrive).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, arrive: Callable[[int, str], Any]) -> None:
        super().__init__(file)
        self._arrive = arrive

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == (Handle.__module__, Handle.__name__):
            return self._arrive
        return super().find_class(module_name, global_name)
