"""All parts of a fake Discord put together; lives on the server's thread alone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from ..bot.gateway import GatewayHub
from ..bot.rest import RestApi
from ..dave.dave import DaveVersion, DeliveryService, Unencrypted
from ..dave.delivery import EncryptedCall
from ..ground.eventlog import EventLog
from ..ground.opcodes import VoiceClose
from ..ground.world import Channel, GuildSpec, User, World
from ..patching import Addresses
from ..people.participants import Participant
from ..voice.gateway import VoiceGateway
from ..voice.settings import VoiceSettings
from ..voice.sfu import UdpRelay
from ..voice.switchboard import Switchboard
from ..wire.certificate import Certificate
from ..wire.ciphers import check_modes
from .listening import HOST, Listening


@dataclass(slots=True)
class VoiceServer:
    """One voice server: a TLS port for its websockets and a UDP port for sound."""

    endpoint: str
    relay: UdpRelay
    listening: Listening


class Backend:
    """The server.

    Args:
        voice_host: ``"127.0.0.1"`` or ``"localhost"``: how the voice endpoint is written.
        dave_version: 0 for calls without end-to-end encryption, 1 for calls that have it while every member can,
            ``"required"`` for calls that refuse whoever cannot.
        answer_within: seconds in which the bot has to answer an interaction.
        make_delivery: makes the DAVE delivery service of a channel's call, in the place of the one that
            ``dave_version`` names.
    """

    def __init__(
        self,
        guilds: int | Sequence[GuildSpec],
        settings: VoiceSettings,
        *,
        bot_name: str,
        voice_host: str = HOST,
        gateway_heartbeat: float = 41.25,
        gateway_resume_window: float = 60.0,
        dave_version: DaveVersion = 1,
        answer_within: float | None = None,
        make_delivery: Callable[[int], DeliveryService] | None = None,
    ) -> None:
        check_modes(settings.modes)
        if dave_version not in (0, 1, "required"):
            raise ValueError("dave_version must be 0, 1 or 'required'")
        if voice_host not in (HOST, "localhost"):
            raise ValueError("voice_host must be '127.0.0.1' or 'localhost'")
        self.world: World = World(guilds, bot_name=bot_name)
        self.log: EventLog = EventLog()
        self.certificate: Certificate = Certificate()
        self.hub: GatewayHub = GatewayHub(
            self.world, self.log, heartbeat_interval=gateway_heartbeat, resume_window=gateway_resume_window
        )
        self.switchboard: Switchboard = Switchboard(
            self.world, self.log, self.hub, make_delivery or self._delivery(dave_version), self._first_endpoint
        )
        self.voice: VoiceGateway = VoiceGateway(settings, self.log, self.switchboard.grant, self.switchboard.call)
        self.rest: RestApi = RestApi(
            self.world, self.hub, self.switchboard, self.log, lambda: self.hub.url, answer_within=answer_within
        )
        self.switchboard.keeper = self.voice
        self.hub.on_voice_request = lambda session_id, body: self.switchboard.request(
            self.world.bot.id, session_id, body
        )
        self.hub.on_session_end = lambda session_id: self.switchboard.drop_gateway_session(
            self.world.bot.id, session_id
        )
        self.voice_servers: list[VoiceServer] = []
        self.participants: dict[tuple[int, int], Participant] = {}
        self._voice_host = voice_host
        self.on_stop: list[Callable[[], None]] = []
        self._listening: Listening | None = None
        self._api = ""

    @property
    def addresses(self) -> Addresses:
        return Addresses(self._api, self.hub.url, self._first_endpoint(), self.certificate.ca_pem)

    async def start(self) -> None:
        """Open every port."""
        app = web.Application(middlewares=[self.rest.middleware], client_max_size=32 << 20)
        app.router.add_get("/gateway", self.hub.handle)
        app.router.add_get("/gateway/", self.hub.handle)
        self.rest.add_routes(app)
        self._listening = await Listening.open(app)
        port = self._listening.port
        self._api, self.hub.url = f"http://{HOST}:{port}/api", f"ws://{HOST}:{port}/gateway"
        await self.add_voice_server()

    async def add_voice_server(self, certificate: Certificate | None = None) -> VoiceServer:
        """Open one more voice server, which shows ``certificate`` or the one that clients trust; gives it."""
        certificate = certificate or self.certificate
        relay = UdpRelay(self.log)
        relay.open(asyncio.get_running_loop())
        app = web.Application()

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.voice.handle(request, relay, server.endpoint)

        app.router.add_get("/", handle)
        try:
            listening = await Listening.open(app, certificate.server_context())
        except BaseException:
            relay.close()
            raise
        server = VoiceServer(f"{self._voice_host}:{listening.port}", relay, listening)
        self.voice_servers.append(server)
        return server

    async def remove_voice_server(self, server: VoiceServer) -> None:
        """Close a voice server's ports."""
        self.voice_servers.remove(server)
        server.relay.close()
        await server.listening.close()

    async def stop(self) -> None:
        """Cut every connection and close every port; idempotent."""
        for close in self.on_stop:
            close()
        for participant in list(self.participants.values()):
            participant.detach()
        self.voice.close()
        self.hub.close()
        for server in list(self.voice_servers):
            await self.remove_voice_server(server)
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    _P = TypeVar("_P", bound=Participant)

    def admit(self, make: Callable[[int], _P], user: User, channel: Channel) -> _P:
        """Put a scripted participant into a channel, in the place of the same user's older one."""
        guild = self.world.guilds[channel.guild_id]
        if user.id == self.world.bot.id:
            raise ValueError("the bot itself can not be a scripted participant")
        if not channel.has_voice:
            raise ValueError(f"{channel.name!r} is no voice channel")
        if user.id not in guild.members:
            raise ValueError(f"{user.name!r} is no member of {guild.name!r}")
        call = self.switchboard.call(channel.id)
        self.dismiss(guild.id, user.id)
        participant = make(self.voice.new_ssrc())
        if not call.delivery.admits(participant.max_dave_version):
            raise ValueError("this call requires end-to-end encryption")
        self.participants[guild.id, user.id] = participant
        self.switchboard.join(guild, user.id, channel, secrets.token_hex(16), suppress=False)
        participant.attach(call)
        return participant

    def dismiss(self, guild_id: int, user_id: int) -> None:
        """Take a scripted participant out of voice; nothing happens if there is none."""
        participant = self.participants.pop((guild_id, user_id), None)
        if participant is not None:
            participant.detach()
            self.switchboard.leave(self.world.guilds[guild_id], user_id)

    def withdraw(self, participant: Participant) -> None:
        """Take this one out of voice; nothing happens if it is not in it any more."""
        place = self.place_of(participant)
        if place is not None:
            self.dismiss(*place)

    def place_of(self, participant: Participant) -> tuple[int, int] | None:
        """The (guild id, user id) under which a participant is in voice."""
        return next((key for key, value in self.participants.items() if value is participant), None)

    def move(self, guild_id: int, user_id: int, channel: Channel) -> None:
        """A moderator moves a user."""
        guild = self.world.guilds[guild_id]
        state = guild.voice_states[user_id]
        flags = {"self_mute": state.self_mute, "self_deaf": state.self_deaf}
        participant = self.participants.get((guild_id, user_id))
        suppress = False if participant is not None else None
        self.switchboard.join(guild, user_id, channel, state.session_id, **flags, suppress=suppress)
        if participant is not None:
            participant.attach(self.switchboard.call(channel.id))

    def kick(self, guild_id: int, user_id: int) -> None:
        """A moderator disconnects a user from voice."""
        if (guild_id, user_id) in self.participants:
            self.dismiss(guild_id, user_id)
        else:
            self.switchboard.leave(self.world.guilds[guild_id], user_id)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with everyone in it."""
        for (guild_id, user_id), participant in list(self.participants.items()):
            if participant.call is not None and participant.call.channel_id == channel.id:
                self.dismiss(guild_id, user_id)
        self.switchboard.delete_channel(channel)

    def server_update(self, guild_id: int, server: VoiceServer | None, *, close: bool) -> None:
        """Move a guild's voice to another server (or renew the token on the same one)."""
        guild = self.world.guilds[guild_id]
        if server is not None:
            self.switchboard.endpoints[guild_id] = server.endpoint
        for user_id in list(guild.voice_states):
            if (guild_id, user_id) not in self.participants:
                self.switchboard.renew_grant(guild, user_id)
                if close:
                    self.voice.end(guild_id, user_id, VoiceClose.CALL_TERMINATED)

    def _delivery(self, version: DaveVersion) -> Callable[[int], DeliveryService]:
        if version == 0:
            return lambda channel_id: Unencrypted()
        required = version == "required"
        return lambda channel_id: EncryptedCall(channel_id, self.log, required=required)

    def _first_endpoint(self) -> str:
        return self.voice_servers[0].endpoint
