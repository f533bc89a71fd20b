"""What a bot does too early, too late or twice: joins, leaves and moves that cross one another."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import isocord
from isocord.client import departures
from isocord.errors import ClientError

from .world import Tone, World, has_sources, joins_with_isocord, library, until


class Held:
    """The bot's library holds back what the bot says on its gateway, in order, as it does near its limit."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = asyncio.Event()
        self.channels: list[Any] = []
        order = asyncio.Lock()
        host = type(world.host)
        original = host.change_voice_state

        async def change_voice_state(this: Any, place: Any, channel_id: int | None, **flags: bool) -> None:
            async with order:
                await self.open.wait()
                self.channels.append(channel_id)
                await original(this, place, channel_id, **flags)

        monkeypatch.setattr(host, "change_voice_state", change_voice_state)


def in_channel(world: World) -> bool:
    return world.discord.bot_voice_state() is not None


async def test_leaving_while_joining_leaves_nobody_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(world, monkeypatch)
    connecting = asyncio.create_task(world.connect())
    await until(lambda: world.bot.guilds[0].voice_client is not None)
    await world.bot.guilds[0].voice_client.disconnect()
    held.open.set()
    await asyncio.gather(connecting, return_exceptions=True)
    await until(lambda: held.channels and held.channels[-1] is None)
    await until(lambda: not in_channel(world))
    assert world.bot.guilds[0].voice_client is None


async def test_a_leave_that_is_held_back_is_sent_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = await world.connect()
    held = Held(world, monkeypatch)
    await voice.disconnect()
    assert world.bot.guilds[0].voice_client is None
    assert in_channel(world)
    held.open.set()
    await until(lambda: not in_channel(world))


@joins_with_isocord
async def test_the_next_client_does_not_take_a_late_leave_for_a_kick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(world, monkeypatch)
    held.open.set()
    voice = await world.connect()
    held.open.clear()
    await voice.disconnect()
    again = asyncio.create_task(world.connect())
    await until(lambda: world.bot.guilds[0].voice_client is not None)
    held.open.set()
    voice = await again
    assert held.channels[-2] is None
    voice.play(Tone())
    await until(lambda: voice.stats.packets_sent > 10)
    assert voice.is_connected()


@joins_with_isocord
async def test_connects_that_are_called_off_do_not_spoil_the_next(world: World) -> None:
    for number in range(12):
        task = asyncio.create_task(world.connect())
        await asyncio.sleep(number * 0.002)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if not isinstance(done, BaseException):
            await done.disconnect()
        voice = await world.connect()
        assert voice.is_connected()
        await voice.disconnect()


@joins_with_isocord
async def test_a_client_that_has_ended_does_not_come_back_to_the_registry(world: World) -> None:
    """Its connection hears of the end a moment later, and may ask meanwhile whether the bot still knows it."""
    voice = await world.connect()
    connection, go_on = voice._connection, threading.Event()
    connection._thread.call(go_on.wait, 10)
    voice.cleanup()
    voice._membership.check_registry(connection)
    assert world.guild.voice_client is None
    go_on.set()
    voice = await world.connect()
    assert voice.is_connected()


def test_a_leave_is_expected_for_some_seconds_only() -> None:
    class Loop:
        now = 0.0

        def time(self) -> float:
            return self.now

    loop: Any = Loop()
    bot, left = object(), asyncio.Event()
    leave = departures.begin(loop, bot, 1, left)
    assert leave.is_of(left)
    assert departures.confirmed(loop, bot, 2) is None
    leave.written(100.0)
    departures.begin(loop, bot, 1, left)
    loop.now = 100.0 + departures.CONFIRM_LIMIT
    found = departures.confirmed(loop, bot, 1)
    assert found is not None
    assert found is not leave
    assert departures.confirmed(loop, bot, 1) is None


async def test_the_channel_that_was_asked_for_last_wins(world: World) -> None:
    voice = await world.connect()
    general, music = voice.channel, next(c for c in world.bot.guilds[0].voice_channels if c.name == "Music")
    first = asyncio.create_task(voice.move_to(music))
    await asyncio.sleep(0)
    await voice.move_to(general)
    with pytest.raises(library.ClientException, match="Another move"):
        await first
    assert voice.channel == general
    await until(lambda: world.discord.bot_voice_state().channel_id == general.id)
    await voice.move_to(music)
    assert voice.channel == music


async def test_a_move_that_comes_to_nothing_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = await world.connect()
    Held(world, monkeypatch)
    music = next(c for c in world.bot.guilds[0].voice_channels if c.name == "Music")
    with pytest.raises(asyncio.TimeoutError, match="did not move the bot"):
        await voice.move_to(music, timeout=0.1)


async def test_a_move_whose_server_comes_before_the_voice_state_is_heard(world: World) -> None:
    alice = world.discord.listen("Music", user="alice")
    voice = await world.connect()
    voice.play(Tone())
    world.discord.server_update_first = True
    await voice.move_to(next(c for c in world.bot.guilds[0].voice_channels if c.name == "Music"))
    await until(lambda: len(alice.arrivals()) > 20)
    assert voice.is_dave_connection()
    assert voice.privacy_code == alice.privacy_code


@joins_with_isocord
async def test_another_event_loop_is_refused_at_once(world: World) -> None:
    def connect() -> None:
        with pytest.raises(ClientError, match="another event loop"):
            asyncio.run(world.connect())

    await asyncio.wait_for(asyncio.to_thread(connect), 15)
    assert (await world.connect()).is_connected()


@has_sources
async def test_a_source_that_is_wrapped_while_it_plays_goes_on_where_it_is(world: World) -> None:
    alice = world.discord.listen("General", user="alice")
    voice = await world.connect()
    frames = 10_000
    tone = Tone(frames)
    voice.play(tone, lookahead=25)
    await until(lambda: len(alice.arrivals()) > 10)
    wrapped = library.PCMVolumeTransformer(tone, volume=0.5)
    voice.source = wrapped
    assert voice.source is wrapped
    await until(lambda: len(alice.arrivals()) > 60)
    voice.source = tone
    await until(lambda: len(alice.arrivals()) > 100)
    assert len(tone.readers) == 1
    # Nothing that was read was thrown away: what has not left yet is in the ring, or in the feeder's hands.
    assert frames - tone.left - voice._player.played_frames() <= 25 + 8
    voice.stop()


async def test_after_single_packets_the_bot_no_longer_counts_as_speaking(world: World) -> None:
    voice = await world.connect()
    for _ in range(3):
        voice.send_audio_packet(b"\x10\x20" * 1920)
    await until(lambda: world.discord.voice_session().speaking == 1)
    await until(lambda: world.discord.voice_session().speaking == 0)
    voice.send_audio_packet(b"\x10\x20" * 1920)
    await until(lambda: world.discord.voice_session().speaking == 1)
    assert isinstance(voice, isocord.VoiceClient)
