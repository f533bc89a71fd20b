"""The guilds of a fake Discord: what is in them, and what moderators do there."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import NotFoundError
from ..ground import payloads
from ..ground.permissions import Overwrite
from ..ground.world import Channel, ChannelKind, Guild, Reference, User
from ..mishaps.staging import Staging


class Guilds(Staging):
    """Looking things up, and moderating."""

    # What exists

    @property
    def token(self) -> str:
        """The bot's token, for ``bot.start(discord.token)``."""
        return self._backend.world.token

    @property
    def bot(self) -> User:
        """The bot's own user."""
        return self._backend.world.bot

    @property
    def guilds(self) -> list[Guild]:
        return list(self._backend.world.guilds.values())

    @property
    def guild(self) -> Guild:
        """The first guild."""
        return self._backend.world.guild()

    def channel(self, reference: Reference) -> Channel:
        """A channel by object, id or name.

        Raises:
            NotFoundError: there is none.
        """
        return self._backend.world.channel(reference)

    def user(self, reference: Reference) -> User:
        """A user by object, id or name.

        Raises:
            NotFoundError: there is none.
        """
        return self._backend.world.user(reference)

    # What moderators do

    def move(self, user: Reference, channel: Reference) -> None:
        """A moderator moves a user to another voice channel of the guild.

        Raises:
            NotFoundError: no such user or channel, or the user is not in voice.
        """
        who, where = self.user(user), self.channel(channel)
        self._require_voice(where.guild_id, who)
        self.on_server(lambda: self._backend.move(where.guild_id, who.id, where))

    def move_bot(self, channel: Reference) -> None:
        """A moderator moves the bot."""
        self.move(self.bot, channel)

    def kick(self, user: Reference, guild: Reference | None = None) -> None:
        """A moderator disconnects a user from voice.

        Raises:
            NotFoundError: no such user or guild, or the user is not in voice.
        """
        who, where = self.user(user), self._guild(guild)
        self._require_voice(where.id, who)
        self.on_server(lambda: self._backend.kick(where.id, who.id))

    def kick_bot(self, guild: Reference | None = None) -> None:
        """A moderator disconnects the bot from voice."""
        self.kick(self.bot, guild)

    def moderate(
        self,
        user: Reference,
        guild: Reference | None = None,
        *,
        mute: bool | None = None,
        deaf: bool | None = None,
        suppress: bool | None = None,
    ) -> None:
        """A moderator mutes or deafens a user, or lets them speak on a stage (``suppress=False``)."""
        where, who = self._guild(guild), self.user(user)

        def change() -> None:
            member = where.member(who)
            member.mute = member.mute if mute is None else mute
            member.deaf = member.deaf if deaf is None else deaf
            given = {"mute": mute, "deaf": deaf, "suppress": suppress}
            changes = {name: value for name, value in given.items() if value is not None}
            self._backend.switchboard.update(where, who.id, **changes)

        self.on_server(change)

    def deny(self, channel: Reference, *, user: Reference | None = None, **permissions: bool) -> None:
        """Take permissions from the bot, or another user, in a channel: ``discord.deny("General", connect=True)``.

        The fake does as Discord: joins without *View Channel* and *Connect* are not answered, who has no *Speak* is
        suppressed, requests of the API fail with 403. ``connect=False`` denies it no longer. Everyone, the bot too, has
        what Discord gives everyone in a new guild; :meth:`allow` gives more.

        Args:
            permissions: by their names in Discord's documentation, in lower case.

        Raises:
            NotFoundError: no such channel or user.
            TypeError: no such permission; the message names those that there are.
        """
        self._overwrite(channel, user, lambda own: own.denying(permissions))

    def allow(self, channel: Reference, *, user: Reference | None = None, **permissions: bool) -> None:
        """Give permissions to the bot, or another user, in a channel: ``discord.allow("Stage", mute_members=True)``.

        As :meth:`deny`.
        """
        self._overwrite(channel, user, lambda own: own.allowing(permissions))

    def limit_users(self, channel: Reference, limit: int) -> None:
        """A moderator lets at most ``limit`` users into a voice channel, 0 for any number.

        The bot is let into a full one only if it may move members: ``discord.allow(channel, move_members=True)``.

        Raises:
            ValueError: Discord knows limits from 0 to 99.
        """
        if not 0 <= limit <= 99:
            raise ValueError(f"a voice channel's limit is 0 to 99, not {limit}")
        where = self.channel(channel)

        def change() -> None:
            where.user_limit = limit
            self._backend.switchboard.edit_channel(where)

        self.on_server(change)

    def _overwrite(self, channel: Reference, user: Reference | None, change: Callable[[Overwrite], Overwrite]) -> None:
        where, who = self.channel(channel), self.bot if user is None else self.user(user)
        made = change(where.overwrites.get(who.id, Overwrite()))

        def overwrite() -> None:
            where.overwrites[who.id] = made
            self._backend.switchboard.edit_channel(where)

        self.on_server(overwrite)

    def add_channel(self, name: str, kind: ChannelKind = ChannelKind.VOICE, guild: Reference | None = None) -> Channel:
        """A moderator creates a channel."""
        where = self._guild(guild)

        def add() -> Channel:
            channel = self._backend.world.add_channel(where, name, kind)
            self._backend.hub.dispatch("CHANNEL_CREATE", payloads.channel(channel), where.id)
            return channel

        channel: Channel = self.on_server(add)
        return channel

    def delete_channel(self, channel: Reference) -> None:
        """A moderator deletes a channel; whoever is in it is thrown out with close code 4022."""
        where = self.channel(channel)
        self.on_server(lambda: self._backend.delete_channel(where))

    # Inside

    def _guild(self, reference: Reference | None) -> Guild:
        return self._backend.world.guild(reference)

    def _require_voice(self, guild_id: int, user: User) -> None:
        if user.id not in self._backend.world.guilds[guild_id].voice_states:
            raise NotFoundError(f"{user.name!r} is in no voice channel")
