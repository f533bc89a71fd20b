"""hikari by the names of the other libraries, so that the same tests run with it. What it does is hikari's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

import hikari

import isocord
import isocord.hikari
from isocord.hikari import AudioSource

__all__ = ["AudioSource", "Client", "ClientException", "Intents", "PCMAudio"]

ClientException = hikari.VoiceError
_NAMES = {
    isocord.hikari.ConnectionStateEvent: "voice_connection_state_update",
    isocord.hikari.PrivacyCodeEvent: "voice_privacy_code_update",
    isocord.hikari.MemberConnectEvent: "member_connect",
    isocord.hikari.MemberDisconnectEvent: "member_disconnect",
    isocord.hikari.SpeakingStateEvent: "member_speaking_state_update",
    isocord.hikari.SpeakingStartEvent: "voice_member_speaking_start",
    isocord.hikari.SpeakingStopEvent: "voice_member_speaking_stop",
}


class PCMAudio(AudioSource):
    """What a bot's author would write for a file of samples."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def read(self) -> bytes:
        return self.stream.read(3_840)


class Intents:
    """The intents of a bot."""

    @staticmethod
    def default() -> hikari.Intents:
        return hikari.Intents.ALL_UNPRIVILEGED


class Known:
    """What hikari knows under an id, with names of the others beside its own."""

    def __init__(self, client: Client, known: Any) -> None:
        self._client, self._known = client, known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._known, name)

    def __eq__(self, other: object) -> bool:
        return getattr(other, "id", None) == self._known.id

    def __hash__(self) -> int:
        return hash(self._known.id)


class Channel(Known):
    """A voice channel."""

    @property
    def guild(self) -> Guild:
        return next(guild for guild in self._client.guilds if guild.id == self._known.guild_id)

    async def connect(self, *, cls: Any, timeout: float = 30.0, **options: Any) -> Any:
        """hikari's timeout is for its own part of it."""
        voice = self._client.app.voice
        flags = {new: options.pop(old) for old, new in (("self_deaf", "deaf"), ("self_mute", "mute")) if old in options}
        joining = voice.connect_to(self._known.guild_id, self._known, cls, timeout=timeout, **flags, **options)
        return await asyncio.wait_for(joining, timeout)


class Guild(Known):
    """A guild of the bot."""

    @property
    def channels(self) -> list[Channel]:
        return [Channel(self._client, channel) for channel in self._known.get_channels().values()]

    @property
    def voice_channels(self) -> list[Channel]:
        return [channel for channel in self.channels if channel.type is hikari.ChannelType.GUILD_VOICE]

    @property
    def stage_channels(self) -> list[Channel]:
        return [channel for channel in self.channels if channel.type is hikari.ChannelType.GUILD_STAGE]

    @property
    def me(self) -> Any:
        return self._known.get_my_member()

    @property
    def voice_client(self) -> Any:
        return self._client.app.voice.connections.get(self._known.id)


class Client:
    """A bot; its token is only known when it starts."""

    def __init__(self, *, intents: hikari.Intents) -> None:
        self._intents, self._ready = intents, False
        self._tasks: set[asyncio.Future[None]] = set()
        self.app: Any = None
        self._handlers: dict[str, Callable[..., Awaitable[None]]] = {}

    def dispatch(self, event: str, *args: Any) -> None:
        """What hikari has dispatched, by the name that others have for it."""
        handler = self._handlers.get(f"on_{event}")
        if handler is not None:
            task = asyncio.ensure_future(handler(*args))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def event(self, handler: Callable[..., Awaitable[None]]) -> None:
        self._handlers[handler.__name__] = handler

    async def start(self, token: str) -> None:
        self._make(token)
        await self.app.start(check_for_updates=False)
        self._ready = True
        with contextlib.suppress(hikari.ComponentStateConflictError):
            await self.app.join()

    async def close(self) -> None:
        if self.app is not None and self.app.is_alive:
            await self.app.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def run(self, token: str) -> None:
        self._make(token)

        async def started(_: hikari.StartedEvent) -> None:
            while not self.guilds:
                await asyncio.sleep(0.01)
            await self._handlers["on_ready"]()

        self.app.event_manager.subscribe(hikari.StartedEvent, started)
        self.app.run(check_for_updates=False)

    def is_ready(self) -> bool:
        return self._ready and not self.is_closed()

    def is_closed(self) -> bool:
        return self.app is None or not self.app.is_alive

    @property
    def user(self) -> Any:
        return self.app.get_me()

    @property
    def guilds(self) -> list[Guild]:
        found = self.app.cache.get_available_guilds_view().values()
        return [Guild(self, guild) for guild in sorted(found, key=lambda guild: guild.id)]

    @property
    def voice_clients(self) -> list[Any]:
        return list(self.app.voice.connections.values())

    def _make(self, token: str) -> None:
        self.app = hikari.GatewayBot(
            token, banner=None, logs=None, intents=self._intents, suppress_optimization_warning=True
        )
        self.app.event_manager.subscribe(isocord.hikari.VoiceEvent, self._hear)

    async def _hear(self, event: isocord.hikari.VoiceEvent) -> None:
        told = {name: value for name, value in vars(event).items() if not name.startswith("_") and name != "guild_id"}
        if isinstance(event, isocord.hikari.MemberEvent):
            told = {"member": told.pop("member"), **{k: v for k, v in told.items() if k != "user_id"}}
        self.dispatch(_NAMES[type(event)], *told.values())
