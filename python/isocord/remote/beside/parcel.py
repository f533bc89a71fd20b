"""What is sent to a node to be made there, and the plain values that come back."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

_LONGEST = 8 << 20
"""Bytes. Other connections share the link."""
PYTHON = sys.version_info[:2]


def pack(*things: Any) -> bytes:
    """A class of the bot's and its arguments, or those of a call, as bytes that only a node is to open.

    Classes and functions of modules travel by their names, those of the bot's main program, and those made within
    functions, as code: that needs the package ``cloudpickle``.

    Raises:
        TypeError: something does not pickle.
        ValueError: it is more than 8 MB.
    """
    try:
        from cloudpickle import dumps
    except ImportError:
        dumps = _by_name
    try:
        data: bytes = dumps(things)
    except Exception as error:
        # A pickle can fail in any way.
        raise TypeError(f"it cannot be sent to a media node: {error}") from error
    if len(data) > _LONGEST:
        raise ValueError(f"{len(data)} bytes are too many to be sent to a media node: 8 MB are the most")
    return data


def _by_name(things: Any) -> bytes:
    data = pickle.dumps(things, 5)
    if b"__main__" in data:
        raise TypeError("what the main program defines can be sent with cloudpickle only: pip install cloudpickle")
    return data


def unpack(parcel: bytes) -> tuple[Any, ...]:
    """What :func:`pack` was given. It runs code of whoever made it."""
    found: tuple[Any, ...] = pickle.loads(parcel)  # noqa: S301 - that is what it is for; the node was started so
    return found


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def checked(value: Any) -> Any:
    """``value``, if a bot takes it from a node: None, numbers, text, bytes, and tuples, lists, dicts and sets of such.

    Raises:
        TypeError: it is something else.
        ValueError: it is more than 8 MB.
    """
    try:
        data = pickle.dumps(value, 5)
        _Plain(io.BytesIO(data)).load()
    except Exception:
        kind = type(value).__name__
        raise TypeError(
            f"a {kind} was returned: a bot takes None, numbers, text, bytes, and tuples, lists, dicts and sets of such"
        ) from None
    if len(data) > _LONGEST:
        raise ValueError(f"{len(data)} bytes are too many to be sent to a bot: 8 MB are the most")
    return value
