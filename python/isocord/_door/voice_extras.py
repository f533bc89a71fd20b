"""Makes ``discord.voice`` of py-cord 2.8 importable where its extras are not installed.

Every ``channel.connect`` of py-cord 2.8 imports the package ``discord.voice``, whose ``__init__`` raises
MissingVoiceDependenciesError unless PyNaCl and davey import, even with a voice client of another make. isocord needs
neither. :func:`install` adds a finder that acts only when ``discord.voice`` is being imported and one of the two is
missing: the package then holds just ``VoiceProtocol`` and its submodules, and py-cord's own voice client still raises
the error that it always raised. Where the extras are installed nothing changes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_PACKAGE = "discord.voice"
_EXTRAS = {"nacl.secret": "PyNaCl", "nacl.utils": "PyNaCl", "davey": "davey"}


def install() -> None:
    """Add the finder, once."""
    if not any(isinstance(finder, VoicePackageFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, VoicePackageFinder())


class VoicePackageFinder(MetaPathFinder):
    """Finds ``discord.voice`` where py-cord's extras are missing, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _PACKAGE:
            return None
        missing = _missing_extras()
        if not missing:
            return None
        real = PathFinder.find_spec(fullname, path, target)
        if real is None or real.submodule_search_locations is None:
            return None
        spec = ModuleSpec(fullname, BareVoiceLoader(missing), origin=real.origin, is_package=True)
        spec.submodule_search_locations = list(real.submodule_search_locations)
        return spec


class BareVoiceLoader(Loader):
    """Fills ``discord.voice`` with what needs no extras."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self._missing = missing

    def exec_module(self, module: ModuleType) -> None:
        missing = self._missing

        def lack(name: str) -> Any:
            if name[:1].isupper():
                errors = importlib.import_module("discord.errors")
                raise errors.MissingVoiceDependenciesError(missing=missing)
            raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")

        types = importlib.import_module(f"{_PACKAGE}._types")
        module.VoiceProtocol = types.VoiceProtocol  # type: ignore[attr-defined]
        module.__all__ = ["VoiceProtocol"]  # type: ignore[attr-defined]
        module.__getattr__ = lack  # type: ignore[method-assign]


def _missing_extras() -> tuple[str, ...]:
    lacking = [package for name, package in _EXTRAS.items() if not _imports(name)]
    return tuple(dict.fromkeys(lacking))


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
