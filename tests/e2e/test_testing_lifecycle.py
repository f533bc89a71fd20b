"""The fake starts and stops cleanly, by itself and as a fixture."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import aiohttp
import pytest

from isocord.testing import FakeDiscord, NotRunningError, WaitTimeoutError, tone

PACKAGE = Path(__file__).resolve().parents[2] / "python"


def open_files() -> set[str]:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counts file descriptors in /proc")
    found = set()
    for name in os.listdir("/proc/self/fd"):
        # The descriptor that lists the directory is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
    return found


def fails_in_the_middle() -> None:
    with FakeDiscord(patch=False) as discord:
        discord.listen("General")
        discord.speak("General").play(tone(440, 5))
        raise ZeroDivisionError


def test_nothing_is_left_behind() -> None:
    with FakeDiscord():
        pass
    threads, files = set(threading.enumerate()), open_files()
    with pytest.raises(ZeroDivisionError):
        fails_in_the_middle()
    assert set(threading.enumerate()) == threads
    # What an earlier test left to the garbage collector may go meanwhile.
    assert open_files() <= files


@pytest.mark.asyncio
async def test_connected_clients_do_not_hold_it_up() -> None:
    async with FakeDiscord(patch=False) as discord, aiohttp.ClientSession() as session:
        gateway = await session.ws_connect(discord.addresses.gateway)
        grant = discord.invite("General", "bob")
        voice = await session.ws_connect(f"wss://{grant.endpoint}/?v=8", ssl=discord.ssl_context)
        for socket in (gateway, voice):
            assert (await asyncio.wait_for(socket.receive_json(), 15))["op"] in (8, 10)
        discord.stop()
        for socket in (gateway, voice):
            message = await asyncio.wait_for(socket.receive(), 15)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)


def test_it_can_not_be_used_outside_its_block() -> None:
    discord = FakeDiscord()
    for use in (lambda: discord.addresses, lambda: discord.listen("General"), discord.server_update):
        with pytest.raises(NotRunningError):
            use()
    discord.stop()


@pytest.mark.asyncio
async def test_waits_are_bounded() -> None:
    async with FakeDiscord(patch=False) as discord:
        with pytest.raises(WaitTimeoutError, match="the moon"):
            await discord.wait_for(lambda: False, timeout=0.01, what="the moon")
        with pytest.raises(WaitTimeoutError):
            discord.wait_until(lambda: False, timeout=0.01)
        with pytest.raises(ZeroDivisionError):
            await discord.wait_for(lambda: 1 // 0)


@pytest.mark.parametrize("turns", range(4))
async def test_a_start_that_is_cancelled_as_it_succeeds_is_undone(turns: int) -> None:
    before = set(threading.enumerate())
    discord = FakeDiscord(patch=False)
    starting = asyncio.create_task(discord.__aenter__())
    await asyncio.sleep(0)
    # The server starts while this loop is blocked: its success and the cancellation meet here.
    discord.wait_until(lambda: discord._backend.voice_servers)
    discord.on_server(lambda: None)
    for _ in range(turns):
        await asyncio.sleep(0)
    over = starting.done()
    starting.cancel()
    await asyncio.wait([starting], timeout=15)
    assert starting.cancelled() or over
    if over:
        discord.stop()
    assert set(threading.enumerate()) == before


def test_it_runs_on_while_the_callers_loop_is_blocked() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob")
        bob.play(tone(440, 0.2))
        discord.wait_until(lambda: not bob.is_playing)
        assert len(alice.arrivals("bob")) == 10 + 5


def test_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_bot.py").write_text(
        textwrap.dedent(
            """
            import pytest
            from discord.http import Route

            @pytest.mark.isocord_fake_discord(guilds=3)
            def test_running(isocord_fake_discord):
                assert len(isocord_fake_discord.guilds) == 3
                assert Route("GET", "/x").url.startswith("http://127.0.0.1:")

            def test_fails(isocord_fake_discord):
                assert False

            def test_put_back():
                assert Route("GET", "/x").url.startswith("https://discord.com/")
            """
        )
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PACKAGE), environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "isocord.testing.pytest_plugin", "--strict-markers", "."]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "1 failed, 2 passed" in result.stdout, result.stdout + result.stderr
