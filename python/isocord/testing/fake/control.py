"""What a test can do to a fake Discord, and read from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from ..bot.replies import Replies
from ..dave.delivery import EncryptedCall
from ..dave.member import MakeMember, NativeMember
from ..errors import NotFoundError
from ..faults import Fault
from ..ground import payloads
from ..ground.eventlog import LogEntry
from ..ground.intents import Intent
from ..ground.payloads import Json
from ..ground.world import Channel, ChannelKind, Guild, Reference, User, VoiceState
from ..mishaps.staging import Staging
from ..people.listener import Listener
from ..people.participants import Participant
from ..people.speaker import Speaker
from ..voice.session import Grant
from ..wire.opus import CodecName
from ..wire.rtp import MediaPacket
from .views import EncryptionView, GatewayView, VoiceSessionView

T = TypeVar("T")


class Control(Staging):
    """Reading, moderating, scripting; with :class:`Staging`, the part of :class:`FakeDiscord` that is no server."""

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

    # What happened

    @property
    def events(self) -> list[LogEntry]:
        """Every gateway message so far, both ways, secrets redacted; the newest 20,000."""
        return self._backend.log.entries()

    @property
    def counters(self) -> Counter[str]:
        """A copy of the server's counters, such as ``rtp_received``, ``udp_keepalives``, ``rtp_open_failed``."""
        return Counter(self._backend.log.counters)

    def voice_state(self, user: Reference, guild: Reference | None = None) -> VoiceState | None:
        """A user's voice state in a guild (the first one without an argument); None when not in voice."""
        return self._guild(guild).voice_states.get(self.user(user).id)

    @property
    def server_update_first(self) -> bool:
        """Whether a join's or move's VOICE_SERVER_UPDATE comes before its VOICE_STATE_UPDATE; Discord may do either."""
        return self._backend.switchboard.server_update_first

    @server_update_first.setter
    def server_update_first(self, first: bool) -> None:
        self._backend.switchboard.server_update_first = first

    def bot_voice_state(self, guild: Reference | None = None) -> VoiceState | None:
        """The bot's voice state in a guild (the first one without an argument); None when not in voice."""
        return self._guild(guild).voice_states.get(self.bot.id)

    def voice_session(self, guild: Reference | None = None, user: Reference | None = None) -> VoiceSessionView | None:
        """The voice session of a client, the bot's without a ``user``; None when it has none."""
        user_id = self.bot.id if user is None else self.user(user).id
        session = self._backend.voice.sessions.get((self._guild(guild).id, user_id))
        return None if session is None else VoiceSessionView(session, self._backend, self.on_server)

    def encryption(self, channel: Reference) -> EncryptionView | None:
        """The end-to-end encryption of a channel's call; None in a fake with ``dave_version=0``.

        Raises:
            NotFoundError: no such channel.
        """
        where = self.channel(channel)
        delivery = self.on_server(lambda: self._backend.switchboard.call(where.id).delivery)
        return EncryptionView(delivery, self.on_server) if isinstance(delivery, EncryptedCall) else None

    @property
    def gateway(self) -> GatewayView:
        """The bot's main gateway, to be cut, closed or invalidated."""
        return GatewayView(self._backend.hub, self.on_server)

    @property
    def messages(self) -> list[Json]:
        """The text messages that the bot sent, oldest first."""
        return self._backend.rest.messages.sent_by(self.bot)

    def commands(self, guild: Reference | None = None) -> list[Json]:
        """The application commands that the bot has registered, for everyone and for one guild."""
        return self._backend.rest.commands.all(self._guild(guild).id)

    # Scripted participants

    def listen(
        self,
        channel: Reference,
        *,
        user: Reference = "alice",
        only: Reference | None = None,
        decoder: CodecName = "auto",
        max_dave_version: int = 1,
        make_member: MakeMember = NativeMember,
    ) -> Listener:
        """A user joins a channel and listens.

        Args:
            only: the one user to hear, by default everyone.
            max_dave_version: 0 for one without end-to-end encryption, who takes the whole call down to version 0.
            make_member: makes its side of the end-to-end encryption, given the ids of user and channel.

        Raises:
            NotFoundError: no such channel or user.
            ValueError: no voice channel, or the user is not a member of its guild.
        """
        who = self.user(user)
        only_id = None if only is None else self.user(only).id

        def make(ssrc: int) -> Listener:
            return Listener(
                who,
                ssrc,
                self,
                only=only_id,
                decoder=decoder,
                max_dave_version=max_dave_version,
                make_member=make_member,
            )

        return self._admit(make, who, self.channel(channel))

    def speak(
        self,
        channel: Reference,
        *,
        user: Reference = "bob",
        fault: Fault[MediaPacket] | None = None,
        encoder: CodecName = "auto",
        decoder: CodecName = "auto",
        announce: bool = True,
        max_dave_version: int = 1,
        make_member: MakeMember = NativeMember,
    ) -> Speaker:
        """A user joins a channel, ready to speak; see :class:`Speaker` and :meth:`listen` for the arguments.

        Raises:
            NotFoundError: no such channel or user.
            ValueError: no voice channel, or the user is not a member of its guild.
        """
        who = self.user(user)

        def make(ssrc: int) -> Speaker:
            return Speaker(
                who,
                ssrc,
                self,
                fault=fault,
                encoder=encoder,
                decoder=decoder,
                announce=announce,
                max_dave_version=max_dave_version,
                make_member=make_member,
            )

        return self._admit(make, who, self.channel(channel))

    def invite(self, channel: Reference, user: Reference) -> Grant:
        """A user joins a channel as a client of its own: gives what it needs to open a voice session.

        For members that speak the real protocol, written with whatever library is to be tested against.

        Raises:
            NotFoundError: no such channel or user.
        """
        who, where = self.user(user), self.channel(channel)
        guild = self._backend.world.guild(where.guild_id)

        def join() -> Grant:
            self._backend.switchboard.join(guild, who.id, where, f"{self._backend.world.snowflakes.next():x}")
            grant = self._backend.switchboard.grant(guild.id, who.id)
            assert grant is not None
            return grant

        grant: Grant = self.on_server(join)
        return grant

    # What users and moderators do

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

    # For commands and messages

    def ask(self, text: str, channel: Reference, user: Reference) -> Replies:
        """What :meth:`say` does, without the waiting."""
        who, where = self.user(user), self.channel(channel)
        replies: Replies = self.on_server(lambda: self._backend.rest.messages.ask(who, where, text))
        return replies

    def interact(self, command: str, channel: Reference, user: Reference, options: dict[str, Any]) -> Replies:
        """What :meth:`call` does, without the waiting."""
        who, where = self.user(user), self.channel(channel)

        def interact() -> Replies:
            interaction = self._backend.rest.commands.interaction(command, where, who, options)
            replies = self._backend.rest.interactions.expect(interaction, where)
            self._backend.hub.dispatch("INTERACTION_CREATE", interaction, where.guild_id)
            return replies

        replies: Replies = self.on_server(interact)
        return replies

    def why_silent(self, is_text: bool) -> str:
        """What keeps the bot from hearing of commands, or of text messages; empty if nothing does."""
        intents = [s.intents for s in list(self._backend.hub.sessions.values()) if s.connection is not None]
        if not intents:
            return "no bot is logged in"
        if is_text and not any(each & Intent.GUILD_MESSAGES for each in intents):
            return "its intents lack guild_messages, so it is told of no message"
        if is_text and not any(each & Intent.MESSAGE_CONTENT for each in intents):
            return "its intents lack message_content, so it gets messages without their text"
        return ""

    # For participants

    def find_user(self, reference: Reference) -> User:
        return self.user(reference)

    def bot_user(self) -> User:
        return self.bot

    def leave_call(self, participant: Participant) -> None:
        def leave() -> None:
            place = self._backend.place_of(participant)
            if place is not None:
                self._backend.dismiss(*place)

        self.on_server(leave)

    def voice_state_of(self, participant: Participant) -> VoiceState | None:
        place = self._backend.place_of(participant)
        return None if place is None else self._backend.world.guilds[place[0]].voice_states.get(place[1])

    _P = TypeVar("_P", bound=Participant)

    def _admit(self, make: Callable[[int], _P], user: User, channel: Channel) -> _P:
        participant: Any = self.on_server(lambda: self._backend.admit(make, user, channel))
        return participant  # type: ignore[no-any-return]

    def _guild(self, reference: Reference | None) -> Guild:
        return self._backend.world.guild(reference)

    def _require_voice(self, guild_id: int, user: User) -> None:
        if user.id not in self._backend.world.guilds[guild_id].voice_states:
            raise NotFoundError(f"{user.name!r} is in no voice channel")
