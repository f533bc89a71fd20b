"""Native sources pass for sources of the bot libraries, so that ``isinstance`` and their own wrappers take them.

``isinstance`` asks an object for ``__class__`` where its type does not do. No library is imported for that.
"""

from __future__ import annotations

import sys

_HOMES = ("discord", "disnake", "nextcord", "isocord.hosts.hikari")
"""Modules that have an AudioSource; hikari's is isocord's own."""
_known: dict[tuple[type, ...], type] = {}


def posing(cls: type) -> type:
    """The class that an object of ``cls`` shows: it descends from the AudioSource of each library that is loaded."""
    sources = (getattr(sys.modules.get(name), "AudioSource", None) for name in _HOMES)
    bases = tuple(source for source in sources if isinstance(source, type))
    if not bases:
        return cls
    key = (cls, *bases)
    if key not in _known:
        shown = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        # Of two threads that get here at once, both show the class of the first.
        _known.setdefault(key, type(cls.__name__, bases, shown))
    return _known[key]
