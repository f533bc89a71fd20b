"""Makes ``discord.voice`` of py-cord 2.8 importable where its extras are not installed.

Every ``channel.connect`` of py-cord 2.8 imports the package ``discord.voice``, whose ``__init__`` raises
MissingVoiceDependenciesError unless PyNaCl and davey import, even with a voice client of another make. isocord needs
neither. :func:`install` adds a finder that acts only when ``discord.voice`` is being imported and one of the two is
missing: the package then holds just ``VoiceProtocol`` and its submodules, and py-cord's own voice client still raises
the error that it always raised. Where the extras are installed nothing changes.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_PACKAGE = "discord.voice"
_EXTRAS = {"nacl.secret": "PyNaCl", "nacl.utils": "PyNaCl", "davey": "davey"}


def install() -> None:
    """Add the finder, once."""
    if not any(isinstance(finder, VoicePackageFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, VoicePackageFinder())


class VoicePackageFinder:
    """Finds ``discord.voice`` where py-cord's extras are missing, and nothing else.

    It is no ``importlib.abc.MetaPathFinder``, for that module costs more to import than all the rest of the door.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _PACKAGE:
            return None
        from importlib.machinery import ModuleSpec, PathFinder

        missing = _missing_extras()
        if not missing:
            return None
        real = PathFinder.find_spec(fullname, path, target)
        if real is None or real.submodule_search_locations is None:
            return None
        loader = BareVoiceLoader(missing)
        spec = ModuleSpec(fullname, loader, origin=real.origin, is_package=True)  # type: ignore[arg-type]
        spec.submodule_search_locations = list(real.submodule_search_locations)
        return spec


class BareVoiceLoader:
    """Fills ``discord.voice`` with what needs no extras."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self._missing = missing

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        from importlib import import_module

        missing = self._missing

        def lack(name: str) -> Any:
            if name[:1].isupper():
                errors = import_module("discord.errors")
                raise errors.MissingVoiceDependenciesError(missing=missing)
            raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")

        types = import_module(f"{_PACKAGE}._types")
        module.VoiceProtocol = types.VoiceProtocol  # type: ignore[attr-defined]
        module.__all__ = ["VoiceProtocol"]  # type: ignore[attr-defined]
        module.__getattr__ = lack  # type: ignore[method-assign]


def _missing_extras() -> tuple[str, ...]:
    lacking = [package for name, package in _EXTRAS.items() if not _imports(name)]
    return tuple(dict.fromkeys(lacking))


def _imports(name: str) -> bool:
    from importlib import import_module

    try:
        import_module(name)
    except ImportError:
        return False
    return True
