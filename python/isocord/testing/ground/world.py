"""Guilds, channels and users of a fake Discord: plain data, no sockets."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, TypeVar

from ..errors import NotFoundError
from .permissions import ALL, EVERYONE, NONE, Overwrite, Permission

DISCORD_EPOCH_MS = 1_420_070_400_000


class ChannelKind(IntEnum):
    """Channel types (Discord API documentation, "Channel Types")."""

    TEXT = 0
    VOICE = 2
    STAGE = 13


class HasId(Protocol):
    """Anything with a snowflake: objects of this package and of every bot library."""

    @property
    def id(self) -> int: ...


Reference = HasId | int | str
"""How a test names a guild, channel or user: an object with ``.id``, the id, or the name."""


Names = Sequence[str] | Mapping[str, int]
"""Names of what a guild contains, or ids by name."""


@dataclass(slots=True)
class User:
    """A Discord account."""

    id: int
    name: str
    bot: bool = False


@dataclass(slots=True)
class Channel:
    """A channel of a guild.

    Attributes:
        user_limit: how many users fit into a voice channel; 0 for any number.
        overwrites: what it grants and denies, by the user's id.
    """

    id: int
    guild_id: int
    name: str
    kind: ChannelKind
    position: int
    user_limit: int = 0
    overwrites: dict[int, Overwrite] = field(default_factory=dict)

    @property
    def has_voice(self) -> bool:
        return self.kind is not ChannelKind.TEXT


@dataclass(slots=True)
class Member:
    """A user in a guild, with what moderators set on them."""

    user: User
    mute: bool = False
    deaf: bool = False
    nick: str | None = None

    @property
    def id(self) -> int:
        return self.user.id


@dataclass(frozen=True, slots=True)
class VoiceState:
    """Who is in which voice channel, and how (Discord API documentation, "Voice State Object")."""

    guild_id: int
    channel_id: int | None
    user_id: int
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    mute: bool = False
    deaf: bool = False
    suppress: bool = False
    request_to_speak: str | None = None

    @property
    def can_speak(self) -> bool:
        """Whether the server passes this user's sound on."""
        return not (self.mute or self.suppress)

    @property
    def can_hear(self) -> bool:
        """Whether the server sends this user any sound."""
        return not (self.deaf or self.self_deaf)


@dataclass(frozen=True, slots=True)
class GuildSpec:
    """What a guild is to contain, by names. The fake gives out the ids, but for those that a bot has written down.

    Attributes:
        text: names of text channels; with ids, as a mapping.
        voice: the same of voice channels.
        stage: the same of stage channels.
        members: names of users; with ids, as a mapping.
        id: the guild's own id, that of a bot's ``guild_ids``, say.

    Example:
        >>> GuildSpec("Radio", voice=("Studio",), text=(), stage=(), members=("dora",)).voice
        ('Studio',)
    """

    name: str = "Test guild"
    text: Names = ("general",)
    voice: Names = ("General", "Music")
    stage: Names = ("Stage",)
    members: Names = ("alice", "bob", "carol")
    id: int | None = None


@dataclass(slots=True)
class Guild:
    """A guild with its channels, members and voice states."""

    id: int
    name: str
    owner_id: int
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    voice_states: dict[int, VoiceState] = field(default_factory=dict)

    def channel(self, reference: Reference) -> Channel:
        """A channel by object, id or name.

        Raises:
            NotFoundError: this guild has no such channel.
        """
        return _find(self.channels.values(), reference, "channel")

    def member(self, reference: Reference) -> Member:
        """A member by object, id or name.

        Raises:
            NotFoundError: this guild has no such member.
        """
        identity = reference if isinstance(reference, int | str) else reference.id
        for member in self.members.values():
            if identity in (member.id, member.user.name):
                return member
        raise NotFoundError(f"no member {identity!r}")

    def permissions(self, user_id: int, channel: Channel) -> Permission:
        """What a user may do in a channel of this guild."""
        if user_id == self.owner_id:
            return ALL
        own = channel.overwrites.get(user_id, Overwrite())
        found = EVERYONE & ~own.deny | own.allow
        # Who does not see a channel can do nothing in it.
        return found if found & Permission.VIEW_CHANNEL else NONE

    def is_full(self, user_id: int, channel: Channel) -> bool:
        """Whether a voice channel has no room for one more; who may move members comes in nevertheless."""
        others = [s for s in self.voice_states.values() if s.channel_id == channel.id and s.user_id != user_id]
        has_key = self.permissions(user_id, channel) & Permission.MOVE_MEMBERS
        return 0 < channel.user_limit <= len(others) and not has_key

    @property
    def voice_channels(self) -> list[Channel]:
        return [c for c in self.channels.values() if c.kind is ChannelKind.VOICE]

    @property
    def stage_channels(self) -> list[Channel]:
        return [c for c in self.channels.values() if c.kind is ChannelKind.STAGE]

    @property
    def text_channels(self) -> list[Channel]:
        return [c for c in self.channels.values() if c.kind is ChannelKind.TEXT]


