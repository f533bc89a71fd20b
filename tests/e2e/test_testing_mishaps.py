"""Every mishap can be staged, one by one and by a script, in this process and in another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import discord as pycord
import pytest

import isocord
from isocord.testing import (
    SURVIVABLE,
    FakeDiscord,
    GatewayOp,
    Mishap,
    MishapKind,
    NotFoundError,
    random_script,
)


class Call:
    def __init__(self, discord: FakeDiscord, voice: isocord.VoiceClient) -> None:
        self.discord, self.voice = discord, voice


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    async with FakeDiscord() as discord:
        bot = pycord.Client(intents=pycord.Intents.default())
        running = asyncio.create_task(bot.start(discord.token))
        await asyncio.wait_for(bot.wait_for("ready"), 20)
        voice = await bot.guilds[0].voice_channels[0].connect(cls=isocord.VoiceClient, timeout=30)
        yield Call(discord, voice)
        await bot.close()
        await asyncio.wait([running], timeout=15)
        running.exception()


def test_what_makes_no_sense_is_refused() -> None:
    for wrong in ({"code": 4006}, {"lasting": -1.0}):
        with pytest.raises(ValueError, match=r"."):
            Mishap(MishapKind.KICKED, **wrong)
    for code in (None, 17):
        with pytest.raises(ValueError, match="code"):
            Mishap(MishapKind.WEBSOCKET_CLOSED, code=code)
    assert Mishap(MishapKind.KICKED).is_final
    assert Mishap(MishapKind.WEBSOCKET_CLOSED, code=4017).is_final
    assert not any(mishap.is_final for mishap in SURVIVABLE)


def test_a_random_script_is_the_same_for_the_same_seed() -> None:
    script = random_script(50, seed=4)
    assert script == random_script(50, seed=4)
    assert script != random_script(50, seed=5)
    times = [when for when, _ in script]
    assert times == sorted(times)
    assert len({mishap for _, mishap in script}) > 8


async def test_without_a_voice_session_nothing_can_happen_to_it() -> None:
    async with FakeDiscord(patch=False) as discord:
        for kind in MishapKind:
            if not kind.name.startswith(("GATEWAY", "API")):
                code = 4006 if kind is MishapKind.WEBSOCKET_CLOSED else None
                assert not discord.stage(Mishap(kind, code=code)), kind
        with pytest.raises(NotFoundError):
            discord.stage(Mishap(MishapKind.KICKED), "nowhere")


async def test_a_script_runs_by_itself(call: Call) -> None:
    script = [
        (0.3, Mishap(MishapKind.WEBSOCKET_CLOSED, code=4006)),
        (0.0, Mishap(MishapKind.WEBSOCKET_CUT)),
        (1.5, Mishap(MishapKind.KICKED)),
        (1.6, Mishap(MishapKind.WEBSOCKET_CUT)),
    ]
    rehearsal = call.discord.rehearse(script)
    state = await call.voice.wait_for_state(isocord.Phase.DISCONNECTED, timeout=15)
    assert state.reason is isocord.Reason.KICKED
    await call.discord.wait_for(lambda: rehearsal.is_over, timeout=15)
    assert [(str(mishap), done) for _, mishap, done in rehearsal.happened] == [
        ("websocket cut", True),
        ("websocket closed 4006", True),
        ("kicked", True),
        ("websocket cut", False),
    ]


async def test_packets_of_strangers_and_garbage_are_counted_and_change_nothing(call: Call) -> None:
    bob = call.discord.speak("General", user="bob")
    listening = call.voice.listen()
    bob.play_opus([b"\xf8\xff\xfe"] * 200)
    assert call.discord.stage(Mishap(MishapKind.STRANGERS))
    before = call.voice.stats
    assert call.discord.stage(Mishap(MishapKind.GARBAGE))
    await call.discord.wait_for(lambda: call.voice.stats.gateway_malformed > before.gateway_malformed)
    await call.discord.wait_for(lambda: call.voice.receive_stats.forged >= 30)
    await call.discord.wait_for(lambda: call.voice.stats.gateway_unknown > before.gateway_unknown)
    session = call.discord.voice_session()
    assert session is not None
    assert call.voice.is_connected()
    assert (call.voice.stats.resumes, call.voice.stats.reconnects) == (0, 0)
    # The strangers said that the address has changed: nobody told the server so.
    selected = [e for e in call.discord.events if e.socket == "voice" and e.name == "SELECT_PROTOCOL"]
    assert len(selected) == 1
    del listening


async def test_a_changed_address_is_selected_anew(call: Call) -> None:
    discord, voice = call.discord, call.voice
    alice = discord.listen("General", user="alice")
    session = discord.voice_session()
    assert session is not None
    before = session.address
    key = bytes(voice.secret_key)
    voice.play(pycord.PCMAudio(_Endless()))
    await discord.wait_for(lambda: len(alice.arrivals()) > 5, timeout=15)
    assert discord.stage(Mishap(MishapKind.ADDRESS_CHANGED))
    await discord.wait_for(lambda: session.address != before, timeout=15)
    await discord.wait_for(lambda: bytes(voice.secret_key) != key, timeout=15)
    heard = len(alice.arrivals())
    await discord.wait_for(lambda: len(alice.arrivals()) > heard + 20, timeout=15)
    assert alice.gaps().unopened == 0
    assert (voice.stats.resumes, voice.stats.reconnects) == (0, 0)
    selected = [e.data["data"] for e in discord.events if e.socket == "voice" and e.name == "SELECT_PROTOCOL"]
    assert [(one["address"], one["port"]) for one in selected] == [before, session.address]


class _Endless:
    def read(self, size: int) -> bytes:
        return b"\1\2" * (size // 2)


@pytest.mark.parametrize("kind", [MishapKind.TLS_REFUSED, MishapKind.SERVER_SILENT, MishapKind.CERTIFICATE_UNTRUSTED])
async def test_a_connect_to_a_bad_server_fails_in_time_and_says_why(call: Call, kind: MishapKind) -> None:
    discord = call.discord
    # The guild's voice server is bad before the bot connects to it.
    assert discord.stage(Mishap(kind, lasting=60.0))
    channel, loop = call.voice.channel, asyncio.get_running_loop()
    await call.voice.disconnect(force=True)
    began = loop.time()
    expected = {
        MishapKind.TLS_REFUSED: (isocord.ConnectError, asyncio.TimeoutError),
        MishapKind.SERVER_SILENT: (asyncio.TimeoutError,),
        MishapKind.CERTIFICATE_UNTRUSTED: (isocord.ConnectError,),
    }[kind]
    with pytest.raises(expected, match=r"certificate|reached|handshake"):
        await channel.connect(cls=isocord.VoiceClient, timeout=3.0)
    # The wait itself is bounded by the timeout; a busy machine may add to it.
    assert loop.time() - began < 10
    assert channel.guild.voice_client is None
    await discord.wait_for(lambda: discord.bot_voice_state() is None, what="the leave")
    assert [e for e in discord.events if e.op == GatewayOp.VOICE_STATE_UPDATE][-1].data["channel_id"] is None


def test_the_fakes_router_gives_ports_that_nobody_has() -> None:
    from isocord.testing.wire.nat import Nat

    nat, real = Nat(), ("127.0.0.1", 40_000)
    first = nat.change(real)
    second = nat.change(first)
    assert nat.seen_as(real) == second
    assert nat.real(second) == real
    assert nat.is_gone(real) and nat.is_gone(first) and not nat.is_gone(second)
    nat.forget(second)
    assert nat.seen_as(real) == real
    assert not nat.is_gone(real)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        assert nat.real(taken.getsockname()) == taken.getsockname()


async def test_it_happens_everywhere_but_where_it_is_spared(call: Call) -> None:
    cut = Mishap(MishapKind.WEBSOCKET_CUT)
    assert call.discord.stage_everywhere(cut, spared=[call.discord.guild]) == 0
    assert call.discord.stage_everywhere(cut) == 1
    with pytest.raises(NotFoundError):
        call.discord.stage_everywhere(cut, spared=["nowhere"])
