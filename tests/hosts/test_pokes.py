"""What bots poke at beside the documented API: the same pokes on the library's own voice client and on isocord's.

The table "What bots poke at" in docs/moving/index.md is what is held here. The library's own client needs its extras,
so its half runs where those are installed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.client.absent import ABSENT
from isocord.hosts import present_hosts

from .world import World, library, logged_in, until

HOST = present_hosts()[0]
MODERN = HOST.recording_callback_takes_error
DOCS = Path(__file__).resolve().parents[2] / "docs" / "moving" / "index.md"
EXTRAS = {"py-cord": ("nacl", "davey") if MODERN else ("nacl",), "discord.py": ("nacl", "davey")}
HAS_EXTRAS = all(importlib.util.find_spec(name) for name in EXTRAS.get(HOST.name, ("nacl", "dave")))
SILENCE = b"\xf8\xff\xfe"


class Packets(library.AudioSource):  # type: ignore[misc, name-defined]
    """Opus packets, so that the library's own client needs no libopus."""

    def __init__(self, count: int = 100_000) -> None:
        self.left, self.reads, self.cleaned = count, 0, 0

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        self.reads += 1
        self.left -= 1
        return SILENCE if self.left >= 0 else b""

    def cleanup(self) -> None:
        self.cleaned += 1


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with logged_in(dave_version=0) as made:
        yield made


async def connected(world: World, cls: Any, tries: int = 3) -> Any:
    """Ours connects at the first go. The library's own may need another: py-cord's waits on an event that is set and
    cleared again, and where both voice updates come in one turn of the loop it sleeps through the second for ever."""
    try:
        return await world.channel().connect(cls=cls, timeout=10)
    except asyncio.TimeoutError:
        if cls is isocord.VoiceClient or tries == 1:
            raise
    await until(lambda: world.guild.voice_client is None)
    return await connected(world, cls, tries - 1)


@pytest.fixture(params=["isocord", "stock"])
async def voice(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Any]:
    if request.param == "stock" and (HOST.voice_client is None or not HAS_EXTRAS):
        pytest.skip(f"the extras of {HOST.name} are not installed")
    if request.param == "stock" and HOST.name == "py-cord" and not MODERN:
        pytest.skip("py-cord 2.6 takes no port but 443 for a voice server")
    cls = isocord.VoiceClient if request.param == "isocord" else HOST.voice_client
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = await connected(world, cls)
        yield made
        await asyncio.wait_for(made.disconnect(force=True), 15)


def is_ours(voice: Any) -> bool:
    return type(voice) is not HOST.voice_client


def stock_has(voice: Any, *names: str) -> None:
    """Go on with ours, or where the library has the names."""
    owner = voice
    for name in names:
        if not is_ours(voice) and not hasattr(owner, name):
            pytest.skip(f"{HOST.name} has no {name}")
        owner = getattr(owner, name)


class TestPlayer:
    async def test_source_after_the_end_and_after_stop(self, voice: Any) -> None:
        source = Packets(3)
        voice.play(source)
        assert voice.source is source
        await until(lambda: source.cleaned)
        assert not voice.is_playing()
        assert voice.source is source
        voice.stop()
        assert voice.source is None
        assert voice._player is None

    async def test_another_source_in_the_player(self, voice: Any) -> None:
        old, new = Packets(), Packets()
        voice.play(old)
        await until(lambda: old.reads)
        voice._player.source = new
        await until(lambda: new.reads)
        assert voice.source is new
        assert voice._player.source is new
        assert voice.is_playing()
        assert old.cleaned == 0
        voice.stop()
        await until(lambda: new.cleaned == 1)

    async def test_set_source_of_the_player(self, voice: Any) -> None:
        old, new = Packets(), Packets()
        voice.play(old)
        # Versions differ in the underscore; ours has both.
        names = [name for name in ("set_source", "_set_source") if is_ours(voice) or hasattr(voice._player, name)]
        getattr(voice._player, names[-1])(new)
        await until(lambda: new.reads)
        assert voice.source is new

    async def test_whether_it_lives(self, voice: Any) -> None:
        source = Packets(3)
        voice.play(source)
        player = voice._player
        assert player.is_alive() is True
        player.join(15)
        assert player.is_alive() is False
        assert source.cleaned == 1

    async def test_its_events(self, voice: Any) -> None:
        voice.play(Packets())
        player = voice._player
        assert (player._resumed.is_set(), player._end.is_set()) == (True, False)
        voice.pause()
        assert (player._resumed.is_set(), player._end.is_set()) == (False, False)
        assert (player.is_paused(), player.is_playing()) == (True, False)
        voice.resume()
        assert player._resumed.is_set()
        voice.stop()
        assert player._end.wait(15)

    async def test_the_error_of_a_source(self, voice: Any) -> None:
        class Broken(Packets):
            def read(self) -> bytes:
                raise OSError("broken")

        voice.play(Broken(), after=lambda error: None)
        player = voice._player
        player.join(15)
        assert isinstance(player._current_error, OSError)

    async def test_its_frames(self, voice: Any) -> None:
        voice.play(Packets())
        await until(lambda: voice._player.loops >= 3)
        assert voice._player.DELAY == 0.02
        assert callable(voice._player.after) is False


