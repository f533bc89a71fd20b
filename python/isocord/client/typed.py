"""The voice client as type checkers see it: for each bot library the class that its ``channel.connect`` gives.

At run time such a class is made when a client of the library asks for it (:mod:`isocord.hosts.joined`); only type
checkers read this file. Which library a bot is of they tell by a member that no other's client has, so that a library
that is not installed does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import discord
    import disnake
    import nextcord

    from .voice_client import VoiceClient

    class DiscordBot(Protocol):
        """A client of py-cord or discord.py."""

        @property
        def fetch_skus(self) -> Any:
            """Neither of the other libraries has it."""

    class DisnakeBot(Protocol):
        """A client of disnake."""

        @property
        def global_slash_commands(self) -> Any:
            """Neither of the other libraries has it."""

    class NextcordBot(Protocol):
        """A client of nextcord."""

        @property
        def add_all_application_commands(self) -> Any:
            """Neither of the other libraries has it."""

    class DiscordVoiceClient(VoiceClient, discord.VoiceProtocol["discord.Client"]):  # type: ignore[type-arg,unused-ignore]
        """What ``channel.connect`` of py-cord and discord.py gives."""

        client: discord.Client
        channel: discord.VoiceChannel | discord.StageChannel

        @property
        def guild(self) -> discord.Guild:
            """The guild that the bot is connected to."""

        @property
        def user(self) -> discord.ClientUser:
            """The bot's own user."""

    class DisnakeVoiceClient(VoiceClient, disnake.VoiceProtocol):  # type: ignore[misc]
        """What ``channel.connect`` of disnake gives."""

        client: disnake.Client
        channel: disnake.VoiceChannel | disnake.StageChannel

        @property
        def guild(self) -> disnake.Guild:
            """The guild that the bot is connected to."""

        @property
        def user(self) -> disnake.ClientUser:
            """The bot's own user."""

    class NextcordVoiceClient(VoiceClient, nextcord.VoiceProtocol):  # type: ignore[misc]
        """What ``channel.connect`` of nextcord gives."""

        client: nextcord.Client
        channel: nextcord.VoiceChannel | nextcord.StageChannel

        @property
        def guild(self) -> nextcord.Guild:
            """The guild that the bot is connected to."""

        @property
        def user(self) -> nextcord.ClientUser:
            """The bot's own user."""