class Snowflakes:
    """Gives out ids that look like Discord's: milliseconds since 2015 in the upper 42 bits."""

    def __init__(self) -> None:
        self._last = (time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS - 1000) << 22

    def next(self) -> int:
        # One id in each millisecond keeps ids ordered and guilds apart when a bot shards by the upper bits.
        self._last += 1 << 22
        return self._last


class World:
    """Everything that exists in one fake Discord.

    Args:
        guilds: how many guilds, or what each is to contain.
        bot_name: the bot's user name.
    """

    def __init__(self, guilds: int | Sequence[GuildSpec] = 1, *, bot_name: str = "isocord-bot") -> None:
        self.snowflakes: Snowflakes = Snowflakes()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.bot: User = self.add_user(bot_name, bot=True)
        self.owner: User = self.add_user("owner")
        self.application_id: int = self.bot.id
        self.token: str = _token_of(self.bot)
        if isinstance(guilds, int):
            guilds = [GuildSpec(f"Test guild {n + 1}" if n else "Test guild") for n in range(guilds)]
        for spec in guilds:
            self.add_guild(spec)

    def add_user(self, name: str, *, bot: bool = False, id: int | None = None) -> User:
        """A new user; the same name gives the same user again."""
        for user in self.users.values():
            if user.name == name and user.bot == bot:
                return user
        user = User(id or self.snowflakes.next(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, spec: GuildSpec) -> Guild:
        """A new guild with the bot in it."""
        guild = Guild(spec.id or self.snowflakes.next(), spec.name, self.owner.id)
        for user in (self.owner, self.bot, *(self.add_user(name, id=_id(spec.members, name)) for name in spec.members)):
            guild.members[user.id] = Member(user)
        kinds = ((ChannelKind.TEXT, spec.text), (ChannelKind.VOICE, spec.voice), (ChannelKind.STAGE, spec.stage))
        for kind, names in kinds:
            for name in names:
                self.add_channel(guild, name, kind, id=_id(names, name))
        self.guilds[guild.id] = guild
        return guild

    def add_channel(self, guild: Guild, name: str, kind: ChannelKind, *, id: int | None = None) -> Channel:
        """A new channel at the end of ``guild``."""
        channel = Channel(id or self.snowflakes.next(), guild.id, name, kind, len(guild.channels))
        guild.channels[channel.id] = channel
        return channel

    def guild(self, reference: Reference | None = None) -> Guild:
        """A guild by object, id or name; the first one without an argument.

        Raises:
            NotFoundError: there is no such guild.
        """
        if reference is None:
            for guild in self.guilds.values():
                return guild
            raise NotFoundError("this fake Discord has no guilds")
        return _find(self.guilds.values(), reference, "guild")

    def channel(self, reference: Reference) -> Channel:
        """A channel of any guild; a name finds the first that has it.

        Raises:
            NotFoundError: there is no such channel.
        """
        return _find((c for g in self.guilds.values() for c in g.channels.values()), reference, "channel")

    def user(self, reference: Reference) -> User:
        """A user by object, id or name.

        Raises:
            NotFoundError: there is no such user.
        """
        return _find(self.users.values(), reference, "user")


def _id(names: Names, name: str) -> int | None:
    return names[name] if isinstance(names, Mapping) else None


def _token_of(bot: User) -> str:
    """A token in Discord's form: libraries read the bot's id from its first part."""
    name = base64.b64encode(str(bot.id).encode()).decode().rstrip("=")
    return f"{name}.{secrets.token_urlsafe(6)}.{secrets.token_urlsafe(24)}"


class _Named(HasId, Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _find(items: Iterable[_N], reference: Reference, what: str) -> _N:
    identity = reference if isinstance(reference, int | str) else reference.id
    for item in items:
        if identity in (item.id, item.name):
            return item
    raise NotFoundError(f"no {what} {identity!r}")
