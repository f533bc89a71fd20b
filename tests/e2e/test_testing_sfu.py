"""Sound through the fake voice server, packet by packet as Discord's documentation says."""

from __future__ import annotations

import socket
import struct

import pytest

from isocord.testing import Wrapping, faults
from isocord.testing.ground.opcodes import VoiceOp
from isocord.testing.wire.ciphers import MODES
from isocord.testing.wire.rtp import RtpHeader, build_discovery_request

from .raw_client import SILENCE, Clients, heard

pytestmark = pytest.mark.asyncio
all_modes = pytest.mark.parametrize("clients", [{"modes": MODES}], indirect=True, ids=["all modes"])


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
