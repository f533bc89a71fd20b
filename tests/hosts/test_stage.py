"""Stage channels: everybody enters as audience, which is no failure."""

from __future__ import annotations

import asyncio

import pytest

import isocord

from .world import Tone, World, until


@pytest.fixture
def stage(world: World) -> object:
    channels = world.guild.stage_channels
    if not channels:
        pytest.skip("this library shows no stage channels")
    return channels[0]


async def test_a_suppressed_bot_plays_to_nobody_and_is_heard_once_it_may_speak(world: World, stage: object) -> None:
    alice = world.discord.listen("Stage", user="alice")
    voice = await asyncio.wait_for(stage.connect(cls=isocord.VoiceClient), 15)  # type: ignore[attr-defined]
    assert voice.is_connected()
    assert world.discord.bot_voice_state().suppress
    voice.play(Tone())
    await until(lambda: voice.stats.packets_sent > 20)
    assert voice.is_playing()
    assert not alice.arrivals()
    world.discord.moderate(world.discord.bot, suppress=False)
    await until(lambda: len(alice.arrivals()) > 20)
    world.discord.moderate(world.discord.bot, suppress=True)
    heard = voice.stats.packets_sent
    await until(lambda: voice.stats.packets_sent > heard + 20)
    assert voice.is_connected()
    assert (voice.stats.resumes, voice.stats.reconnects) == (0, 0)


async def test_from_a_stage_to_a_channel_and_back(world: World, stage: object) -> None:
    alice = world.discord.listen("General", user="alice")
    voice = await stage.connect(cls=isocord.VoiceClient, timeout=30)  # type: ignore[attr-defined]
    voice.play(Tone())
    await voice.move_to(world.channel("General"))
    await until(lambda: len(alice.arrivals()) > 10)
    await voice.move_to(stage)
    assert voice.is_playing()
    assert voice.channel == stage
