"""Where the bots of a user wait to be watched: a directory that only that user may enter.

It is looked for in two places, for a bot that a service manager runs often knows no ``XDG_RUNTIME_DIR`` while its
user's shell does (XDG Base Directory Specification).
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

LISTS_PORTS = os.name == "nt"
"""Whether there are no sockets in the file system, so that files name a port and its token."""
ENDING = ".json" if LISTS_PORTS else ".sock"


def directories() -> list[Path]:
    """Where bots may be, the best place first; none of them need exist."""
    if LISTS_PORTS:
        return [Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir(), "isocord")]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    shared = Path(tempfile.gettempdir(), f"isocord-{os.geteuid()}")
    return [Path(runtime, "isocord"), shared] if runtime and os.path.isdir(runtime) else [shared]


def prepared() -> Path:
    """The best place that can be had, made if need be.

    Raises:
        PermissionError: each belongs to another user, or others may enter it.
        OSError: none can be made.
    """
    problems = []
    for place in directories():
        # The variable may have come along with another user's environment.
        if (problem := _problem(place)) is None:
            return place
        problems.append(problem)
    raise problems[0]


def _problem(place: Path) -> OSError | None:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return error
    if _is_ours(place):
        return None
    return PermissionError(f"{place} belongs to another user, or is open to others: remove it, or chmod 700 it")


def waiting() -> Iterator[tuple[int, Path]]:
    """The process id and the door of each bot that has one, or had one and did not end well."""
    for place in filter(_is_ours, directories()):
        for path in sorted(place.glob(f"*{ENDING}")):
            if path.stem.isdecimal():
                yield int(path.stem), path


def _is_ours(place: Path) -> bool:
    """Whether nobody else can have put something there. A symbolic link is nothing of ours."""
    try:
        found = os.lstat(place)
    except OSError:
        return False
    if LISTS_PORTS:
        # The profile's own rights keep others out.
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
