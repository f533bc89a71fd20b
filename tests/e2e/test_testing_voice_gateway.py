"""The fake voice server, spoken to byte by byte as Discord's documentation says."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from isocord.testing import FakeDiscord, Grant, Listener, SessionState, VoiceClose, Wrapping, faults
from isocord.testing.ground.opcodes import VoiceOp
from isocord.testing.wire.ciphers import MODES, make_cipher
from isocord.testing.wire.rtp import RtpHeader, build_discovery_request, parse_header, strip

pytestmark = pytest.mark.asyncio

SILENCE = b"\xf8\xff\xfe"


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
        message = await asyncio.wait_for(self.ws.receive(), 5)
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
        """The code of the server's close frame; None if the connection broke without one."""
        while True:
            message = await asyncio.wait_for(self.ws.receive(), 5)
            if message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data)
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return None

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
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.udp, 4096), 5)

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


@pytest_asyncio.fixture
async def clients(request: pytest.FixtureRequest) -> AsyncIterator[Clients]:
    # These clients have no end-to-end encryption; test_testing_dave.py has those that do.
    options = {"dave_version": 0, **getattr(request, "param", {})}
    async with FakeDiscord(patch=False, **options) as discord, AsyncExitStack() as stack:
        yield Clients(discord, stack)


def heard(listener: Listener, user: str = "bob") -> list[bytes | None]:
    return [arrival.opus for arrival in listener.arrivals(user)]


all_modes = pytest.mark.parametrize("clients", [{"modes": MODES}], indirect=True, ids=["all modes"])


async def test_hello_ready_and_description(clients: Clients) -> None:
    client = await clients.connected()
    assert client.seen[0] == {"op": 8, "d": {"v": 8, "heartbeat_interval": 13750}}
    assert client.ready["modes"] == ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"]
    assert client.description["dave_protocol_version"] == 0
    assert len(client.description["secret_key"]) == 32
    other = await clients.connected("carol")
    assert other.ready["ssrc"] != client.ready["ssrc"]


@all_modes
@pytest.mark.parametrize("mode", MODES)
async def test_sound_crosses_in_every_mode(clients: Clients, mode: str) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected("bob", mode)
    other_mode = MODES[(MODES.index(mode) + 1) % len(MODES)]
    carol = await clients.connected("carol", other_mode)
    await bob.speak()
    assert await carol.until(VoiceOp.SPEAKING) == {
        "user_id": str(bob.grant.user_id),
        "ssrc": bob.ready["ssrc"],
        "speaking": 1,
    }
    bob.udp.send(bob.packet(7, b"sound"))
    header, payload = carol.open_packet(await carol.hear())
    assert (header.ssrc, header.seq, header.timestamp, payload) == (bob.ready["ssrc"], 7, 7 * 960, b"sound")
    await discord.wait_for(lambda: alice.arrivals("bob"))
    assert heard(alice) == [b"sound"]


@all_modes
@pytest.mark.parametrize("mode", MODES)
async def test_extension_and_padding_are_stripped_from_senders(clients: Clients, mode: str) -> None:
    alice = clients.discord.listen("General", user="alice")
    bob = await clients.connected("bob", mode)
    await bob.speak()
    header = RtpHeader(1, 960, bob.ready["ssrc"], padding=True, extension_words=2)
    head, clear = header.build(), bob.sealer.clear_size(header)
    bob.udp.send(bob.sealer.seal(head[:clear], head[clear:] + b"extensio" + b"sound" + b"\0\0\3"))
    await clients.discord.wait_for(lambda: alice.arrivals("bob"))
    assert heard(alice) == [b"sound"]


@pytest.mark.parametrize("clients", [{"wrapping": Wrapping(bytes(8), max_padding=255)}], indirect=True)
async def test_receivers_get_extension_and_padding(clients: Clients) -> None:
    bob, carol = await clients.connected("bob"), await clients.connected("carol")
    await bob.speak()
    for seq in range(20):
        bob.udp.send(bob.packet(seq, b"sound"))
    got = [carol.open_packet(await carol.hear()) for _ in range(20)]
    assert all(header.extension_words == 2 and payload == b"sound" for header, payload in got)
    assert {header.padding for header, _ in got} == {True, False}


