"""How a voice client finds a media node, and what it says where it finds none."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

import isocord
from isocord.remote import MediaNode, NodeAddress, link, voice_client

from .carriers import addresses, carried
from .world import World, has_sources, joins_with_isocord, until

pytestmark = [has_sources, joins_with_isocord, pytest.mark.carried_here("the tests say themselves where it is carried")]


class Discovery:
    """Gives the nodes, unless it is down."""

    def __init__(self, nodes: list[MediaNode]) -> None:
        self.nodes = nodes
        self.fails = 0

    def __call__(self) -> list[NodeAddress]:
        if self.fails:
            self.fails -= 1
            raise OSError("discovery is down")
        return addresses(self.nodes)


async def test_what_gives_the_nodes_may_fail_for_once(
    world: World, nodes: list[MediaNode], caplog: pytest.LogCaptureFixture
) -> None:
    discovery = Discovery(nodes)
    discovery.fails = 2
    # Without a word of the failure the handshake would be waited for, ten seconds each time.
    voice = await world.connect(voice_client(discovery), timeout=10.0)
    assert carried(nodes) == [1, 0]
    assert "What gives the media nodes has failed" in caplog.text
    discovery.fails = 1
    before = len(world.events)
    nodes[0].close()
    await until(lambda: carried(nodes)[1] == 1 and voice.state.phase is isocord.Phase.CONNECTED, 30.0)
    states = [args[1] for name, args in world.events[before:] if name == "voice_connection_state_update"]
    reasons = {state.reason for state in states if state.phase is isocord.Phase.RECONNECTING}
    assert reasons == {isocord.Reason.NODE_LOST}
    await voice.disconnect()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: 1 // 0, "what gives the media nodes has failed: ZeroDivisionError"),
        (lambda: ["127.0.0.1:5"], "what gives the media nodes has failed: TypeError"),
        (lambda: [], "there is no media node"),
    ],
)
async def test_where_it_finds_none_the_error_says_why(world: World, wrong: Callable[[], Any], told: str) -> None:
    with pytest.raises(isocord.IsocordError, match=told):
        await world.connect(voice_client(wrong))


async def test_a_wrong_key_is_said(world: World, nodes: list[MediaNode], caplog: pytest.LogCaptureFixture) -> None:
    address = nodes[0].address
    wrong = NodeAddress(address.host, address.port, address.certificate, bytes(32))
    with pytest.raises(isocord.IsocordError, match=f"{address.port}: the key is not this node's"):
        await world.connect(voice_client(wrong))
    assert "Traceback" not in caplog.text


async def test_a_node_that_says_nothing_is_named(
    world: World, nodes: list[MediaNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_OPEN_LIMIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = NodeAddress("127.0.0.1", port, nodes[0].address.certificate, nodes[0].address.key)
        with pytest.raises(isocord.IsocordError, match=f"media node 127.0.0.1:{port}: it does not answer"):
            await world.connect(voice_client(address))
