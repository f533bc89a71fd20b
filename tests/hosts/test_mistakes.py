"""What bots do wrong with voice: each is told at once, in one line, and nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import isocord

from .world import LIBRARY, Tone, World, library, logged_in, testing, until

if LIBRARY == "hikari":
    pytest.skip("hikari looks for the like before it asks for a connection", allow_module_level=True)


def one(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return sum(words in record.getMessage() for record in caplog.records if record.levelno == logging.WARNING) == 1


async def refused(world: World, words: str) -> None:
    """A join is refused with these words, without a word to Discord, and leaves no client behind."""
    joins = len([entry for entry in world.discord.events if entry.op == 4 and entry.direction == "received"])
    with pytest.raises(isocord.ConnectError, match=words) as caught:
        await asyncio.wait_for(world.connect(), 15)
    assert isinstance(caught.value, library.ClientException)
    assert len([e for e in world.discord.events if e.op == 4 and e.direction == "received"]) == joins
    assert not world.bot.voice_clients
    assert world.guild.voice_client is None


async def test_a_missing_intent_is_told_before_anything_waits() -> None:
    intents = library.Intents.default()
    intents.voice_states = False
    async with testing.FakeDiscord() as discord:
        async with discord.running(library.Client(intents=intents)) as bot:
            world = World(discord, bot)
            discord.listen("General", user="alice")
            await refused(world, r"intents lack voice_states.*`intents\.voice_states = True`")
        assert not [entry for entry in discord.events if entry.name == "VOICE_STATE_UPDATE"]


async def test_a_missing_permission_is_told_and_may_be_given(world: World) -> None:
    world.discord.deny("General", connect=True)
    await until(lambda: not world.channel().permissions_for(world.guild.me).connect)
    await refused(world, "may not enter General: it lacks the permission Connect there")
    world.discord.deny("General", view_channel=True)
    await until(lambda: not world.channel().permissions_for(world.guild.me).view_channel)
    await refused(world, "lacks the permissions View Channel and Connect")
    voice = await world.connect(name="Music")
    with pytest.raises(isocord.ConnectError, match="may not enter General"):
        await voice.move_to(world.channel())
    assert voice.is_connected()
    world.discord.deny("General", connect=False, view_channel=False)
    await until(lambda: world.channel().permissions_for(world.guild.me).connect)
    await voice.move_to(world.channel())
    assert voice.channel == world.channel()


async def test_a_permission_that_is_taken_while_the_bot_joins_is_told(world: World) -> None:
    # The bot has not heard of it yet when it joins.
    world.discord.deny("General", connect=True)
    with pytest.raises(isocord.ConnectError, match="lacks the permission Connect"):
        # Long before the time is over.
        await asyncio.wait_for(world.connect(timeout=60.0), 15)
    assert not world.bot.voice_clients


async def test_a_full_channel_is_told_and_those_who_move_others_come_in(world: World) -> None:
    world.discord.listen("General", user="alice")
    world.discord.listen("General", user="bob")
    world.discord.limit_users("General", 2)
    await until(lambda: world.channel().user_limit == 2 and len(world.channel().voice_states) == 2)
    await refused(world, "General is full: 2 of 2 users")
    world.discord.allow("General", move_members=True)
    await until(lambda: world.channel().permissions_for(world.guild.me).move_members)
    voice = await world.connect()
    assert voice.is_connected()
    # Now it is one of those who are in it.
    world.discord.allow("General", move_members=False)
    await until(lambda: not world.channel().permissions_for(world.guild.me).move_members)
    await voice.disconnect()
    await until(lambda: len(world.channel().voice_states) == 2)
    await refused(world, "General is full")


async def test_a_bot_that_may_not_speak_is_told_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    alice = world.discord.listen("General", user="alice")
    world.discord.deny("General", speak=True)
    voice = await world.connect()
    await until(lambda: world.discord.bot_voice_state().suppress)
    voice.play(Tone())
    assert one(caplog, "Nobody hears what plays: the bot lacks the permission Speak in General")
    world.discord.deny("General", speak=False)
    await until(lambda: len(alice.arrivals()) > 10)
    world.discord.moderate(world.discord.bot, mute=True)
    await until(lambda: one(caplog, "Nobody hears what plays: a moderator has muted the bot on the server"))


async def test_a_bot_in_the_audience_is_told_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    channels: list[Any] = world.guild.stage_channels
    if not channels:
        pytest.skip("this library shows no stage channels")
    alice = world.discord.listen("Stage", user="alice")
    voice = await asyncio.wait_for(channels[0].connect(cls=isocord.VoiceClient), 15)
    await until(lambda: voice._unheard)
    voice.play(Tone())
    assert one(caplog, "Nobody hears what plays: the bot is in the audience of Stage")
    with pytest.raises(library.Forbidden):
        await world.guild.me.edit(suppress=False)
    await world.guild.me.request_to_speak()
    assert world.discord.bot_voice_state().request_to_speak
    assert not alice.arrivals()
    world.discord.allow("Stage", mute_members=True)
    await world.guild.me.edit(suppress=False)
    await until(lambda: len(alice.arrivals()) > 10)


async def test_a_bot_that_may_not_write_is_refused_as_by_discord(world: World) -> None:
    world.discord.deny("general", send_messages=True)
    with pytest.raises(library.Forbidden) as caught:
        await world.guild.text_channels[0].send("hello")
    assert caught.value.code == 50013
    with pytest.raises(TypeError, match=r"no permission 'conect'; there are: .*connect"):
        world.discord.deny("General", conect=True)


async def test_a_channel_that_is_none_for_voice_is_told() -> None:
    async with logged_in(guilds=2) as world:
        text = world.guild.text_channels[0]
        with pytest.raises(TypeError, match="general is no voice channel, but a TextChannel"):
            isocord.VoiceClient(world.bot, text)
        voice = await world.connect()
        with pytest.raises(isocord.ConnectError, match="general is no voice channel"):
            await voice.move_to(text)
        with pytest.raises(isocord.ClientError, match="General is in another guild"):
            await voice.move_to(world.bot.guilds[1].voice_channels[0])
        assert voice.is_connected()


async def test_what_comes_before_connecting_is_told(world: World) -> None:
    voice = isocord.VoiceClient(world.bot, world.channel())
    for early in (lambda: voice.play(Tone()), voice.listen, lambda: voice.stats):
        with pytest.raises(isocord.ClientError, match=r"`voice = await channel\.connect\(.*\)` comes first"):
            early()
    voice = await world.connect()
    world.discord.kick_bot()
    await voice.wait_for_state(isocord.Phase.DISCONNECTED, timeout=15)
    with pytest.raises(isocord.ClientError, match=r"Not connected to voice: disconnected .the bot was disconnected"):
        voice.play(Tone())


async def test_a_token_that_two_use_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.connect()
    async with world.discord.running(library.Client(intents=library.Intents.default())) as other:
        voice = isocord.VoiceClient(other, other.guilds[0].voice_channels[0])
        joining = asyncio.ensure_future(voice.connect(timeout=30))
        await until(lambda: one(caplog, "Another client of this bot, with the same token"))
        await asyncio.wait([joining])
        joining.exception()
