"""What isocord needs to know of a bot library.

Four of the five libraries descend from one, so most of it is the same: :class:`Host` describes that, and each library's
own file fills in or overrides what differs. Methods that touch the library's objects run on the bot's loop.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from ..connection.states import VoiceServerUpdate, VoiceStateUpdate
from ..errors import ClientError, FFmpegError, IsocordError, OpusError, RecordingError
from ..gateway.socket.connector import plan_of
from ..gateway.socket.options import SocketOptions
from ..playing.manners import Manners
from ..playing.sources.native import NativeSource
from ..runtime.values import Record
from . import obstacles, payloads
from .exceptions import combined
from .joined import joined

_log = logging.getLogger(__name__)
_LAST_BREATH = 1.0
"""Seconds that a process has to end after it has closed its output."""
_E = TypeVar("_E", bound=IsocordError)
_T = TypeVar("_T")


class EventNames(Record):
    """The names that a library, or its usual voice extension, dispatches voice events under."""

    speaking: str = "member_speaking_state_update"
    connect: str = "member_connect"
    disconnect: str = "member_disconnect"
    speaking_start: str = "voice_member_speaking_start"
    speaking_stop: str = "voice_member_speaking_stop"


class _ChannelId(Record):
    """All that ``change_voice_state`` reads of a channel."""

    id: int


class Joined(Record):
    """A channel that a library has joined before it asks for a voice client.

    Attributes:
        client: the bot.
        channel: the voice channel.
        user_id: the bot's own user.
        state: what its gateway has said of that.
        server: the same.
    """

    client: Any
    channel: Any
    user_id: int
    state: VoiceStateUpdate
    server: VoiceServerUpdate


class Host(Record):
    """One bot library.

    Attributes:
        name: what its users call it.
        voice_protocol: the base class that it asks of voice clients.
        voice_client: its own voice client, which ours are to pass for; None where it cannot be had.
        client_homes: modules that it is imported from.
        connect: its method that makes voice clients.
        audio_source: the base class of its sources.
        ffmpeg_audio: the base class of its sources that run a process; empty where it has none.
        volume_transformer: its source that multiplies the samples of another by its ``volume``.
        client_exception: what it raises where a client is asked for something impossible.
        opus_error: what it raises where libopus fails.
        speaking_state: turns speaking flags into what its events carry.
        manners: how it ends a playback.
        events: names of its voice events.
        sinks: base classes of its sinks; empty where it cannot record.
        wave_sink: its sink for WAV.
        recording_exceptions: what its versions raise where a recording is impossible; empty where it cannot record.
        recording_callback_takes_error: whether plain functions as callbacks get an exception instead of the sink.
        ask_to_speak: how a bot in a stage's audience asks to speak.
    """

    name: str
    voice_protocol: type
    audio_source: type
    client_exception: type[Exception]
    opus_error: type[Exception]
    ffmpeg_audio: type | tuple[type, ...] = ()
    speaking_state: Callable[[int], object] = int
    volume_transformer: type | None = None
    voice_client: type | None = None
    client_homes: tuple[ModuleType, ...] = ()
    connect: Callable[..., Any] | None = None
    manners: Manners = Manners()
    events: EventNames = EventNames()
    sinks: tuple[type, ...] = ()
    wave_sink: type | None = None
    recording_exceptions: tuple[type[Exception], ...] = ()
    recording_callback_takes_error: bool = False
    ask_to_speak: str = "guild.me.request_to_speak()"

    # Exceptions.

    def error(self, kind: type[_E], message: str, code: int | None = None) -> _E:
        """An exception that is isocord's ``kind`` and the library's own at once."""
        if issubclass(kind, OpusError):
            return combined(kind, self.opus_error)(message, code)
        if issubclass(kind, RecordingError) and self.recording_exceptions:
            return combined(kind, *self.recording_exceptions)(message, code)
        if issubclass(kind, ClientError):
            return combined(kind, self.client_exception)(message, code)
        return kind(message)

    # Classes.

    def joined(self, cls: type[_T]) -> type[_T]:
        """A class that is ``cls`` and the library's voice protocol; its objects pass for its own voice client, too."""
        return joined(cls, self.voice_protocol, self.voice_client)

    # The client's registry of voice clients.

    def registered(self, client: Any, key: int) -> object | None:
        """The voice client that the library holds under ``key``."""
        found: object | None = client._connection._get_voice_client(key)
        return found

    def register(self, client: Any, key: int, voice: object) -> None:
        """Have the library hold ``voice`` under ``key``."""
        client._connection._add_voice_client(key, voice)

    def unregister(self, client: Any, key: int, voice: object) -> None:
        """Have the library forget ``voice``, unless another client took its key."""
        if self.registered(client, key) is voice:
            client._connection._remove_voice_client(key)

    def is_closing(self, client: Any) -> bool:
        """Whether the client was closed, so that its gateway tells nothing any more."""
        return bool(client.is_closed())

    def gateway_is_away(self, client: Any, guild_id: int) -> bool:
        """Whether the bot's own gateway is not connected or has no session yet."""
        try:
            websocket = client._connection._get_websocket(guild_id)
            return not websocket.open or websocket.session_id is None
        except (AttributeError, KeyError):
            # There is no websocket yet, or no such shard.
            return True

    def is_of_others(self, client: Any, guild_id: int, session_id: str) -> bool:
        """Whether a session of the bot's gateway is not this client's: somebody else uses the bot's token."""
        try:
            own = client._connection._get_websocket(guild_id).session_id
        except (AttributeError, KeyError):
            return False
        return own is not None and own != session_id

    def loop(self, client: Any) -> Any:
        """The event loop that the bot runs on."""
        return client._connection.loop

    def user(self, client: Any) -> Any:
        """The bot's own user."""
        return client._connection.user

    def dispatch(self, client: Any, event: str, *args: object) -> None:
        """Have the bot hear of an event, by its name without ``on_``."""
        client.dispatch(event, *args)

    # The guild and its channels.

    def guild_id(self, channel: Any) -> int:
        """The guild that ``channel`` belongs to; also the key of the registry."""
        try:
            found: int = channel._get_voice_client_key()[0]
        except AttributeError:
            raise TypeError(f"{channel} is no voice channel, but a {type(channel).__name__}") from None
        return found

    def is_elsewhere(self, channel: Any, guild_id: int) -> bool:
        """Whether ``channel`` is known to be in another guild."""
        home = getattr(channel, "guild_id", None) or getattr(getattr(channel, "guild", None), "id", None)
        return home is not None and int(home) != guild_id

    def channel_id(self, channel: Any) -> int | None:
        """The id of ``channel``, which some library may have taken away from a client."""
        found: int | None = getattr(channel, "id", None)
        return found

    def guild(self, client: Any, guild_id: int, channel: Any) -> Any:
        """The guild as the library knows it now, else as ``channel`` knew it, or None."""
        return client.get_guild(guild_id) or getattr(channel, "guild", None)

    def place(self, client: Any, guild_id: int, channel: Any) -> Any:
        """What the following are told of the guild; here :meth:`guild` itself."""
        return self.guild(client, guild_id, channel)

    def channel(self, place: Any, channel_id: int) -> Any:
        """A channel of the guild at ``place``, or None if the library does not know it."""
        return place.get_channel(channel_id) if place is not None else None

    def member(self, place: Any, user_id: int) -> Any:
        """A member of the guild at ``place``, or None if the library does not know it."""
        return place.get_member(user_id) if place is not None else None

    def voice_of(self, guild: Any) -> object | None:
        """The voice client that the library holds for ``guild``, one of its own that does not tell itself."""
        return None

    async def change_voice_state(self, place: Any, channel_id: int | None, *, self_mute: bool, self_deaf: bool) -> None:
        """Send opcode 4. Every call sets both flags, so both have to be said."""
        channel = None if channel_id is None else _ChannelId(channel_id)
        await place.change_voice_state(channel=channel, self_mute=self_mute, self_deaf=self_deaf)

    async def joined_already(self, **told: Any) -> Joined:
        """Read what the library's voice connections are told, where it joins channels before it asks for one.

        Raises:
            TypeError: it does not.
        """
        raise TypeError(f"{self.name} makes voice clients of itself: use channel.connect(cls=isocord.VoiceClient)")

    def obstacle(self, client: Any, guild: Any, channel: Any) -> str:
        """Why Discord would not answer a join of ``channel``; empty if nothing is known to be in its way."""
        return obstacles.obstacle(client, guild, channel)

    def unheard(self, update: VoiceStateUpdate, channel: Any) -> str:
        """Why nobody hears the bot; empty if its sound is passed on."""
        return obstacles.unheard(update, channel, self.ask_to_speak)

    # What the bot's gateway says.

    def voice_state(self, data: Any) -> VoiceStateUpdate:
        """Read what ``on_voice_state_update`` gets.

        Raises:
            ValueError: it carries no session or no channel.
        """
        return payloads.voice_state(data)

    def voice_server(self, data: Any) -> VoiceServerUpdate:
        """Read what ``on_voice_server_update`` gets.

        Raises:
            ValueError: it carries no token.
        """
        return payloads.voice_server(data)

    # Sources.

    def native_source(self, source: object) -> NativeSource | None:
        """The native file that ``source`` is, or that only the library's volume transformers are around."""
        return NativeSource.of(source, self.volume_transformer)

    def process_of(self, source: object) -> Any:
        """The source that runs a process, behind any volume transformers; None if there is none."""
        for _ in range(16):
            if isinstance(source, self.ffmpeg_audio):
                return source
            source = getattr(source, "original", None)
            if source is None:
                return None
        return None

    def process_failure(self, source: Any) -> FFmpegError | None:
        """What the process of a source that gives no more has died of; None if it has done its work.

        It has closed its output, so it is about to end; one that does not within a second has failed at nothing.
        """
        process = getattr(source, "_process", None)
        if not isinstance(process, subprocess.Popen):
            return None
        try:
            code = process.wait(_LAST_BREATH)
        except subprocess.TimeoutExpired:
            return None
        if code == 0:
            return None
        name = os.path.basename(process.args[0]) if isinstance(process.args, list) and process.args else "ffmpeg"
        how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
        return FFmpegError(f"{name} {how}: it could not read what it was given, or not to the end", code)

    # The network.

    def socket_options(self, client: Any) -> SocketOptions:
        """The proxy and the TLS settings that the bot's own HTTP client uses."""
        http = client.http
        connector = _first(http, "connector", "_connector")
        plan = plan_of(connector) if connector is not None else None
        if plan is None and connector is not None and not type(connector).__module__.startswith("aiohttp."):
            kind = type(connector).__name__
            _log.warning("The bot's %s cannot be used for voice: its voice gateways are connected to directly", kind)
        context = getattr(connector, "_ssl", None)
        return SocketOptions(
            proxy=_first(http, "proxy", "_proxy"),
            proxy_auth=_first(http, "proxy_auth", "_proxy_auth"),
            ssl=None if context is True else context,
            connector=plan,
        )


def _first(owner: object, *names: str) -> Any:
    """The first of the attributes that is set; the libraries mark the others with None or a falsy object."""
    for name in names:
        value = getattr(owner, name, None)
        if value:
            return value
    return None
