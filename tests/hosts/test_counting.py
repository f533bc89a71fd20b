"""What a voice client counts while its sound goes from one media node to another."""

from __future__ import annotations

import pytest

import isocord
from isocord.remote import MediaNode, voice_client

from .carriers import addresses, carried
from .world import Tone, World, has_sources, heard, joins_with_isocord, received, until

pytestmark = [has_sources, joins_with_isocord, pytest.mark.carried_here("the tests say themselves where it is carried")]


async def test_counters_go_on_where_a_node_is_lost(world: World, nodes: list[MediaNode]) -> None:
    voice = await world.connect(voice_client(addresses(nodes)))
    listening = voice.listen()
    alice = world.discord.speak("General", user="alice")
    alice.play(b"\x10\x20" * 1920 * 5_000)
    voice.play(Tone())
    await until(lambda: voice.stats.packets_sent > 100)
    await heard(voice, alice, 50)
    before, came = voice.stats, received(voice, alice)
    nodes[0].close()
    await until(lambda: carried(nodes)[1] == 1 and voice.state.phase is isocord.Phase.CONNECTED)
    assert voice.stats.packets_sent >= before.packets_sent
    # As many again leave and come at the other one.
    await until(lambda: voice.stats.packets_sent >= before.packets_sent + 50)
    await until(lambda: received(voice, alice) >= came + 25)
    there = next(iter(nodes[1].stats().values())).packets_sent
    after = voice.stats
    assert after.packets_sent >= before.packets_sent + there
    assert after.bytes_sent > before.bytes_sent
    assert after.gateway_messages > before.gateway_messages
    assert sum(count for _, count in after.lateness_histogram) > sum(count for _, count in before.lateness_histogram)
    assert after.lateness_p50 <= after.lateness_p99 <= after.lateness_max
    listening.close()
    await voice.disconnect()


async def test_a_node_that_is_drained_tells_what_it_has_counted(world: World, nodes: list[MediaNode]) -> None:
    voice = await world.connect(voice_client(addresses(nodes)))
    voice.play(Tone())
    await until(lambda: nodes[0].stats() and next(iter(nodes[0].stats().values())).packets_sent > 50)
    # Nobody has asked for what that was.
    nodes[0].drain(0.1)
    await until(lambda: carried(nodes) == [0, 1] and voice.state.phase is isocord.Phase.CONNECTED)
    await until(lambda: next(iter(nodes[1].stats().values())).packets_sent > 0)
    there = next(iter(nodes[1].stats().values())).packets_sent
    assert voice.stats.packets_sent >= there + 50
    await voice.disconnect()
