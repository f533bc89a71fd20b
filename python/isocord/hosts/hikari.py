"""hikari 2. Its voice component joins a channel by itself and then asks a class for the connection.

hikari has no sources, no sinks and no voice client of its own: what it asks for is a ``hikari.api.VoiceConnection``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import hikari
from hikari import snowflakes

from ..connection.states import Phase, VoiceServerUpdate, VoiceStateUpdate
from ..gateway.socket.options import SocketOptions
from ..playing.manners import Manners
from ..runtime.values import Record, secret
from . import payloads
from .base import Host, Joined
from .hikari_events import make

_log = logging.getLogger(__name__)


class Place(Record):
    """A guild, whether or not hikari's cache holds it."""

    app: Any
    id: snowflakes.Snowflake


class Uncached(Record):
    """A channel or a member that hikari's cache does not hold.

    Attributes:
        id: its snowflake.
        guild_id: the guild that it belongs to.
    """

    id: snowflakes.Snowflake
    guild_id: snowflakes.Snowflake


class AudioSource:
    """The base class of sources that are written in Python; hikari has none of its own."""

    def read(self) -> bytes:
        """20 ms: 3,840 bytes of s16le 48 kHz stereo, or one Opus packet; nothing at the end. On a thread of its own."""
        raise NotImplementedError

    def is_opus(self) -> bool:
        """Whether :meth:`read` gives Opus packets."""
        return False

    def cleanup(self) -> None:
        """Release what the source holds; called when it is over."""


class Connection(hikari.api.VoiceConnection):  # type: ignore[misc, unused-ignore]
    """What hikari asks of a voice connection, and isocord's voice client has not.

    hikari tells a connection nothing before ``initialize`` has returned. So it hears the bot's events by itself.
    """

    _is_of_former_session = False
    _shard_id = 0

    @property
    def owner(self: Any) -> Any:
        """The bot's voice component."""
        return self.client.voice

    @property
    def guild_id(self: Any) -> snowflakes.Snowflake:
        """The guild's id."""
        return snowflakes.Snowflake(self.server_id)

    @property
    def channel_id(self: Any) -> snowflakes.Snowflake:
        """The id of the channel that the bot is in."""
        return snowflakes.Snowflake(self.channel.id)

    @property
    def shard_id(self: Any) -> int:
        """The shard that is told of the guild."""
        return int(self._shard_id)

    @property
    def is_alive(self: Any) -> bool:
        """Whether the connection is not over."""
        return bool(self.state.is_alive)

    async def join(self: Any) -> None:
        """Wait until the connection is over."""
        await self.wait_for_state(Phase.DISCONNECTED)

    async def notify(self, event: Any) -> None:
        """Called by hikari's voice component with what has been heard already."""

    async def _hear_state(self: Any, event: Any) -> None:
        if event.guild_id == self.server_id and event.state.user_id == self._user_id:
            await self.on_voice_state_update(event.state)

    async def _hear_server(self: Any, event: Any) -> None:
        if event.guild_id == self.server_id:
            await self.on_voice_server_update(event)

    async def _hear_ready(self: Any, event: Any) -> None:
        if event.shard.id == self.shard_id:
            # Discord has forgotten where the bot was.
            self._is_of_former_session = True
            self._membership.check_registry(self._connection)


_HEARD = {
    hikari.VoiceStateUpdateEvent: "_hear_state",
    hikari.VoiceServerUpdateEvent: "_hear_server",
    hikari.ShardReadyEvent: "_hear_ready",
}


_TOLD = {
    "owner",
    "channel_id",
    "endpoint",
    "guild_id",
    "on_close",
    "session_id",
    "shard_id",
    "token",
    "user_id",
}


class _ProxyAuthorization(Record):
    """The value of Proxy-Authorization that hikari was given, as the gateway's sockets ask for it."""

    value: Any = secret()

    @property
    def password(self) -> str | None:
        """What no text may show, if it is known."""
        return getattr(self.value, "password", None)

    def encode(self) -> str:
        """The header's value."""
        return str(self.value)


