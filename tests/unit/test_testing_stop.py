"""What is left when the fake Discord stops: nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings

import pytest
from aiohttp import web

from isocord import testing
from isocord.testing.server.listening import HOST, Listening
from isocord.testing.wire.certificate import Certificate

UPGRADE = (
    b"GET /?v=8 HTTP/1.1\r\nHost: voice\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("far", ["connected", "encrypted", "asking", "answered"])
def test_a_client_that_says_no_goodbye_leaves_no_socket_open(far: str) -> None:
    context = ssl.create_default_context()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with testing.FakeDiscord() as discord:
            context.load_verify_locations(cadata=discord.addresses.ca_pem)
            host, port = discord.addresses.voice.split(":")
            client = socket.create_connection((host, int(port)), timeout=15)
            if far != "connected":
                client = context.wrap_socket(client, server_hostname=host)
            if far in ("asking", "answered"):
                client.sendall(UPGRADE)
            if far == "answered":
                assert client.recv(1024).startswith(b"HTTP/1.1 101")
        gc.collect()
    client.close()
    assert [str(warning.message) for warning in told if issubclass(warning.category, ResourceWarning)] == []


def test_who_is_let_in_just_before_the_port_closes_leaves_no_socket_open() -> None:
    async def let_in_and_close() -> None:
        loop = asyncio.get_running_loop()
        listening = await Listening.open(web.Application(), Certificate().server_context())
        with socket.create_connection((HOST, listening.port), timeout=15):
            closing: list[asyncio.Task[None]] = []
            # In the turn in which the client is let in, and before its own task takes a step.
            loop.call_soon(lambda: closing.append(loop.create_task(listening.close())))
            await asyncio.sleep(0)
            await closing[0]
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    loop = asyncio.SelectorEventLoop()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loop.run_until_complete(let_in_and_close())
        loop.close()
        gc.collect()
    assert [str(warning.message) for warning in told if issubclass(warning.category, ResourceWarning)] == []
