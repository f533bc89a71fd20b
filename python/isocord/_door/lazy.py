"""Packages whose names are imported when they are first used.

Nothing is imported here that an interpreter has not loaded anyway: even ``typing`` would take longer than all the rest.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


def lazy(
    package: str, homes: Mapping[str, Sequence[str]], submodules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Args:
        package: its ``__name__``.
        homes: for each module below it, the names that the package shows of it.
        submodules: modules that are shown themselves.
    """
    from importlib import import_module

    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name in submodules:
            return import_module(f".{name}", package)
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f".{home}", package), name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of, *submodules})

    return find, names
