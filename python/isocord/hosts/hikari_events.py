"""What hikari bots listen to: ``@bot.listen(isocord.hikari.SpeakingStartEvent)``. hikari tells nothing but objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hikari

if TYPE_CHECKING:
    from ..connection.states import ConnectionState


class VoiceEvent(hikari.Event):  # type: ignore[misc, unused-ignore]
    """Something has happened in a voice channel that the bot is in; whoever listens to it hears of all of them.

    Attributes:
        guild_id: the guild that the channel is in.
    """

    def __init__(self, app: hikari.GatewayBotAware, guild_id: hikari.Snowflake) -> None:
        self._app = app
        self.guild_id: hikari.Snowflake = guild_id

    @property
    def app(self) -> hikari.GatewayBotAware:
        """The bot."""
        return self._app

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({told})"


class ConnectionStateEvent(VoiceEvent):
    """A voice connection has another state.

    Attributes:
        voice: the :class:`isocord.VoiceClient`.
        state: its :class:`isocord.ConnectionState`.
    """

    def __init__(self, app: hikari.GatewayBotAware, voice: Any, state: ConnectionState) -> None:
        super().__init__(app, voice.guild_id)
        self.voice: Any = voice
        self.state: ConnectionState = state


class PrivacyCodeEvent(VoiceEvent):
    """The code by which all members of an encrypted call know each other is another one, or there is none any more.

    Attributes:
        voice: the :class:`isocord.VoiceClient`.
        code: its :attr:`.VoiceClient.privacy_code`. Keep it out of logs.
    """

    def __init__(self, app: hikari.GatewayBotAware, voice: Any, code: str | None) -> None:
        super().__init__(app, voice.guild_id)
        self.voice: Any = voice
        self.code: str | None = code


class MemberEvent(VoiceEvent):
    """Something has happened to somebody in the channel.

    Attributes:
        user_id: who it is.
        member: the same, if hikari has cached the member.
    """

    def __init__(self, app: hikari.GatewayBotAware, someone: Any) -> None:
        super().__init__(app, someone.guild_id)
        self.user_id: hikari.Snowflake = someone.id
        self.member: hikari.Member | None = someone if isinstance(someone, hikari.Member) else None


class MemberConnectEvent(MemberEvent):
    """Somebody is in the channel: has come, or was there before the bot."""


class MemberDisconnectEvent(MemberEvent):
    """Somebody has left the channel.

    Attributes:
        ssrc: the number that marked the packets, if Discord has told it.
    """

    def __init__(self, app: hikari.GatewayBotAware, someone: Any, ssrc: int | None) -> None:
        super().__init__(app, someone)
        self.ssrc: int | None = ssrc


class SpeakingStateEvent(MemberEvent):
    """Discord tells how somebody is going to speak, once for each: 1 voice, 2 soundshare, 4 priority.

    Attributes:
        ssrc: the number that marks the packets.
        flags: a sum of these.
    """

    def __init__(self, app: hikari.GatewayBotAware, someone: Any, ssrc: int, flags: int) -> None:
        super().__init__(app, someone)
        self.ssrc: int = ssrc
        self.flags: int = flags


class SpeakingStartEvent(MemberEvent):
    """Somebody begins to speak, as the sound itself tells; after :meth:`.VoiceClient.dispatch_speaking`."""


class SpeakingStopEvent(MemberEvent):
    """Somebody ceases to speak, as the sound itself tells; after :meth:`.VoiceClient.dispatch_speaking`."""


_CLASSES: dict[str, type[VoiceEvent]] = {
    "voice_connection_state_update": ConnectionStateEvent,
    "voice_privacy_code_update": PrivacyCodeEvent,
    "member_connect": MemberConnectEvent,
    "member_disconnect": MemberDisconnectEvent,
    "member_speaking_state_update": SpeakingStateEvent,
    "voice_member_speaking_start": SpeakingStartEvent,
    "voice_member_speaking_stop": SpeakingStopEvent,
}


def make(name: str, app: Any, *args: Any) -> VoiceEvent:
    """The event that the other libraries dispatch as ``name`` with ``args``."""
    return _CLASSES[name](app, *args)
