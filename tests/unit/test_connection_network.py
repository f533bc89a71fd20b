"""What the network does to an established connection: another address, and no way to the server any more."""

from __future__ import annotations

from typing import Any

import pytest

from isocord import _native
from isocord.connection.states import Phase, Reason

from .connection_world import FakeDiscovered, World
from .fakes import wait_until

pytestmark = pytest.mark.usefixtures("fake_native")


class Elsewhere(FakeDiscovered):
    address, port = "5.6.7.8", 999


def selected(world: World) -> list[Any]:
    return [message["d"]["data"] for socket in world.server.sockets for message in socket.sent if message["op"] == 1]


def test_another_address_is_told_and_its_keys_taken_while_sound_goes_on(world: World) -> None:
    world.connect()
    world.play()
    wait_until(lambda: "play" in world.server.story)
    world.native.on_event(Elsewhere())
    wait_until(lambda: world.server.story.count("session") == 2)
    assert [(one["address"], one["port"]) for one in selected(world)] == [("1.2.3.4", 4321), ("5.6.7.8", 999)]
    assert (world.connection.flow.sessions, world.connection.flow.reconnects) == (1, 0)
    assert world.connection.state.phase is Phase.CONNECTED
    assert "session ends" not in world.native.commands
    assert len(world.native.opened) == 1
    assert world.server.story.count("play") == 1


def test_the_keys_of_another_address_are_followed_by_a_key_package(world: World) -> None:
    world.connect()
    encryption = world.connection._driver.media.encryption
    assert encryption is not None
    heard = encryption._session.heard  # type: ignore[attr-defined]
    assert [op for op, *_ in heard].count(4) == 1
    world.native.on_event(Elsewhere())
    wait_until(lambda: [op for op, *_ in heard].count(4) == 2)


def test_another_address_waits_for_the_resume(world: World) -> None:
    world.connect()

    def cut_and_move() -> None:
        world.server.lose(None)
        world.connection._driver.media.take_native(Elsewhere())  # type: ignore[arg-type]
        assert len(selected(world)) == 1

    world.on_thread(cut_and_move)
    wait_until(lambda: len(selected(world)) == 2)
    assert world.connection.flow.resumes == 1


def test_a_socket_that_leads_nowhere_is_replaced_without_a_leave(world: World) -> None:
    world.connect()
    world.play()
    world.native.on_event(_native.DiscoveryFailed())  # type: ignore[call-arg]
    wait_until(lambda: world.connection.flow.reconnects == 1)
    assert len(world.native.opened) == 2
    assert "session ends" in world.native.commands
    lost = next(state for state in world.bot.states if state.phase is Phase.RECONNECTING)
    assert lost.reason is Reason.UDP_BROKEN
    assert world.bot.voice_states == [100, 100]


def test_a_socket_that_leads_nowhere_is_replaced_after_the_resume_too(world: World) -> None:
    world.connect()

    def cut_and_fail() -> None:
        world.server.lose(None)
        world.connection._driver.media.take_native(_native.DiscoveryFailed())  # type: ignore[call-arg]

    world.on_thread(cut_and_fail)
    wait_until(lambda: world.connection.flow.reconnects == 1)
    assert world.connection.flow.resumes == 1
