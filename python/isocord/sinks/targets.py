"""What may be given to a sink to write to, and what of it is seen at once."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, TypeAlias, TypeGuard

from ..runtime.urls import is_url
from .remote import Remote

Path: TypeAlias = "str | os.PathLike[str]"
One: TypeAlias = "Path | Remote | BinaryIO"
Target: TypeAlias = "One | Callable[[int], One] | None"
"""A directory or a path, which may be URLs, a binary file object, or a function of a user id that gives one of them."""
_TOO_BIG = 1 << 64


def user_id_of(user: Any) -> int:
    user_id = int(getattr(user, "id", user))
    if not 0 <= user_id < _TOO_BIG:
        raise ValueError("users are ids, or objects that have one")
    return user_id


def ids(users: Iterable[Any]) -> frozenset[int]:
    return frozenset(map(user_id_of, users))


def remote_of(target: Any) -> Any:
    return Remote(target) if is_url(target) else target


def name_of(target: Any) -> str | None:
    """What names the files of a target, which may be a template; None where there is no name."""
    if isinstance(target, Remote):
        return target.name
    return os.fspath(target) if is_path(target) else None


def is_path(target: object) -> TypeGuard[Path]:
    return isinstance(target, (str, os.PathLike))


def check_file(target: object, complaint: str) -> None:
    if not hasattr(target, "write") or isinstance(target, io.TextIOBase):
        raise TypeError(f"{complaint}, not {target!r}")
    check_open(target)


def check_open(target: object) -> None:
    if getattr(target, "closed", False) is True:
        raise ValueError(f"the target is closed: {target!r}")


def rewind(file: Any) -> None:
    # Whoever gave the file may have closed it by now, and what only has a ``write`` stays where it is.
    with contextlib.suppress(Exception):
        if file is not None and file.seekable():
            file.seek(0)
