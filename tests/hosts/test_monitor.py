"""isocord.monitor(): what another process of the same user sees of a bot."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.monitoring import doors, places, watching

from .ears import sine
from .interpreters import run
from .world import World, until


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bots of other tests are none of ours."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "isocord"


@pytest.fixture(params=[".sock", ".json"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[isocord.Monitor]:
    """By either kind of door, as they are on Unix and on Windows."""
    monkeypatch.setattr(places, "ENDING", request.param)
    with isocord.monitor() as monitor:
        yield monitor


class Watch:
    """Somebody who watches, on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.lines: list[dict[str, Any]] = []
        self.over = False
        threading.Thread(target=self._read, args=(path,), daemon=True).start()

    def _read(self, path: Path) -> None:
        for told in watching.watch(path):
            self.lines.append(told)
        self.over = True

    async def sees(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the only connection is told so."""

        def met() -> bool:
            told = self.lines[-1]["connections"] if self.lines else []
            return bool(told) and bool(condition(told[0]))

        await until(met)
        return dict(self.lines[-1]["connections"][0])


async def test_it_tells_what_plays_and_who_speaks(world: World, opened: isocord.Monitor, tmp_path: Path) -> None:
    assert watching.found() == {os.getpid(): opened.path}
    world.discord.listen("General", user="bob")
    voice = await world.connect()
    voice.play(isocord.AudioFile(sine(tmp_path / "song.wav", 30.0)))
    watch = Watch(opened.path)
    told = await watch.sees(lambda it: it["stats"]["packets_sent"] > 50)
    assert told["guild_id"] == str(world.guild.id) and told["guild"] == world.guild.name
    assert told["channel_id"] == str(voice.channel.id) and told["channel"] == "General"
    assert told["bot_id"] == str(world.bot.user.id)
    assert (told["phase"], told["encrypted"]) == ("connected", voice.is_dave_connection())
    assert set(told["stats"]) == set(isocord.VoiceStats.__match_args__)
    assert 0.0 < told["stats"]["lateness_p50"] <= told["stats"]["lateness_p99"] <= told["stats"]["lateness_max"]
    playing = told["playing"]
    assert (playing["source"], playing["duration"], playing["paused"]) == ("AudioFile", 30.0, False)
    assert playing["position"] > 0

    (alice,) = world.speak(30.0, "alice")
    told = await watch.sees(lambda it: [user for user in it["users"] if user["speaking"] and user["received"] > 20])
    (user,) = told["users"]
    assert user["id"] == str(alice.user_id) and user["lost"] == 0 and user["jitter"] >= 0.0
    alice.stop()
    await watch.sees(lambda it: not it["users"][0]["speaking"])
    await voice.disconnect()
    await until(lambda: watch.lines[-1]["connections"] == [])
    assert watch.lines[-1]["pid"] == os.getpid() and watch.lines[-1]["isocord"] == isocord.__version__


async def test_no_secret_is_told(world: World, opened: isocord.Monitor) -> None:
    voice = await world.connect()
    watch = Watch(opened.path)
    await watch.sees(lambda it: it["phase"] == "connected")
    text = json.dumps(watch.lines)
    assert voice.token not in text and voice.session_id not in text and world.discord.token not in text
    assert str(voice.secret_key) not in text


async def test_a_bot_does_not_wait_for_who_does_not_read(
    world: World, opened: isocord.Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isocord.monitoring.monitor.INTERVAL", 0.005)
    voice = await world.connect()
    lazy = doors.knock(opened.path)
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    watch = Watch(opened.path)
    await until(lambda: opened._watchers and len(opened._watchers) == 2)
    # It is sent away when it has left ten lines unread after its buffers are full.
    await until(lambda: len(opened._watchers) == 1)
    seen = len(watch.lines)
    await until(lambda: len(watch.lines) > seen + 5)
    assert voice.is_connected()
    lazy.close()


async def test_only_so_many_watch(opened: isocord.Monitor) -> None:
    watches = [Watch(opened.path) for _ in range(8)]
    await until(lambda: all(watch.lines for watch in watches))
    with pytest.raises(OSError, match="too many"):
        next(iter(watching.watch(opened.path)))
    opened.close()
    await until(lambda: all(watch.over for watch in watches))
    assert watching.found() == {}


async def test_watchers_have_nothing_to_say(opened: isocord.Monitor) -> None:
    with doors.knock(opened.path) as talker:
        talker.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while talker.recv(65_536):
                talker.sendall(b"x" * 200)
    await until(lambda: not opened._watchers)


@pytest.mark.parametrize("said", [b"", b"\n", b"wrong\n", b"0" * 64 + b"\n", b"x" * 4_096])
async def test_a_port_tells_nothing_without_its_token(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "ENDING", ".json")
    monkeypatch.setattr("isocord.monitoring.monitor.INTERVAL", 0.01)
    with isocord.monitor() as monitor:
        assert stat.S_IMODE(monitor.path.stat().st_mode) == 0o600
        port = json.loads(monitor.path.read_text("utf-8"))["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
            stranger.sendall(said)
            heard = b""
            with contextlib.suppress(ConnectionError):
                while some := stranger.recv(4_096):
                    heard += some
            assert heard == b""


@pytest.mark.skipif(os.name == "nt", reason="the rights of files are others there")
def test_it_is_for_its_user_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with isocord.monitor() as monitor:
        assert stat.S_IMODE(monitor.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert isocord.monitor() is monitor and not monitor.is_closed
    assert monitor.is_closed and not monitor.path.exists()
    monitor.close()
    place.chmod(0o755)
    # Another user's directory, as after `su`: there is still the one for temporary files.
    with isocord.monitor() as elsewhere:
        assert elsewhere.path.parent == place.with_name(f"isocord-{os.geteuid()}")
        assert watching.found() == {os.getpid(): elsewhere.path}
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(places.os, "geteuid", lambda: 54_321)
    place.with_name("isocord-54321").mkdir(mode=0o700)
    with pytest.raises(PermissionError, match="belongs to another user"):
        isocord.monitor()
    monkeypatch.undo()
    monkeypatch.setattr(places, "directories", lambda: [place])
    with pytest.raises(PermissionError, match="chmod 700"):
        isocord.monitor()
    assert watching.found() == {}
    place.rmdir()
    place.symlink_to(place.parent)
    with pytest.raises(OSError, match="isocord"):
        isocord.monitor()


@pytest.mark.skipif(os.name == "nt", reason="there are no sockets in the file system")
def test_what_a_process_left_behind_is_swept_away(place: Path) -> None:
    place.mkdir(mode=0o700)
    left = place / f"{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    (place / "1.sock").touch()
    assert watching.found() == {}
    assert not left.exists()
    with isocord.monitor() as monitor:
        assert monitor.path == left
        assert watching.found() == {os.getpid(): left}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_neither_answers_nor_takes_the_socket_away() -> None:
    done = run(
        """
        from isocord.monitoring import watching
        with isocord.monitor() as monitor:
            child = os.fork()
            if child == 0:
                assert monitor.is_closed
                monitor.close()
                with isocord.monitor() as own:
                    assert own.path != monitor.path
                    print("child", len(watching.found()), flush=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert not monitor.is_closed
            print("parent", list(watching.found()) == [os.getpid()])
        """
    )
    assert done.stdout.split("\n")[:2] == ["child 2", "parent True"], done.stderr


def test_the_socket_goes_with_the_process(place: Path) -> None:
    code = "import isocord; print(isocord.monitor().path.exists())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "True" and done.stderr == ""
    assert list(place.iterdir()) == []
