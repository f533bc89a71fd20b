"""The voice client as type checkers see it: for each bot library the class that its ``channel.connect`` gives.

At run time such a class is made when a client of the library asks for it (:mod:`isocord.hosts.joined`); only type
checkers read this file. Which library a bot is of they tell by a member that no other's client has, so that a library
that is not installed does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import discord
    import disnake
    import hikari
    import nextcord
    from typing_extensions import Self

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

    class HikariVoiceClient(VoiceClient, hikari.api.VoiceConnection):  # type: ignore[misc,unused-ignore]
        """What ``bot.voice.connect_to`` of hikari gives; :class:`isocord.hikari.VoiceClient` is this class."""

        client: hikari.GatewayBotAware
        channel: hikari.GuildVoiceChannel | hikari.GuildStageChannel

        @classmethod
        async def initialize(  # noqa: PLR0917 - so hikari has it
            cls,
            channel_id: hikari.Snowflake,
            endpoint: str,
            guild_id: hikari.Snowflake,
            on_close: Callable[[Self], Awaitable[None]],
            owner: hikari.api.VoiceComponent,
            session_id: str,
            shard_id: int,
            token: str,
            user_id: hikari.Snowflake,
            **kwargs: object,
        ) -> Self:
            """Called by hikari; ``reconnect=False`` is for one that is to end when its session is lost."""

        @property
        def guild(self) -> hikari.GatewayGuild | None:
            """The guild that the bot is connected to, if hikari has cached it."""

        @property
        def user(self) -> hikari.OwnUser | None:
            """The bot's own user, if hikari has cached it."""

        @property
        def owner(self) -> hikari.api.VoiceComponent:
            """The bot's voice component."""

        @property
        def guild_id(self) -> hikari.Snowflake:
            """The guild's id."""

        @property
        def channel_id(self) -> hikari.Snowflake:
            """The id of the channel that the bot is in."""

        @property
        def shard_id(self) -> int:
            """The shard that is told of the guild."""

        @property
        def is_alive(self) -> bool:
            """Whether the connection is not over."""

        async def join(self) -> None:
            """Wait until the connection is over."""

        async def notify(self, event: hikari.VoiceEvent) -> None:
            """Called by hikari with what has been heard already."""
