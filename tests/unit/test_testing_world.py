"""Guilds, channels and users by name, id and object."""

from __future__ import annotations

import pytest

from isocord.testing import ChannelKind, GuildSpec, NotFoundError
from isocord.testing.ground.world import VoiceState, World


def test_what_a_bot_has_written_down_has_its_id() -> None:
    world = World([GuildSpec(id=7, text={"log": 8}, voice={"General": 9, "Music": 10}, members={"dora": 11})])
    guild = world.guild(7)
    assert [(channel.id, channel.name) for channel in guild.channels.values()][:3] == [
        (8, "log"),
        (9, "General"),
        (10, "Music"),
    ]
    assert world.user(11).name == "dora" and 11 in guild.members


def test_things_are_found_by_name_id_and_object() -> None:
    world = World()
    guild = world.guild()
    general = guild.channel("General")
    assert world.channel("General") is world.channel(general.id) is world.channel(general) is general
    assert world.user("alice") is world.user(world.user("alice").id)
    assert guild.member("alice").user is world.user("alice")
    for find in (world.channel, world.user, world.guild, guild.channel, guild.member):
        with pytest.raises(NotFoundError):
            find("nobody")


def test_guilds_as_specified() -> None:
    spec = GuildSpec("Radio", text=(), voice=("Studio",), stage=("Hall",), members=("dora",))
    world = World([spec, GuildSpec("Other", members=("dora",))], bot_name="dj")
    radio, other = world.guilds.values()
    assert [(c.name, c.kind) for c in radio.channels.values()] == [
        ("Studio", ChannelKind.VOICE),
        ("Hall", ChannelKind.STAGE),
    ]
    assert radio.member("dora").user is other.member("dora").user
    assert radio.member("dj").user is world.bot


def test_ids_are_snowflakes_that_never_repeat() -> None:
    world = World(3)
    ids = [*world.users, *world.guilds, *(c for g in world.guilds.values() for c in g.channels)]
    assert len(set(ids)) == len(ids)
    assert all(1 << 50 < i < 1 << 63 for i in ids)


def test_who_may_speak_and_hear() -> None:
    state = VoiceState(1, 2, 3, "session")
    assert state.can_speak
    assert state.can_hear
    assert not VoiceState(1, 2, 3, "session", mute=True).can_speak
    assert not VoiceState(1, 2, 3, "session", suppress=True).can_speak
    assert VoiceState(1, 2, 3, "session", self_mute=True).can_hear
    assert not VoiceState(1, 2, 3, "session", self_deaf=True).can_hear