async def test_wrong_packets_are_counted_and_hurt_nobody(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected()
    await bob.speak()
    good = bob.packet(1, b"sound")
    bob.udp.send(b"")
    bob.udp.send(b"\x00" * 30)
    bob.udp.send(good[:14])
    bob.udp.send(good[:-5] + b"\x00" + good[-4:])
    bob.udp.send(bob.sealer.seal(RtpHeader(1, 1, 12345).build(), b"other ssrc"))
    bob.udp.send(b"\x81\xc9\x00\x01" + struct.pack(">I", bob.ready["ssrc"]) + bytes(20))
    bob.udp.send(good)
    bob.udp.send(good)
    await discord.wait_for(lambda: len(alice.arrivals("bob")) == 2)
    expected = {
        "udp_garbage": 2,
        "rtp_open_failed": 2,
        "rtp_wrong_ssrc": 1,
        "rtcp_received": 1,
        "rtp_received": 2,
        "nonce_repeated": 1,
    }
    assert {name: discord.counters[name] for name in expected} == expected


async def test_strangers_are_not_heard(clients: Clients) -> None:
    discord = clients.discord
    bob = await clients.connected()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(bob.packet(1, b"sound"), ("127.0.0.1", bob.ready["port"]))
        await discord.wait_for(lambda: discord.counters["udp_unknown_source"] == 1)
    assert discord.counters["rtp_received"] == 0


async def test_keepalives_are_echoed(clients: Clients) -> None:
    bob = await clients.connected()
    assert await bob.ask(struct.pack("<Q", 41)) == struct.pack("<Q", 41)
    assert clients.discord.counters["udp_keepalives"] == 1


async def test_a_new_address_is_taken_from_ip_discovery_only(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected()
    await bob.speak()
    await bob.discover()
    bob.udp.send(bob.packet(1, b"sound"))
    await discord.wait_for(lambda: alice.arrivals("bob"))
    view = discord.voice_session(user="bob")
    assert view is not None
    assert view.address == bob.udp.getsockname()


async def test_heartbeats_are_acknowledged(clients: Clients) -> None:
    bob = await clients.connected()
    await bob.send(VoiceOp.HEARTBEAT, {"t": 1501184119561, "seq_ack": bob.seq})
    assert await bob.until(VoiceOp.HEARTBEAT_ACK) == {"t": 1501184119561}


@pytest.mark.parametrize("clients", [{"heartbeat_interval": 1.0}], indirect=True)
async def test_a_silent_client_is_closed(clients: Clients) -> None:
    bob = await clients.connected()
    assert await bob.close_code() == VoiceClose.SESSION_TIMEOUT
    assert clients.discord.voice_session(user="bob") is None


async def test_members_hear_of_each_other(clients: Clients) -> None:
    bob = await clients.connected("bob")
    carol = await clients.connected("carol")
    assert await bob.until(VoiceOp.CLIENTS_CONNECT) == {"user_ids": [str(carol.grant.user_id)]}
    assert await carol.until(VoiceOp.CLIENTS_CONNECT) == {"user_ids": [str(bob.grant.user_id)]}
    await carol.ws.close()
    assert await bob.until(VoiceOp.CLIENT_DISCONNECT) == {"user_id": str(carol.grant.user_id)}


async def test_numbered_messages_count_up_without_gaps(clients: Clients) -> None:
    bob = await clients.connected("bob")
    for _ in range(3):
        clients.discord.listen("General", user="alice").leave()
    last = 0
    while last < 6 + 2 * 3:
        message = await bob.receive()
        last = message.get("seq", last)
    numbers = [m["seq"] for m in bob.seen if "seq" in m]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all("seq" not in m for m in bob.seen if m["op"] in (6, 8, 9))


async def test_resume_redelivers_what_was_missed(clients: Clients) -> None:
    discord = clients.discord
    bob = await clients.connected("bob")
    view = discord.voice_session(user="bob")
    assert view is not None
    view.cut()
    assert await bob.close_code() is None
    alice = discord.listen("General", user="alice")
    # Sound goes on over UDP while the websocket is away.
    bob.udp.send(bob.packet(1, b"sound"))
    await discord.wait_for(lambda: heard(alice) == [b"sound"])
    again = await clients.reopen(bob)
    await again.until(VoiceOp.HELLO)
    await again.send(VoiceOp.RESUME, {**bob.credentials(), "seq_ack": bob.seq})
    assert (await again.receive())["op"] == VoiceOp.RESUMED
    connect = await again.receive()
    assert connect == {"op": 11, "d": {"user_ids": [str(alice.id)]}, "seq": bob.seq + 1}
    assert discord.voice_session(user="bob") == view
    assert view.resumes == 1
    assert view.state is SessionState.CONNECTED


async def test_resume_of_an_ended_session_is_refused(clients: Clients) -> None:
    bob = await clients.connected("bob")
    view = await clients.discord.wait_for_voice_session(user="bob")
    view.forget()
    again = await clients.reopen(bob)
    await again.until(VoiceOp.HELLO)
    await again.send(VoiceOp.RESUME, {**bob.credentials(), "seq_ack": bob.seq})
    assert await again.close_code() == VoiceClose.SESSION_INVALID


@pytest.mark.parametrize("clients", [{"resume_window": 0.05}], indirect=True)
async def test_a_cut_session_ends_when_nobody_resumes(clients: Clients) -> None:
    await clients.connected("bob")
    view = clients.discord.voice_session(user="bob")
    assert view is not None
    view.cut()
    await clients.discord.wait_for(lambda: clients.discord.voice_session(user="bob") is None)
    assert view.state is SessionState.ENDED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "wrong"}, VoiceClose.AUTHENTICATION_FAILED),
        ({"token": None}, VoiceClose.AUTHENTICATION_FAILED),
        ({"session_id": "wrong"}, VoiceClose.SESSION_INVALID),
        ({"server_id": "1"}, VoiceClose.SESSION_INVALID),
        ({"server_id": "x"}, VoiceClose.BAD_PAYLOAD),
        ({"user_id": []}, VoiceClose.BAD_PAYLOAD),
        ({"max_dave_protocol_version": "one"}, VoiceClose.BAD_PAYLOAD),
    ],
)
async def test_wrong_identifies(clients: Clients, changes: dict[str, Any], code: VoiceClose) -> None:
    bob = await clients.open("bob")
    await bob.identify(**changes)
    assert await bob.close_code() == code
    assert clients.discord.voice_session(user="bob") is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", VoiceClose.BAD_PAYLOAD),
        ("[]", VoiceClose.BAD_PAYLOAD),
        ("[" * 100_000, VoiceClose.BAD_PAYLOAD),
        (b"", VoiceClose.BAD_PAYLOAD),
        (b"\x05{}", VoiceClose.BAD_PAYLOAD),
        ('{"op": 99, "d": {}}', VoiceClose.UNKNOWN_OPCODE),
        ('{"op": 2, "d": {}}', VoiceClose.UNKNOWN_OPCODE),
        ('{"op": 0, "d": {}}', VoiceClose.ALREADY_AUTHENTICATED),
        ('{"op": 1, "d": {"protocol": "webrtc"}}', VoiceClose.UNKNOWN_PROTOCOL),
        ('{"op": 1, "d": {"protocol": "udp", "data": 5}}', VoiceClose.BAD_PAYLOAD),
        (
            '{"op": 1, "d": {"protocol": "udp", "data": {"address": "127.0.0.1", "port": 1, "mode": "plain"}}}',
            VoiceClose.UNKNOWN_MODE,
        ),
        ('{"op": 5, "d": {"speaking": "yes"}}', VoiceClose.BAD_PAYLOAD),
        ('{"op": 5, "d": {"speaking": 1, "ssrc": 1}}', VoiceClose.BAD_PAYLOAD),
    ],
    ids=repr,
)
async def test_wrong_messages(clients: Clients, message: str | bytes, code: VoiceClose) -> None:
    bob = await clients.connected("bob")
    await (bob.ws.send_str(message) if isinstance(message, str) else bob.ws.send_bytes(message))
    assert await bob.close_code() == code