class TestEncoder:
    @pytest.fixture(autouse=True)
    def libopus(self, voice: Any) -> None:
        if not is_ours(voice) and not (library.opus.is_loaded() or library.opus._load_default()):
            pytest.skip("there is no libopus")

    async def test_its_settings(self, voice: Any) -> None:
        source = type("Pcm", (Packets,), {"is_opus": lambda self: False, "read": lambda self: b"\x10\x20" * 1920})()
        voice.play(source)
        encoder = voice.encoder
        assert encoder.set_bitrate(64) == 64
        assert encoder.set_bitrate(9999) == 512
        assert encoder.set_bitrate(1) == 16
        assert encoder.set_fec(True) is None
        assert encoder.set_expected_packet_loss_percent(0.3) is None
        assert encoder.set_bandwidth("wide") is None
        assert encoder.set_signal_type("voice") is None
        for wrong in (encoder.set_bandwidth, encoder.set_signal_type):
            with pytest.raises(KeyError, match=r"(t|T)ry one of"):
                wrong("nonsense")
        assert voice.encoder is encoder
        # libopus crashes where two threads encode with one encoder, as the library's own would with its player's.
        player = voice._player
        voice.stop()
        player.join(15)
        assert isinstance(encoder.encode(b"\0" * 3840, encoder.SAMPLES_PER_FRAME), bytes)
        assert (encoder.SAMPLES_PER_FRAME, encoder.FRAME_SIZE, encoder.SAMPLING_RATE) == (960, 3840, 48_000)

    async def test_a_new_bitrate_is_heard_while_it_plays(self, world: World, voice: Any) -> None:
        alice = world.discord.listen("General", user="alice")
        noise = os.urandom(3840)
        source = type("Pcm", (Packets,), {"is_opus": lambda self: False, "read": lambda self: noise})()
        voice.play(source)

        def mean(last: int) -> float:
            sizes = [len(arrival.opus) for arrival in alice.arrivals()[-last:]]
            return sum(sizes) / len(sizes)

        await until(lambda: len(alice.arrivals()) > 20)
        before = mean(10)
        voice.encoder.set_bitrate(16)
        await until(lambda: mean(10) < before / 3)
        voice.stop()
        voice.play(source)
        seen = len(alice.arrivals())
        # discord.py makes a new encoder for each play.
        anew = HOST.name == "discord.py"
        await until(lambda: len(alice.arrivals()) > seen + 30 and (mean(10) >= before / 3) is anew)


class TestGateway:
    async def test_the_key(self, voice: Any) -> None:
        stock_has(voice, "ws", "secret_key")
        assert voice.ws.secret_key == voice.secret_key
        assert len(voice.ws.secret_key) == 32

    async def test_the_close_code(self, voice: Any) -> None:
        assert voice.ws._close_code is None

    async def test_whose_stream_is_whose(self, world: World, voice: Any) -> None:
        stock_has(voice, "ws", "ssrc_map")
        bob = world.discord.speak("General", user="bob")
        bob.play_opus([SILENCE] * 3)
        if not is_ours(voice) and MODERN:
            pytest.skip("py-cord 2.8 has the map, and never fills it")
        await until(lambda: voice.ws.ssrc_map)
        (stream,) = voice.ws.ssrc_map.values()
        assert stream["user_id"] == world.discord.user("bob").id
        assert int(stream["speaking"]) in (0, 1)

    async def test_the_event_that_threads_wait_for(self, voice: Any) -> None:
        stock_has(voice, "_connected")
        assert isinstance(voice._connected, threading.Event)
        assert voice._connected.is_set()
        await voice.disconnect()
        assert not voice._connected.is_set()


class TestHearing:
    async def test_the_other_names_of_recording(self, voice: Any) -> None:
        stock_has(voice, "start_listening")
        assert voice.start_listening.__func__ is voice.start_recording.__func__
        assert voice.stop_listening.__func__ is voice.stop_recording.__func__

    async def test_who_speaks(self, world: World, voice: Any) -> None:
        stock_has(voice, "is_speaking")
        bob = world.guild.get_member(world.discord.user("bob").id) or world.guild.me
        assert voice.is_speaking(bob) is None
        if not is_ours(voice):
            return
        (speaker,) = world.speak(0.5, "bob")
        await until(lambda: voice.is_speaking(world.discord.user("bob").id) is True)
        await until(lambda: voice.is_speaking(world.discord.user("bob").id) is False)
        speaker.leave()


async def test_what_is_not_there_says_what_to_use(voice: Any) -> None:
    if not is_ours(voice):
        return
    for name, advice in ABSENT.items():
        assert not hasattr(voice, name)
        with pytest.raises(AttributeError) as caught:
            getattr(voice, name)
        assert advice in str(caught.value)
    with pytest.raises(AttributeError, match=r"object has no attribute 'plya'$"):
        _ = voice.plya


def test_what_is_not_there_is_documented() -> None:
    rows = [row for row in DOCS.read_text("utf-8").splitlines() if "not offered" in row]
    assert [name for name in ABSENT if not any(f"`{name}" in row for row in rows)] == []
