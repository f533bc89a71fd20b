"""How the gateway thread's loop looks at its sockets: seldom, and yet always again."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("loops of Windows have no selector", allow_module_level=True)

from isocord.runtime.selector import SteadySelector


def rounds_until_it_is_read(selector: SteadySelector, limit: int = 100) -> int:
    """How often a loop that always has something to do turns until it reads a socket with something in it."""
    loop = asyncio.SelectorEventLoop(selector)
    here, there = socket.socketpair()
    rounds = 0

    def go_on() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < limit:
            loop.call_soon(go_on)
        else:
            loop.stop()

    with here, there:
        there.send(b"x")
        loop.add_reader(here, loop.stop)
        loop.call_soon(go_on)
        loop.run_forever()
        loop.remove_reader(here)
    loop.close()
    return rounds


def test_who_always_has_something_to_do_reads_its_sockets_all_the_same() -> None:
    assert 2 < rounds_until_it_is_read(SteadySelector()) < 10


def test_a_loop_that_has_nothing_to_do_waits_for_its_sockets() -> None:
    selector = SteadySelector()
    here, there = socket.socketpair()
    with selector, here, there:
        selector.register(here, 1)
        for _ in range(20):
            there.send(b"x")
            assert selector.select(10.0)
            here.recv(1)
