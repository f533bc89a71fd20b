"""A connection whose media node ends, or is drained: another one carries it, and a listener hears it go on."""

from __future__ import annotations

import pytest

import isocord
from isocord.remote import MediaNode, voice_client
from isocord.remote.client import carried_at
from tests.hosts.world import Tone, World, joins_with_isocord, until

pytestmark = joins_with_isocord


async def heard(world: World, listener: object, more: int = 25) -> None:
    before = len(listener.arrivals())  # type: ignore[attr-defined]
    await until(lambda: len(listener.arrivals()) >= before + more)  # type: ignore[attr-defined]


async def test_a_drained_node_hands_its_connections_over(world: World) -> None:
    with MediaNode() as first, MediaNode() as second:
        listener = world.discord.listen("General", user="alice")
        voice = await world.connect(voice_client([first.address, second.address]))
        voice.play(Tone())
        await heard(world, listener)
        assert (first.connections, second.connections) == (1, 0)
        first.drain(within=10.0)
        await until(lambda: carried_at(voice) == second.address)
        await heard(world, listener)
        assert first.draining and (first.connections, second.connections) == (0, 1)
        assert voice.is_playing() and voice.state.phase is isocord.Phase.CONNECTED
        assert voice.stats.reconnects == 1
        await voice.disconnect()


async def test_a_node_that_is_closed_is_followed_by_another_one(world: World) -> None:
    with MediaNode() as first, MediaNode() as second:
        listener = world.discord.listen("General", user="alice")
        voice = await world.connect(voice_client([first.address, second.address]))
        voice.play(Tone())
        await heard(world, listener)
        first.close()
        await until(lambda: carried_at(voice) == second.address)
        await heard(world, listener)
        assert any(
            args[1].reason is isocord.Reason.NODE_LOST
            for name, args in world.events
            if name == "voice_connection_state_update"
        )
        await voice.disconnect()


async def test_without_another_node_a_drained_one_carries_on_until_its_end(world: World) -> None:
    with MediaNode() as only:
        listener = world.discord.listen("General", user="alice")
        voice = await world.connect(voice_client(only.address))
        voice.play(Tone())
        await heard(world, listener)
        only.drain(within=1.0)
        await until(lambda: only.draining)
        assert voice.state.phase is isocord.Phase.CONNECTED
        await until(lambda: voice.state.phase is isocord.Phase.RECONNECTING)
        await voice.disconnect(force=True)


async def test_what_cannot_be() -> None:
    with MediaNode() as node, pytest.raises(ValueError, match="negative"):
        node.drain(within=-1.0)
