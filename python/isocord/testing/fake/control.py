"""What a test can do to a fake Discord, and read from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from ..bot.replies import Replies
from ..dave.delivery import EncryptedCall
from ..dave.member import MakeMember, NativeMember
from ..faults import Fault
from ..ground.eventlog import LogEntry
from ..ground.intents import Intent
from ..ground.payloads import Json
from ..ground.world import Channel, Reference, User, VoiceState
from ..people.listener import Listener
from ..people.participants import Participant
from ..people.speaker import Speaker
from ..voice.session import Grant
from ..wire.opus import CodecName
from ..wire.rtp import MediaPacket
from .guilds import Guilds
from .views import EncryptionView, GatewayView, VoiceSessionView

T = TypeVar("T")


class Control(Guilds):
    """Reading and scripting; with what it stands on, the part of :class:`FakeDiscord` that is no server."""

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

    def why_failed(self, channel: Reference, user: Reference) -> str:
        """Why a command may have found nothing where a user is: they are in no voice channel; empty if they are."""
        who, where = self.user(user), self.channel(channel)
        if self.voice_state(who, where.guild_id) is not None:
            return ""
        return f"{who.name} is in no voice channel; `discord.listen(channel, user={who.name!r})` takes them into one"

    # Inside

    _P = TypeVar("_P", bound=Participant)

    def _admit(self, make: Callable[[int], _P], user: User, channel: Channel) -> _P:
        participant: Any = self.on_server(lambda: self._backend.admit(make, user, channel))
        return participant  # type: ignore[no-any-return]
