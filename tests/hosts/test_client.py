"""The voice client under whichever bot library this interpreter has, against the fake Discord.

Run it once in each library's environment: ``python -m pytest tests/hosts``.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from typing import Any

import aiohttp
import pytest

import isocord
from isocord import Phase, Reason
from isocord.errors import ConnectError

from .world import LIBRARY, Tone, World, joins_with_isocord, library, until


class TestConnect:
    async def test_it_is_a_client_of_both(self, world: World) -> None:
        voice = await world.connect()
        host = world.host
        assert isinstance(voice, isocord.VoiceClient)
        assert isinstance(voice, host.voice_protocol)
        assert world.guild.voice_client is voice
        assert voice in world.bot.voice_clients
        assert bool(voice)
        assert voice.is_connected()
        assert type(voice).__name__ == "VoiceClient"

    async def test_what_it_tells_of_itself(self, world: World) -> None:
        voice = await world.connect()
        session = world.discord.voice_session()
        assert voice.guild == world.guild
        assert voice.channel == world.channel()
        assert voice.user == world.bot.user
        assert voice.loop is asyncio.get_running_loop()
        assert voice.server_id == world.guild.id
        assert isinstance(voice.session_id, str)
        assert isinstance(voice.token, str)
        assert voice.endpoint == session.endpoint
        assert voice.endpoint_ip == "127.0.0.1"
        assert voice.ssrc == session.ssrc
        assert voice.mode == session.mode
        assert voice.mode in voice.supported_modes
        assert len(voice.secret_key) == 32
        assert voice.timeout == (60.0 if LIBRARY == "hikari" else 30.0)
        assert voice.is_dave_connection() is True
        assert voice.token not in repr(voice)
        await until(lambda: voice.latency < 5)
        assert voice.average_latency < 5
        assert voice.ws.latency == voice.latency
        assert voice.stats.gateway_malformed == 0

    async def test_a_second_connect_is_refused(self, world: World) -> None:
        voice = await world.connect()
        with pytest.raises(library.ClientException):
            await world.connect()
        with pytest.raises(library.ClientException):
            await voice.connect(timeout=5, reconnect=True)
        assert voice.is_connected()

    @joins_with_isocord
    async def test_flags_are_sent_and_survive_a_move(self, world: World) -> None:
        class Deaf(isocord.VoiceClient):
            async def connect(self, **options: Any) -> None:
                await super().connect(**{**options, "self_deaf": True})

        voice = await world.connect(Deaf)
        assert isinstance(voice, Deaf)
        assert world.discord.bot_voice_state().self_deaf
        await voice.move_to(world.channel("Music"))
        assert world.discord.bot_voice_state().self_deaf

    async def test_a_time_out_raises_what_the_library_expects_and_leaves_nothing(self, world: World) -> None:
        world.discord.set_gateway_filter(lambda direction, op, body: op != 4)
        with pytest.raises(asyncio.TimeoutError):
            await world.connect(timeout=0.3)
        assert world.guild.voice_client is None
        world.discord.set_gateway_filter(None)
        assert (await world.connect()).is_connected()

    @joins_with_isocord
    async def test_a_cancelled_connect_leaves_nothing(self, world: World) -> None:
        world.discord.withhold_endpoint(times=1)
        connecting = asyncio.create_task(world.connect())
        await until(lambda: world.discord.bot_voice_state() is not None)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert world.guild.voice_client is None
        await until(lambda: world.discord.bot_voice_state() is None)
        assert (await world.connect()).is_connected()

    @pytest.mark.carried_here("the test ends the session from within")
    async def test_a_refusal_raises_and_leaves_nothing(self, world: World) -> None:
        identified = threading.Event()

        def refuse(direction: Any, op: int, body: Any) -> bool:
            if op == 0:
                identified.set()
            return op != 0

        world.discord.set_voice_filter(refuse)
        connecting = asyncio.create_task(world.connect())
        await until(identified.is_set)
        connection = world.guild.voice_client._connection
        connection._thread.call(lambda: connection._driver.media.session.socket_lost(4017, "closed", trusted=True))
        with pytest.raises(ConnectError, match="DAVE") as caught:
            await connecting
        assert isinstance(caught.value, library.ClientException)
        assert caught.value.code == 4017
        assert world.guild.voice_client is None

    @pytest.mark.carried_here("a media node has network settings of its own")
    @joins_with_isocord
    async def test_a_certificate_that_is_not_trusted_is_refused_at_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The connector that a bot was made with says what is trusted.
        trusts_nobody = aiohttp.TCPConnector(ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        name = "connector" if hasattr(world.bot.http, "connector") else "_connector"
        with monkeypatch.context() as patch:
            patch.setattr(world.bot.http, name, trusts_nobody)
            with pytest.raises(ConnectError, match="certificate"):
                await world.connect()
        await trusts_nobody.close()
        assert world.guild.voice_client is None

    async def test_reconnecting_after_a_disconnect(self, world: World) -> None:
        for _ in range(3):
            voice = await world.connect()
            await voice.disconnect()
            assert not voice.is_connected()
            assert world.guild.voice_client is None
        assert voice.state.reason is Reason.REQUESTED

    async def test_it_is_over_when_a_disconnect_is_however_late_our_own_thread_is(self, world: World) -> None:
        voice = await world.connect()
        voice._connection._thread.call(time.sleep, 1.5)
        await voice.disconnect()
        assert not voice.is_connected()
        assert voice.state.reason is Reason.REQUESTED

    async def test_closing_the_bot_disconnects(self, world: World) -> None:
        voice = await world.connect()
        voice.play(Tone())
        await asyncio.wait_for(world.bot.close(), 15)
        assert voice.state.phase is Phase.DISCONNECTED

    async def test_cleanup_never_removes_a_newer_client(self, world: World) -> None:
        old = await world.connect()
        await old.disconnect()
        new = await world.connect()
        old.cleanup()
        old.cleanup()
        await old.disconnect(force=True)
        assert world.guild.voice_client is new
        assert new.is_connected()


class TestChanges:
    async def test_move_to(self, world: World) -> None:
        voice = await world.connect()
        voice.play(Tone())
        await voice.move_to(world.channel("Music"))
        assert voice.channel == world.channel("Music")
        assert voice.is_connected()
        assert voice.is_playing()
        assert world.discord.voice_session().channel_id == voice.channel.id
        await voice.move_to(voice.channel)
        await voice.move_to(None)
        assert not voice.is_connected()
        with pytest.raises(library.ClientException):
            await voice.move_to(world.channel())

    async def test_a_moderators_move(self, world: World) -> None:
        alice = world.discord.listen("Music", user="alice")
        voice = await world.connect()
        voice.play(Tone())
        world.discord.move_bot("Music")
        await until(lambda: len(alice.arrivals()) > 5)
        assert voice.channel == world.channel("Music")

    async def test_a_kick(self, world: World) -> None:
        voice = await world.connect()
        source = Tone()
        voice.play(source)
        world.discord.kick_bot()
        await until(lambda: world.guild.voice_client is None)
        assert voice.state.reason is Reason.KICKED
        await until(lambda: source.cleaned)
        assert (await world.connect()).is_connected()

    async def test_a_cut_is_resumed(self, world: World) -> None:
        alice = world.discord.listen("General", user="alice")
        voice = await world.connect()
        voice.play(Tone())
        await until(lambda: len(alice.arrivals()) > 5)
        world.discord.voice_session().cut()
        await until(lambda: voice.stats.resumes == 1)
        seen = len(alice.arrivals())
        await until(lambda: len(alice.arrivals()) > seen + 5)
        assert alice.gaps().lost == 0
        assert world.phases()[-2:] == [Phase.RESUMING, Phase.CONNECTED]

    @pytest.mark.parametrize("code", [4006, 4009])
    async def test_a_lost_session_is_replaced_without_a_leave(self, world: World, code: int) -> None:
        voice = await world.connect()
        voice.play(Tone())
        left = [name for name, args in world.events if name == "voice_state_update" and args[2].channel is None]
        world.discord.voice_session().close(code)
        await until(lambda: voice.stats.reconnects == 1 and voice.is_connected())
        assert voice.is_playing()
        assert left == [name for name, args in world.events if name == "voice_state_update" and args[2].channel is None]

    async def test_another_server(self, world: World) -> None:
        voice = await world.connect()
        voice.play(Tone())
        endpoint = world.discord.server_update()
        await until(lambda: voice.endpoint == endpoint and voice.is_connected())
        assert voice.is_playing()

    async def test_a_new_session_of_the_bots_gateway(self, world: World) -> None:
        voice = await world.connect()
        world.discord.gateway.invalidate()
        await until(lambda: voice.stats.reconnects >= 1 and voice.is_connected(), 20)
        assert world.guild.voice_client is voice

    async def test_waiting_for_a_state(self, world: World) -> None:
        voice = await world.connect()
        assert (await voice.wait_for_state(Phase.CONNECTED, timeout=15)).is_connected
        assert await asyncio.to_thread(voice.wait_until_connected, 5)
        with pytest.raises(asyncio.TimeoutError):
            await voice.wait_for_state(Phase.DISCONNECTED, timeout=0.05)

    async def test_waiting_for_a_state_that_cannot_come(self, world: World) -> None:
        voice = await world.connect()
        for wrong in ((), ("connected",), (Phase.CONNECTED, None)):
            with pytest.raises(TypeError, match=r"isocord\.Phase"):
                await voice.wait_for_state(*wrong, timeout=15)
        waiting = asyncio.create_task(voice.wait_for_state(Phase.IDLE, timeout=20))
        await asyncio.sleep(0)
        world.discord.kick_bot()
        with pytest.raises(ConnectError, match="disconnected from the channel"):
            await waiting
        with pytest.raises(ConnectError, match="over"):
            await voice.wait_for_state(Phase.CONNECTED)
        over = await voice.wait_for_state(Phase.CONNECTED, Phase.DISCONNECTED)
        assert over.reason is Reason.KICKED

    async def test_a_code_of_nobody_is_refused(self, world: World) -> None:
        voice = await world.connect()
        for wrong in (None, "alice", 1.5, True):
            with pytest.raises(TypeError, match="user must be a member, a user or an id"):
                await voice.verification_code(wrong)

    async def test_others_in_the_channel_are_told_of(self, world: World) -> None:
        names = world.host.events
        await world.connect()
        world.discord.listen("General", user="alice")
        speaker = world.discord.speak("General", user="bob")
        speaker.play_opus([b"\xf8\xff\xfe"] * 3)
        await until(lambda: names.speaking in [name for name, _ in world.events])
        args = next(args for name, args in world.events if name == names.speaking)
        assert isinstance(args[1], int)
        assert getattr(args[2], "value", args[2]) == 1
        speaker.leave()
        await until(lambda: names.disconnect in [name for name, _ in world.events])
