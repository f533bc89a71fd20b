"""The fake voice gateway, spoken to message by message as Discord's documentation says."""

from __future__ import annotations

from typing import Any

import pytest

from isocord.testing import SessionState, VoiceClose
from isocord.testing.ground.opcodes import VoiceOp

from .raw_client import Clients, heard

pytestmark = pytest.mark.asyncio


async def test_hello_ready_and_description(clients: Clients) -> None:
    client = await clients.connected()
    assert client.seen[0] == {"op": 8, "d": {"v": 8, "heartbeat_interval": 13750}}
    assert client.ready["modes"] == ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"]
    assert client.description["dave_protocol_version"] == 0
    assert len(client.description["secret_key"]) == 32
    other = await clients.connected("carol")
    assert other.ready["ssrc"] != client.ready["ssrc"]


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
