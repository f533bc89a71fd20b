"""Puts a class in the place of a bot library's own voice client, and takes it out again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Host

_NAME = "VoiceClient"
_ABSENT = object()


def take_over(host: Host, cls: type, undo: ExitStack) -> None:
    """Have ``channel.connect()`` make a ``cls``, and the library's name for its own class mean it; until ``undo``."""
    for home in host.client_homes:
        _put(home, _NAME, cls, undo)
    defaults = getattr(host.connect, "__kwdefaults__", None) or {}
    # Newer versions look the name up when they connect.
    if host.voice_client is not None and defaults.get("cls") is host.voice_client:
        defaults["cls"] = cls
        undo.callback(defaults.__setitem__, "cls", host.voice_client)


def _put(home: Any, name: str, value: object, undo: ExitStack) -> None:
    before = vars(home).get(name, _ABSENT)
    setattr(home, name, value)
    if before is _ABSENT:
        undo.callback(delattr, home, name)
    else:
        undo.callback(setattr, home, name, before)
