"""Makes mishaps happen to the bot's voice connection; lives on the server's thread alone."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from .. import faults
from ..dave.delivery import EncryptedCall
from ..ground.opcodes import GatewayOp
from ..ground.world import Channel
from ..people.participants import Stage
from ..server.backend import Backend, VoiceServer
from ..voice.session import VoiceSession
from ..wire.certificate import Certificate
from ..wire.rtp import KEEPALIVE_SIZE, build_discovery_response
from .company import Company
from .mishaps import Mishap, MishapKind

_SPRINKLE = 30
"""Datagrams of garbage and of strangers."""
_TLS_HANDSHAKE_FAILURE = bytes.fromhex("15030300020228")


class Stagehand:
    """Carries mishaps out.

    Args:
        backend: the fake Discord.
        stage: what those who are let into a call need of it.
    """

    def __init__(self, backend: Backend, stage: Stage) -> None:
        self._backend = backend
        self._tasks: set[asyncio.Task[None]] = set()
        self._company = Company(backend, stage, self._later)
        self._refuser: asyncio.Server | None = None
        self._untrusted: VoiceServer | None = None
        self._opening = asyncio.Lock()
        """Held while one of the two is opened: a mishap that comes meanwhile waits for it."""
        self._random = Random(0)  # noqa: S311 - garbage, not keys.

    async def make_happen(self, mishap: Mishap, guild_id: int) -> bool:
        """Have a mishap happen in a guild; False if the bot was not in a state in which it can."""
        session = self._backend.voice.sessions.get((guild_id, self._backend.world.bot.id))
        if await self._happens_anywhere(mishap, guild_id):
            return True
        if session is None:
            return False
        return self._happens_to_session(mishap, session)

    def close(self) -> None:
        """Give up what is still to end."""
        for task in list(self._tasks):
            task.cancel()
        if self._refuser is not None:
            self._refuser.close()
            self._refuser = None

    # What needs no voice session.

    def _happens_to_the_bot(self, mishap: Mishap) -> bool:
        hub = self._backend.hub
        match mishap.kind:
            case MishapKind.GATEWAY_CUT:
                for connection in list(hub.connections):
                    connection.link.cut()
            case MishapKind.GATEWAY_RECONNECT:
                for connection in list(hub.connections):
                    connection.send(GatewayOp.RECONNECT, None)
            case MishapKind.GATEWAY_REPLACED:
                hub.invalidate()
            case MishapKind.API_RATE_LIMITED:
                self._backend.rest.limit(mishap.lasting)
            case _:
                return False
        return True

    async def _happens_anywhere(self, mishap: Mishap, guild_id: int) -> bool:
        if self._happens_to_the_bot(mishap):
            return True
        state = self._backend.world.guilds[guild_id].voice_states.get(self._backend.world.bot.id)
        match mishap.kind:
            case _ if state is None or state.channel_id is None:
                return False
            case MishapKind.KICKED:
                self._backend.kick(guild_id, state.user_id)
            case MishapKind.MOVED:
                self._backend.move(guild_id, state.user_id, self._other_channel(mishap, guild_id, state.channel_id))
            case MishapKind.CHANNEL_DELETED:
                self._backend.delete_channel(self._backend.world.channel(state.channel_id))
            case MishapKind.GROUP_MADE_ANEW:
                delivery = self._backend.switchboard.call(state.channel_id).delivery
                if not isinstance(delivery, EncryptedCall):
                    return False
                delivery.recreate()
            case _:
                return await self._server_changes(mishap, guild_id)
        return True

    async def _server_changes(self, mishap: Mishap, guild_id: int) -> bool:
        backend, endpoints = self._backend, self._backend.switchboard.endpoints
        match mishap.kind:
            case MishapKind.SERVER_MIGRATED:
                backend.server_update(guild_id, await self._other_server(guild_id), close=True)
            case MishapKind.ENDPOINT_GONE:
                backend.switchboard.withheld[guild_id] += 1
                backend.server_update(guild_id, None, close=True)
                self._later(mishap.lasting, lambda: backend.server_update(guild_id, None, close=False))
            case MishapKind.TLS_REFUSED:
                before = endpoints.get(guild_id)
                endpoints[guild_id] = await self._refusing_endpoint()
                backend.server_update(guild_id, None, close=True)
                self._later(mishap.lasting, lambda: self._set_endpoint(guild_id, before))
            case MishapKind.CERTIFICATE_UNTRUSTED:
                backend.server_update(guild_id, await self._untrusted_server(), close=True)
            case _:
                return False
        return True

    def _other_channel(self, mishap: Mishap, guild_id: int, present: int) -> Channel:
        if mishap.channel is not None:
            return self._backend.world.channel(mishap.channel)
        channels = self._backend.world.guilds[guild_id].channels.values()
        others = [channel for channel in channels if channel.has_voice and channel.id != present]
        if not others:
            raise ValueError("the guild has no other voice channel")
        return others[0]

    async def _other_server(self, guild_id: int) -> VoiceServer:
        """A voice server that the guild does not use now; one from before, if there is one."""
        present = self._backend.switchboard.endpoint(guild_id)
        for server in self._backend.voice_servers:
            if server.endpoint != present and server is not self._untrusted:
                return server
        return await self._backend.add_voice_server()

    async def _untrusted_server(self) -> VoiceServer:
        async with self._opening:
            if self._untrusted is None:
                self._untrusted = await self._backend.add_voice_server(Certificate())
            return self._untrusted

    async def _refusing_endpoint(self) -> str:
        async with self._opening:
            if self._refuser is None:
                self._refuser = await asyncio.start_server(_refuse, "127.0.0.1", 0)
            port: int = self._refuser.sockets[0].getsockname()[1]
            return f"127.0.0.1:{port}"

    def _set_endpoint(self, guild_id: int, endpoint: str | None) -> None:
        if endpoint is None:
            self._backend.switchboard.endpoints.pop(guild_id, None)
        else:
            self._backend.switchboard.endpoints[guild_id] = endpoint

    # What happens to a voice session.

    def _happens_to_session(self, mishap: Mishap, session: VoiceSession) -> bool:
        voice, leg, guild_id = self._backend.voice, session.leg, session.grant.guild_id
        match mishap.kind:
            case MishapKind.WEBSOCKET_CUT | MishapKind.SESSION_FORGOTTEN:
                link = session.link
                if mishap.kind is MishapKind.SESSION_FORGOTTEN:
                    voice.end_session(session)
                if link is not None:
                    link.cut()
            case MishapKind.WEBSOCKET_CLOSED:
                voice.close_session(session, mishap.code or 1000)
            case MishapKind.HEARTBEATS_UNANSWERED:
                voice.heartbeats_unanswered.add(guild_id)
                self._later(mishap.lasting, lambda: voice.heartbeats_unanswered.discard(guild_id))
            case MishapKind.SERVER_SILENT:
                voice.silent.add(guild_id)
                leg.uplink = leg.downlink = faults.black_hole
                self._later(mishap.lasting, lambda: self._speak_again(session))
            case MishapKind.UDP_BLACK_HOLE:
                leg.uplink = leg.downlink = faults.black_hole
                self._later(mishap.lasting, lambda: _heal(session))
            case MishapKind.UDP_PORT_CLOSED:
                # Another guild may be on this server as well.
                if leg.relay.is_open:
                    leg.relay.close()
                    self._later(mishap.lasting, lambda: leg.relay.open(asyncio.get_running_loop(), leg.relay.port))
            case MishapKind.KEEPALIVES_LOST:
                leg.uplink = leg.downlink = _lose_keepalives
                self._later(mishap.lasting, lambda: _heal(session))
            case _:
                return self._company.happens(mishap, session) or self._datagrams_come(mishap, session)
        return True

    def _datagrams_come(self, mishap: Mishap, session: VoiceSession) -> bool:
        relay, address = session.leg.relay, session.leg.address
        if address is None:
            return False
        match mishap.kind:
            case MishapKind.ADDRESS_CHANGED:
                relay.change_address(address)
            case MishapKind.STRANGERS:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    for _ in range(_SPRINKLE):
                        # The voice server's own words, from somebody else.
                        stranger.sendto(build_discovery_response(session.ssrc, "203.0.113.7", 9), relay.real(address))
                        stranger.sendto(self._like_voice(session.ssrc), relay.real(address))
            case MishapKind.GARBAGE:
                for _ in range(_SPRINKLE):
                    relay.send(self._random.randbytes(self._random.randint(0, 400)), address)
                    relay.send(self._like_voice(session.ssrc), address)
                for message in (
                    "{",
                    "[]",
                    '{"op":"x"}',
                    '{"op":999,"d":null}',
                    '{"op":4,"d":{}}',
                    b"",
                    b"\0\1",
                    b"\0\1\xff",
                ):
                    if session.link is not None:
                        session.link.send(message)
            case _:
                return False
        return True

    def _like_voice(self, ssrc: int) -> bytes:
        return b"\x80\x78" + secrets.token_bytes(6) + ssrc.to_bytes(4, "big") + secrets.token_bytes(60)

    def _speak_again(self, session: VoiceSession) -> None:
        self._backend.voice.silent.discard(session.grant.guild_id)
        _heal(session)

    # Time.

    def _later(self, seconds: float, act: Callable[[], Any]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self.spawn(wait())

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the fake Discord at the latest."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _lose_keepalives(datagram: bytes) -> faults.Deliveries[bytes]:
    return () if len(datagram) == KEEPALIVE_SIZE else ((0.0, datagram),)


def _heal(session: VoiceSession) -> None:
    session.leg.uplink = session.leg.downlink = None


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first words of a TLS handshake with an alert."""
    try:
        await reader.read(4096)
        writer.write(_TLS_HANDSHAKE_FAILURE)
        await writer.drain()
    except OSError:
        # The client was faster to go.
        pass
    finally:
        writer.close()
