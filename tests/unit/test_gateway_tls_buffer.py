"""TLS connections do not hold asyncio's large read buffer."""

from __future__ import annotations

import asyncio
import sys
from asyncio import sslproto
from types import SimpleNamespace

import aiohttp
import pytest

from isocord.gateway.socket import tls_buffer
from isocord.gateway.socket.transport import _transport
from isocord.runtime.thread import GatewayThread
from isocord.testing import FakeDiscord

new_asyncio = pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio had no such buffer before")


@new_asyncio
def test_a_websocket_over_tls_reads_through_a_small_buffer() -> None:
    # As that of voice gateways, whatever the bot runs on.
    loop = asyncio.SelectorEventLoop()
    loop.run_until_complete(read_through_a_small_buffer())
    loop.close()


async def read_through_a_small_buffer() -> None:
    async with FakeDiscord(patch=False) as discord:
        url = f"wss://{discord.addresses.voice}/?v=8"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, ssl=discord.ssl_context) as websocket,
        ):
            transport = _transport(websocket)
            assert tls_buffer.shrink(transport)
            protocol = transport._ssl_protocol
            assert isinstance(protocol, sslproto.SSLProtocol)
            assert len(protocol.get_buffer(-1)) == tls_buffer.SMALL_BUFFER
            # Messages still come through it, and it stays small.
            hello = await asyncio.wait_for(websocket.receive_json(), 15)
            assert hello["op"] == 8
            assert len(protocol.get_buffer(1 << 20)) == tls_buffer.SMALL_BUFFER
            assert not tls_buffer.shrink(transport)
        # It need not wait for the server's goodbye, which may come when this loop is closed.
        transport.abort()


def test_other_transports_are_left_alone() -> None:
    assert not tls_buffer.shrink(None)
    assert not tls_buffer.shrink(SimpleNamespace(_ssl_protocol=SimpleNamespace(_ssl_buffer=b"", max_size=1 << 18)))
    assert _transport(object()) is None


def test_voice_gateways_run_on_asyncios_own_loop_whatever_the_bot_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_others() -> asyncio.AbstractEventLoop:
        raise AssertionError("its TLS could not be told to read through a small buffer")

    monkeypatch.setattr(asyncio, "new_event_loop", of_others)
    thread = GatewayThread()
    assert isinstance(thread.loop, asyncio.BaseEventLoop)
    thread.stop()
    assert thread.loop.is_closed()