class HikariHost(Host):
    """hikari."""

    # The client's registry of voice clients.

    def registered(self, client: Any, key: int) -> object | None:
        """The voice client of the bot's present session."""
        found: object | None = client.voice.connections.get(key)
        return None if getattr(found, "_is_of_former_session", False) else found

    def register(self, client: Any, key: int, voice: Any) -> None:
        """Take the place that hikari gives as soon as ``initialize`` returns, and hear what the bot hears."""
        voice._is_of_former_session = False
        if client.voice.connections.get(key) is not voice:
            voice._shard_id = _shard(client, key).id
            client.voice._connections[key] = voice
            for event, method in _HEARD.items():
                _subscribe_first(client.event_manager, event, getattr(voice, method))

    def unregister(self, client: Any, key: int, voice: Any) -> None:
        """The opposite."""
        if client.voice.connections.get(key) is voice:
            del client.voice._connections[key]
        for event, method in _HEARD.items():
            if getattr(voice, method) in client.event_manager.get_listeners(event, polymorphic=False):
                client.event_manager.unsubscribe(event, getattr(voice, method))

    def is_closing(self, client: Any) -> bool:
        """Whether the bot's shards are about to be closed."""
        return not (client.is_alive and client.voice.is_alive)

    def gateway_is_away(self, client: Any, guild_id: int) -> bool:
        """Whether the guild's shard is not connected."""
        return not client.shards or not _shard(client, guild_id).is_connected

    def is_of_others(self, client: Any, guild_id: int, session_id: str) -> bool:
        """Not known: hikari does not tell its session."""
        return False

    def loop(self, client: Any) -> Any:
        """The running loop: hikari is bound to none before it starts."""
        return asyncio.get_running_loop()

    def user(self, client: Any) -> Any:
        """The bot's own user, None where it is not cached."""
        return client.get_me()

    def dispatch(self, client: Any, event: str, *args: object) -> None:
        """Dispatch the event of :mod:`isocord.hikari` that stands for it."""
        client.dispatch(make(event, client, *args))

    # The guild and its channels.

    def guild_id(self, channel: Any) -> int:
        """The guild that ``channel`` belongs to."""
        return int(channel.guild_id)

    def channel_id(self, channel: Any) -> int | None:
        """The id of ``channel``, which may be one."""
        if isinstance(channel, int) and not isinstance(channel, bool):
            return int(channel)
        found = super().channel_id(channel)
        return None if found is None else int(found)

    def guild(self, client: Any, guild_id: int, channel: Any) -> Any:
        """The guild, None where it is not cached."""
        return client.cache.get_guild(guild_id)

    def place(self, client: Any, guild_id: int, channel: Any) -> Any:
        """The guild, cached or not."""
        return Place(client, snowflakes.Snowflake(guild_id))

    def channel(self, place: Any, channel_id: int) -> Any:
        """A channel of the guild, cached or not."""
        found = place.app.cache.get_guild_channel(channel_id)
        return found or Uncached(snowflakes.Snowflake(channel_id), place.id)

    def member(self, place: Any, user_id: int) -> Any:
        """A member of the guild, cached or not."""
        return place.app.cache.get_member(place.id, user_id) or Uncached(snowflakes.Snowflake(user_id), place.id)

    def voice_of(self, guild: Any) -> object | None:
        """The voice client that the guild's bot has there."""
        found: object | None = guild.app.voice.connections.get(guild.id)
        return found

    async def change_voice_state(self, place: Any, channel_id: int | None, *, self_mute: bool, self_deaf: bool) -> None:
        """Send opcode 4 on the guild's shard."""
        shard = _shard(place.app, place.id)
        await shard.update_voice_state(place.id, channel_id, self_mute=self_mute, self_deaf=self_deaf)

    # What the bot's gateway says.

    def voice_state(self, data: Any) -> VoiceStateUpdate:
        """Read a ``hikari.VoiceState``."""
        return VoiceStateUpdate(
            data.session_id,
            None if data.channel_id is None else int(data.channel_id),
            **_flags(data),
        )

    def voice_server(self, data: Any) -> VoiceServerUpdate:
        """Read a ``hikari.VoiceServerUpdateEvent``."""
        return payloads.voice_server({"token": data.token, "endpoint": data.raw_endpoint})

    async def joined_already(self, **told: Any) -> Joined:
        """What ``initialize`` is told. Whether the bot is deafened is not among it, and every opcode 4 says so anew."""
        if unknown := told.keys() - _TOLD:
            raise TypeError(f"connect_to has no option {unknown.pop()!r} for isocord.VoiceClient")
        bot, user_id = told["owner"]._app, told["user_id"]
        channel_id, guild_id = told["channel_id"], told["guild_id"]
        place = Place(bot, guild_id)
        state = bot.cache.get_voice_state(guild_id, user_id) or await _own_state(bot, guild_id)
        return Joined(
            client=bot,
            channel=self.channel(place, channel_id),
            user_id=int(user_id),
            state=VoiceStateUpdate(told["session_id"], int(channel_id), **_flags(state)),
            server=payloads.voice_server({"token": told["token"], "endpoint": told["endpoint"]}),
        )

    # The network.

    def socket_options(self, client: Any) -> SocketOptions:
        """The proxy and the TLS context of the bot's own HTTP client."""
        proxy = client.proxy_settings
        return SocketOptions(
            proxy=proxy.url,
            proxy_auth=None if proxy.auth is None else _ProxyAuthorization(proxy.auth),
            ssl=client.http_settings.ssl,
        )


def load() -> Host:
    """Describe the installed hikari."""
    return HikariHost(
        name="hikari",
        voice_protocol=Connection,
        audio_source=AudioSource,
        client_exception=hikari.VoiceError,
        opus_error=hikari.VoiceError,
        manners=Manners(),
        ask_to_speak="rest.edit_my_voice_state(guild, channel, request_to_speak=...)",
    )


def _shard(bot: Any, guild_id: int) -> Any:
    """The shard that is told of a guild.

    Raises:
        HikariError: the bot is closed.
    """
    if not bot.shards:
        raise hikari.ComponentStateConflictError("The bot has no shards")
    return bot.shards[snowflakes.calculate_shard_id(bot, snowflakes.Snowflake(guild_id))]


def _subscribe_first(events: Any, event: type, callback: Any) -> None:
    """Hear of an event before the bot's own listeners do, for which it is then true already."""
    events.subscribe(event, callback)
    listeners = events._listeners[event]
    listeners.insert(0, listeners.pop())


def _flags(state: Any) -> dict[str, bool]:
    """What a ``hikari.VoiceState`` says; nothing is on where there is none."""
    return {
        "self_mute": state is not None and state.is_self_muted,
        "self_deaf": state is not None and state.is_self_deafened,
        "mute": state is not None and state.is_guild_muted,
        "suppress": state is not None and state.is_suppressed,
    }


async def _own_state(bot: Any, guild_id: int) -> Any:
    """The bot's own voice state where it is not cached; None if Discord does not tell."""
    try:
        return await bot.rest.fetch_my_voice_state(guild_id)
    except hikari.HikariError as error:
        _log.warning("It is not known whether the bot is deafened: %s", type(error).__name__)
        return None
