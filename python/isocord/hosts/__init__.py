"""The bot libraries that isocord serves, each described in a file of its own.

None of them is imported before a client of it asks for a voice connection.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from ..errors import UnknownHostError
from ..runtime.once import once
from .base import Host, Joined

__all__ = ["Host", "Joined", "host_of", "present_hosts", "present_packages"]

_FAMILIES = ("discord", "disnake", "nextcord", "hikari")


def host_of(client: object) -> Host:
    """The bot library that ``client``, or whatever else is an object of one, is of.

    Raises:
        UnknownHostError: it is none of py-cord, discord.py, disnake, nextcord and hikari.
    """
    for ancestor in type(client).__mro__:
        # What a library lacks stands here, in the module of its name.
        package = ancestor.__module__.removeprefix(f"{__name__}.").partition(".")[0]
        if package in _FAMILIES:
            return _load(package)
    raise UnknownHostError(
        f"{type(client).__name__} is of none of py-cord, discord.py, disnake, nextcord and hikari: it cannot be served"
    )


def present_packages() -> list[str]:
    """What the bot libraries that are imported, or else those that are installed, are imported as."""
    imported = [package for package in _FAMILIES if package in sys.modules]
    return imported or list(filter(importlib.util.find_spec, _FAMILIES))


def present_hosts() -> list[Host]:
    """The bot libraries that are imported, or else those that are installed."""
    return [_load(package) for package in present_packages()]


@once
def _load(package: str) -> Host:
    if package == "discord":
        # py-cord and discord.py share the name of their package; only py-cord has sinks.
        package = "pycord" if importlib.util.find_spec("discord.sinks") is not None else "discordpy"
    module = importlib.import_module(f".{package}", __name__)
    host = module.load()
    assert isinstance(host, Host)
    return host
