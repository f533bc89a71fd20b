"""isocord for bots that do not say ``cls=``."""

from __future__ import annotations

from contextlib import ExitStack

from ..errors import UnknownHostError
from ..hosts import present_hosts
from ..hosts.takeover import take_over
from .voice_client import VoiceClient

_installed: ExitStack | None = None


def install() -> None:
    """Put :class:`isocord.VoiceClient` in the place of the bot library's own voice client; :func:`uninstall` undoes it.

    Afterwards ``channel.connect()`` without ``cls=`` makes one, and ``discord.VoiceClient`` (``disnake.``,
    ``nextcord.VoiceClient``; with py-cord 2.8 ``discord.voice.VoiceClient``) means it. Call it at the top of the bot,
    before modules that import that name. Voice clients that are connected stay what they are. Does nothing twice.

    Raises:
        UnknownHostError: none of py-cord, discord.py, disnake and nextcord is there. hikari has no voice client of
            its own whose place could be taken.
    """
    global _installed
    if _installed is not None:
        return
    hosts = [host for host in present_hosts() if host.connect is not None]
    if not hosts:
        text = "none of py-cord, discord.py, disnake and nextcord is there"
        raise UnknownHostError(f"{text}; hikari has no voice client: give isocord.VoiceClient to bot.voice.connect_to")
    with ExitStack() as undo:
        for host in hosts:
            take_over(host, VoiceClient, undo)
        _installed = undo.pop_all()


def uninstall() -> None:
    """Give the bot library its own voice client back. Does nothing without :func:`install`."""
    global _installed
    if _installed is not None:
        installed, _installed = _installed, None
        installed.close()
