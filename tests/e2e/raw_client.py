"""A voice client in its plainest form: what the fake voice server says and hears, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from isocord.testing import FakeDiscord, Grant, Listener
from isocord.testing.ground.opcodes import VoiceOp
from isocord.testing.wire.ciphers import make_cipher
from isocord.testing.wire.rtp import RtpHeader, build_discovery_request, parse_header, strip

SILENCE = b"\xf8\xff\xfe"


async def close_code(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code of the server's close frame; None if the connection broke without one."""
    while True:
        message = await asyncio.wait_for(ws.receive(), 15)
        if message.type is aiohttp.WSMsgType.CLOSE:
            return int(message.data)
        if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
            return None


class RawClient:
    """A voice client in its plainest form."""

    def __init__(self, discord: FakeDiscord, grant: Grant, stack: AsyncExitStack) -> None:
        self.discord = discord
        self.grant = grant
        self.stack = stack
        self.seq = -1
        self.ready: dict[str, Any] = {}
        self.description: dict[str, Any] = {}
        self.seen: list[dict[str, Any]] = []

    async def open(self, query: str = "?v=8") -> RawClient:
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        url = f"wss://{self.grant.endpoint}/{query}"
        self.ws = await self.stack.enter_async_context(session.ws_connect(url, ssl=self.discord.ssl_context))
        return self

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def receive(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self.ws.receive(), 15)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        parsed: dict[str, Any] = message.json()
        self.seq = parsed.get("seq", self.seq)
        self.seen.append(parsed)
        return parsed

    async def until(self, op: VoiceOp) -> Any:
        while (message := await self.receive())["op"] != op:
            pass
        return message["d"]

    async def close_code(self) -> int | None:
        return await close_code(self.ws)

    def credentials(self) -> dict[str, Any]:
        grant = self.grant
        return {"server_id": str(grant.guild_id), "session_id": grant.session_id, "token": grant.token}

    async def identify(self, **changes: Any) -> None:
        await self.until(VoiceOp.HELLO)
        body = {**self.credentials(), "user_id": str(self.grant.user_id), "max_dave_protocol_version": 1}
        await self.send(VoiceOp.IDENTIFY, {**body, **changes})

    async def connect(self, mode: str = "aead_aes256_gcm_rtpsize") -> RawClient:
        await self.identify()
        self.ready = await self.until(VoiceOp.READY)
        await self.discover()
        await self.select(mode)
        return self

    async def discover(self) -> None:
        self.udp = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.udp.setblocking(False)
        self.udp.connect((self.ready["ip"], self.ready["port"]))
        answer = await self.ask(build_discovery_request(self.ready["ssrc"]))
        kind, length, ssrc, address, port = struct.unpack(">HHI64sH", answer)
        assert (kind, length, ssrc) == (2, 70, self.ready["ssrc"])
        assert (address.rstrip(b"\0").decode(), port) == self.udp.getsockname()

    async def select(self, mode: str) -> None:
        address, port = self.udp.getsockname()
        await self.send(1, {"protocol": "udp", "data": {"address": address, "port": port, "mode": mode}})
        self.description = await self.until(VoiceOp.SESSION_DESCRIPTION)
        key = bytes(self.description["secret_key"])
        self.sealer, self.opener = make_cipher(mode, key), make_cipher(mode, key)

    async def ask(self, datagram: bytes) -> bytes:
        self.udp.send(datagram)
        return await self.hear()

    async def hear(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.udp, 4096), 15)

    async def speak(self) -> None:
        await self.send(VoiceOp.SPEAKING, {"speaking": 1, "delay": 0, "ssrc": self.ready["ssrc"]})

    def packet(self, seq: int, payload: bytes, **fields: Any) -> bytes:
        header = RtpHeader(seq, seq * 960, self.ready["ssrc"], **fields)
        return self.sealer.seal(header.build(), payload)

    def open_packet(self, packet: bytes) -> tuple[RtpHeader, bytes]:
        header = parse_header(packet)
        return header, strip(header, self.opener.open(header, packet), rtpsize=self.opener.rtpsize)


class Clients:
    def __init__(self, discord: FakeDiscord, stack: AsyncExitStack) -> None:
        self.discord = discord
        self._stack = stack

    async def open(self, user: str = "bob", query: str = "?v=8", channel: str = "General") -> RawClient:
        return await RawClient(self.discord, self.discord.invite(channel, user), self._stack).open(query)

    async def connected(self, user: str = "bob", mode: str = "aead_aes256_gcm_rtpsize") -> RawClient:
        return await (await self.open(user)).connect(mode)

    async def reopen(self, client: RawClient) -> RawClient:
        return await RawClient(self.discord, client.grant, self._stack).open()


def heard(listener: Listener, user: str = "bob") -> list[bytes | None]:
    return [arrival.opus for arrival in listener.arrivals(user)]