async def test_nothing_is_served_before_identify(clients: Clients) -> None:
    bob = await clients.open("bob")
    await bob.send(VoiceOp.SPEAKING, {"speaking": 1})
    assert await bob.close_code() == VoiceClose.NOT_AUTHENTICATED


@pytest.mark.parametrize("query", ["", "?v=3", "?v=9", "?v=x"])
async def test_other_gateway_versions_are_refused(clients: Clients, query: str) -> None:
    bob = await clients.open("bob", query)
    assert await bob.close_code() == VoiceClose.UNKNOWN_PROTOCOL


async def test_mute_deafen_and_suppress_decide_what_is_passed_on(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected("bob")
    await bob.speak()
    discord.moderate("bob", mute=True)
    bob.udp.send(bob.packet(1, b"muted"))
    await discord.wait_for(lambda: discord.counters["media_muted"] == 1)
    discord.moderate("bob", mute=False)
    discord.moderate("alice", deaf=True)
    bob.udp.send(bob.packet(2, b"deafened"))
    await discord.wait_for(lambda: discord.counters["rtp_received"] == 2)
    discord.moderate("alice", deaf=False)
    bob.udp.send(bob.packet(3, b"heard"))
    await discord.wait_for(lambda: alice.arrivals("bob"))
    assert heard(alice) == [b"heard"]


async def test_a_stage_suppresses_until_a_moderator_lets_speak(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("Stage", user="alice")
    bob = await (await clients.open("bob", channel="Stage")).connect()
    await bob.speak()
    bob.udp.send(bob.packet(1, b"audience"))
    await discord.wait_for(lambda: discord.counters["media_muted"] == 1)
    discord.moderate("bob", suppress=False)
    bob.udp.send(bob.packet(2, b"speaker"))
    await discord.wait_for(lambda: alice.arrivals("bob"))
    assert heard(alice) == [b"speaker"]


async def test_being_moved_and_kicked_closes_the_session(clients: Clients) -> None:
    discord = clients.discord
    bob = await clients.connected("bob")
    discord.move("bob", "Music")
    assert await bob.close_code() == VoiceClose.DISCONNECTED
    carol = await clients.connected("carol")
    discord.kick("carol")
    assert await carol.close_code() == VoiceClose.DISCONNECTED
    assert discord.voice_state("carol") is None


async def test_a_deleted_channel_terminates_the_call(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected("bob")
    discord.delete_channel("General")
    assert await bob.close_code() == VoiceClose.CALL_TERMINATED
    assert alice.voice_state is None
    assert discord.voice_state("bob") is None


async def test_a_migration_closes_the_old_server_and_opens_another(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected("bob")
    endpoint = discord.server_update()
    assert endpoint != bob.grant.endpoint
    assert await bob.close_code() == VoiceClose.CALL_TERMINATED
    moved = await clients.connected("bob")
    assert moved.grant.endpoint == endpoint
    await moved.speak()
    moved.udp.send(moved.packet(1, b"sound"))
    await discord.wait_for(lambda: alice.arrivals("bob"))


async def test_old_grants_do_not_open_the_new_server(clients: Clients) -> None:
    bob = await clients.open("bob")
    clients.discord.server_update()
    await bob.identify()
    assert await bob.close_code() == VoiceClose.SERVER_NOT_FOUND


async def test_udp_faults_of_one_session(clients: Clients) -> None:
    discord = clients.discord
    alice = discord.listen("General", user="alice")
    bob = await clients.connected("bob")
    await bob.speak()
    view = discord.voice_session(user="bob")
    assert view is not None
    view.set_udp_faults(uplink=faults.lose_every(2))
    for seq in range(10):
        bob.udp.send(bob.packet(seq, b"sound"))
    await discord.wait_for(lambda: len(alice.arrivals("bob")) == 5)
    view.set_udp_faults(uplink=faults.black_hole)
    bob.udp.send(bob.packet(10, b"sound"))
    bob.udp.send(bytes(8))
    bob.udp.send(build_discovery_request(bob.ready["ssrc"]))
    await discord.wait_for(lambda: discord.counters["udp_lost_by_fault"] == 5 + 3)
    view.set_udp_faults()
    bob.udp.send(bob.packet(11, SILENCE))
    await discord.wait_for(lambda: alice.arrivals("bob")[-1].is_silence)
    statistics = alice.gaps("bob")
    assert (statistics.packets, statistics.lost) == (6, 6)


async def test_lost_gateway_messages(clients: Clients) -> None:
    bob = await clients.connected("bob")
    lost: list[int] = []

    def filter_out(direction: str, op: int, body: Any) -> bool:
        if op == VoiceOp.HEARTBEAT_ACK and not lost:
            lost.append(op)
            return False
        return True

    clients.discord.set_voice_filter(filter_out)
    await bob.send(VoiceOp.HEARTBEAT, {"t": 1, "seq_ack": bob.seq})
    await bob.send(VoiceOp.HEARTBEAT, {"t": 2, "seq_ack": bob.seq})
    assert await bob.until(VoiceOp.HEARTBEAT_ACK) == {"t": 2}


async def test_secrets_stay_out_of_the_log(clients: Clients) -> None:
    bob = await clients.connected("bob")
    log = repr(clients.discord.events)
    assert bob.grant.token not in log
    assert bob.grant.token not in repr(bob.grant)
    assert str(bob.description["secret_key"]) not in log


@pytest.mark.parametrize("clients", [{"voice_host": "localhost"}], indirect=True)
async def test_the_endpoint_can_be_localhost(clients: Clients) -> None:
    bob = await clients.connected("bob")
    assert bob.grant.endpoint.startswith("localhost:")
