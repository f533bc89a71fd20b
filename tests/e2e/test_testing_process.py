"""A fake Discord in a process of its own can do all that one in this process can, and ends with its parent."""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import discord as pycord
import pytest

import isocord
from isocord.testing import (
    CommandError,
    FakeDiscord,
    FakeDiscordProcess,
    GuildSpec,
    Mishap,
    MishapKind,
    NotFoundError,
    NotRunningError,
    SessionState,
    WaitTimeoutError,
    faults,
    tone,
)
from isocord.testing.fake.control import Control
from isocord.testing.process import remote

SERVING = [sys.executable, "-m", "isocord.testing.process.serving"]


@pytest.fixture(scope="module")
def discord() -> Iterator[FakeDiscordProcess]:
    with FakeDiscordProcess(guilds=2, patch=False) as running:
        yield running


def public(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Somebody has to take note of its end; until then it is there in name only.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return False


@pytest.mark.parametrize("name", public(Control))
def test_whatever_one_can_do_the_other_can(discord: FakeDiscordProcess, name: str) -> None:
    found = getattr(discord, name)
    assert callable(found) == inspect.isfunction(inspect.getattr_static(Control, name))
    assert name in dir(discord)


def test_it_has_the_names_of_a_fake_in_this_process() -> None:
    assert set(public(FakeDiscord)) - set(public(Control)) <= set(public(FakeDiscordProcess)) | {"addresses"}


def test_what_exists_is_the_same(discord: FakeDiscordProcess) -> None:
    assert len(discord.guilds) == 2
    assert discord.channel("General").guild_id == discord.guild.id
    assert discord.user(discord.bot) == discord.bot
    assert discord.addresses.gateway.startswith("ws://127.0.0.1:")
    assert discord.add_channel("New", guild=discord.guilds[1]).id in discord.guilds[1].channels
    discord.server_update_first = True
    assert discord.server_update_first is True
    with pytest.raises(NotFoundError, match="Nowhere"):
        discord.listen("Nowhere")
    with pytest.raises(TypeError, match="nonsense"):
        discord.listen("General", nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="explode"):
        discord.explode  # noqa: B018
    with pytest.raises(TypeError, match="must be a Mishap"):
        discord.stage(MishapKind.KICKED)  # type: ignore[arg-type]


def test_participants_stay_there_and_are_used_from_here(
    discord: FakeDiscordProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = discord.listen("General", user="alice")
    bob = discord.speak("General", user="bob", fault=faults.lose_every(2))
    bob.play(tone(440, 0.2))
    discord.wait_until(lambda: len(alice.arrivals(bob)) == 8 and not bob.is_playing)
    assert alice.arrivals("bob")[-1].is_silence
    assert alice.gaps("bob").lost == 7
    assert (bob.sent, bob.user.name, alice.heard_users) == (15, "bob", [bob.id])
    monkeypatch.chdir(tmp_path)
    alice.save_wav("heard.wav", "bob")
    assert (tmp_path / "heard.wav").stat().st_size == 44 + len(alice.pcm("bob"))
    assert len(alice.take("bob")) == 8
    assert alice.arrivals("bob") == []
    bob.announce = False
    assert bob.announce is False
    assert discord.voice_state("bob") is not None
    discord.kick(bob)
    assert discord.voice_state("bob") is bob.voice_state is None
    assert bob in (alice, bob)
    assert bob not in (alice,)
    alice.leave()


def test_what_is_not_held_any_more_is_forgotten_there(discord: FakeDiscordProcess) -> None:
    gateway: Any = discord.gateway
    dialogue, number = gateway._dialogue, gateway._number
    assert gateway.is_connected is False
    del gateway
    assert discord.messages == []
    with pytest.raises(KeyError):
        dialogue.ask("get", number, "is_connected")


def test_a_rehearsal_goes_on_there(discord: FakeDiscordProcess) -> None:
    assert not discord.stage(Mishap(MishapKind.KICKED))
    assert discord.stage_everywhere(Mishap(MishapKind.WEBSOCKET_CLOSED, code=4006)) == 0
    rehearsal = discord.rehearse([(0.0, Mishap(MishapKind.KICKED)), (0.01, Mishap(MishapKind.MOVED))], discord.guild)
    discord.wait_until(lambda: rehearsal.is_over)
    assert [(kind.kind, happened) for _, kind, happened in rehearsal.happened] == [
        (MishapKind.KICKED, False),
        (MishapKind.MOVED, False),
    ]


def test_what_cannot_be_sent_is_refused_and_nothing_else_is_lost(discord: FakeDiscordProcess) -> None:
    with pytest.raises(CommandError, match="top level of a module"):
        discord.set_udp_faults(uplink=lambda packet: ())
    discord.set_udp_faults(uplink=faults.chain(faults.lose(0.5, seed=1), faults.delay(0.1)), downlink=faults.black_hole)
    discord.set_udp_faults()
    with FakeDiscordProcess(patch=False) as other:
        stranger = other.listen("General")
        with pytest.raises(CommandError, match="another fake Discord"):
            discord.kick(stranger)
    assert discord.token


def test_wrong_options_are_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="unknown transport modes"), FakeDiscordProcess(modes=["plain"]):
        pass
    with pytest.raises(TypeError, match="nonsense"), FakeDiscordProcess(nonsense=1):
        pass


def test_it_stops_with_its_block() -> None:
    with FakeDiscordProcess(guilds=[GuildSpec(members=("zoe",))], patch=False) as discord:
        assert discord.user("zoe").name == "zoe"
        zoe, pid = discord.listen("General", user="zoe"), discord.pid
        assert str(pid) in repr(discord)
    assert is_gone(pid)
    assert "stopped" in repr(discord)
    for use in (lambda: discord.token, lambda: zoe.ssrc, lambda: discord.pid):
        with pytest.raises(NotRunningError):
            use()
    discord.stop()


def test_its_death_is_noticed() -> None:
    with FakeDiscordProcess(patch=False) as discord:
        os.kill(discord.pid, 9)
        with pytest.raises(CommandError, match="ended"):
            discord.wait_until(lambda: discord.counters is None)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a process that can be held")
def test_a_fake_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeDiscordProcess(patch=False) as discord:
        alice = discord.listen("General")
        os.kill(discord.pid, signal.SIGSTOP)
        monkeypatch.setattr(remote, "TIMEOUT", 0.05)
        try:
            with pytest.raises(WaitTimeoutError):
                _ = discord.counters
        finally:
            os.kill(discord.pid, signal.SIGCONT)
        monkeypatch.undo()
        # The late answer is nobody's.
        assert alice.ssrc > 1


def test_it_ends_when_its_parent_dies() -> None:
    code = (
        "import time; from isocord.testing import FakeDiscordProcess\n"
        "with FakeDiscordProcess(patch=False) as discord: print(discord.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while not is_gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nobody_is_let_in_without_the_key() -> None:
    key = os.urandom(32)
    with subprocess.Popen(SERVING, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(key.hex().encode() + b"\n")
        process.stdin.flush()
        address = ("127.0.0.1", int(process.stdout.readline()))
        with pytest.raises(multiprocessing.AuthenticationError):
            Client(address, authkey=os.urandom(32))
        with Client(address, authkey=key) as parent:
            parent.send_bytes(pickle.dumps({}))
            assert parent.poll(20)
            # The parent is in, and the port is closed.
            with pytest.raises(ConnectionRefusedError):
                Client(address, authkey=key)
        process.stdin.close()
        process.wait(20)


async def test_a_voice_session_and_answers_are_handles() -> None:
    async with FakeDiscordProcess() as discord:
        bot = pycord.Bot(intents=pycord.Intents.default())

        @bot.slash_command()
        async def join(ctx: Any) -> None:
            await ctx.respond("coming")
            await ctx.author.voice.channel.connect(cls=isocord.VoiceClient)

        async with discord.running(bot):
            alice = discord.listen("General", user="alice")
            assert (await discord.call("join", user=alice)).content == "coming"
            session = await discord.wait_for_voice_session()
            assert session == discord.voice_session()
            assert len({session, discord.voice_session()}) == 1
            assert session.state is SessionState.CONNECTED
            session.set_udp_faults(downlink=faults.black_hole)
            session.close(4014)
            await discord.wait_for(lambda: session.state is SessionState.ENDED)
            assert (await discord.wait_for_event(lambda entry: entry.name == "IDENTIFY")).data["token"] == "[redacted]"
