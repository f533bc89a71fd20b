"""Typed values that pass between the bot's loop, the gateway thread and the player.

All of them are immutable, so that any thread may hold them. Tokens are left out of every ``repr``.
"""

from __future__ import annotations

import enum

from ..runtime.values import Record, secret


class VoiceStateUpdate(Record):
    """The bot's own VOICE_STATE_UPDATE.

    Attributes:
        session_id: session of the bot's gateway, which the voice gateway asks for.
        channel_id: where the bot is now; None after it left or was kicked.
        self_mute: None where the payload does not say.
        self_deaf: None where the payload does not say.
        mute: whether a moderator has muted the bot.
        suppress: whether it may not speak in this channel, or is in a stage's audience.
    """

    session_id: str = secret()
    channel_id: int | None
    self_mute: bool | None = None
    self_deaf: bool | None = None
    mute: bool | None = None
    suppress: bool | None = None


class VoiceServerUpdate(Record):
    """The guild's VOICE_SERVER_UPDATE.

    Attributes:
        token: secret of this voice server for Identify and Resume.
        endpoint: ``host:port`` without a scheme; None while Discord looks for another server.
    """

    token: str = secret()
    endpoint: str | None


class Phase(enum.Enum):
    """Where a voice connection stands."""

    IDLE = "idle"
    """``connect`` has not been called."""
    CONNECTING = "connecting"
    """The first handshake is under way."""
    CONNECTED = "connected"
    """Sound can leave."""
    RESUMING = "resuming"
    """The websocket was cut and is being resumed; sound goes on over UDP meanwhile."""
    RECONNECTING = "reconnecting"
    """A new voice session is being made; the player holds its place."""
    DISCONNECTED = "disconnected"
    """Over for good."""


class Reason(enum.Enum):
    """Why a connection is in its phase."""

    REQUESTED = "requested by the bot"
    ESTABLISHED = "the session is established"
    RESUMED = "the session was resumed"
    SOCKET_LOST = "the websocket was lost"
    SESSION_INVALID = "the voice server refused the session"
    UDP_BROKEN = "packets to the voice server do not get away"
    UNSENT = "what plays does not leave"
    NODE_LOST = "the media node was lost"
    PROTOCOL_BROKEN = "the voice server did not keep to the protocol"
    INTERNAL = "isocord itself failed"
    ENCRYPTION_FAILED = "the end-to-end encryption could not be set up"
    SERVER_CHANGED = "Discord gave another voice server or channel"
    SERVER_GONE = "Discord is looking for another voice server"
    CLOSED_BY_SERVER = "the voice server ended the connection"
    KICKED = "the bot was disconnected from the channel"
    REFUSED = "the voice server refused the bot for good"
    TIMED_OUT = "no answer within the timeout"
    GAVE_UP = "reconnecting took too long"
    FAILED = "the handshake failed too often"
    SUPERSEDED = "another voice client took over this guild"
    LOOP_CLOSED = "the bot's event loop was closed"
    FORKED = "the process was forked"


class ConnectionState(Record):
    """One state of a connection, with its reason.

    Attributes:
        phase: where the connection stands.
        reason: why.
        code: the voice gateway's close code, if one led here.
        detail: a sentence for people, possibly empty.
    """

    phase: Phase
    reason: Reason
    code: int | None = None
    detail: str = ""

    @property
    def is_connected(self) -> bool:
        """Whether sound can leave: also while the websocket is being resumed."""
        return self.phase in (Phase.CONNECTED, Phase.RESUMING)

    @property
    def is_alive(self) -> bool:
        """Whether the connection has begun and is not over: also while it is being made or mended."""
        return self.phase not in (Phase.IDLE, Phase.DISCONNECTED)

    def __str__(self) -> str:
        code = f", close code {self.code}" if self.code is not None else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.phase.value} ({self.reason.value}{code}){detail}"


class UserSpeaking(Record):
    """A user's speaking flags changed (opcode 5): 1 voice, 2 soundshare, 4 priority."""

    user_id: int
    ssrc: int
    flags: int


class UsersConnected(Record):
    """Users are in the channel (opcode 11)."""

    user_ids: tuple[int, ...]


class UserDisconnected(Record):
    """A user left the channel (opcode 13); ``ssrc`` is None where it never spoke."""

    user_id: int
    ssrc: int | None


ChannelEvent = UserSpeaking | UsersConnected | UserDisconnected
"""What happens to others in the channel."""
