"""One websocket against a voice server that means no good: it is lost with a reason, and nothing is told elsewhere."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from isocord.gateway.socket.connector import plan_of
from isocord.gateway.socket.options import SocketOptions
from isocord.gateway.socket.transport import MAX_MESSAGE, GatewaySocket
from isocord.runtime.thread import GatewayThread
from isocord.testing.wire.certificate import Certificate

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
CERTIFICATE = Certificate()


class Handler:
    """Notes what a socket reports; a test may have it raise."""

    def __init__(self) -> None:
        self.lost = threading.Event()
        self.reports: list[tuple[int | None, str, bool]] = []
        self.received: list[str | bytes] = []
        self.on_open: Callable[[], object] = lambda: None
        self.on_message: Callable[[str | bytes], object] = self.received.append

    def socket_opened(self) -> None:
        self.on_open()

    def socket_received(self, data: str | bytes) -> None:
        self.on_message(data)

    def socket_lost(self, code: int | None, error: str, *, trusted: bool) -> None:
        self.reports.append((code, error, trusted))
        self.lost.set()

    @property
    def error(self) -> str:
        assert self.lost.wait(15)
        ((_, error, _),) = self.reports
        return error


class Ground:
    """A gateway thread with servers on it."""

    def __init__(self) -> None:
        self.thread = GatewayThread()
        self.requests: list[str] = []
        self.servers: list[asyncio.Server] = []
        self._runners: list[web.AppRunner] = []

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.thread.loop).result(10)

    def serve(self, answer: Answer, *, tls: bool = True) -> str:
        async def note(request: web.Request) -> web.StreamResponse:
            self.requests.append(f"{request.scheme}:{request.path_qs}")
            return await answer(request)

        async def start() -> str:
            app = web.Application()
            app.router.add_get("/{tail:.*}", note)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            self._runners.append(runner)
            await runner.setup()
            context = CERTIFICATE.server_context() if tls else None
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            host, port = runner.addresses[0][:2]
            return f"{host}:{port}"

        address: str = self.run(start())
        return address

    def open(self, endpoint: str, handler: Handler, **options: Any) -> GatewaySocket:
        context = ssl.create_default_context(cadata=CERTIFICATE.ca_pem)

        async def make() -> GatewaySocket:
            return GatewaySocket(self.thread, endpoint, SocketOptions(ssl=context, **options), handler)

        made: GatewaySocket = self.run(make())
        return made

    def close(self) -> None:
        async def stop() -> None:
            for runner in self._runners:
                connected = [connection.transport for connection in runner.server.connections]
                await runner.cleanup()
                # Encrypted ones would wait for a goodbye.
                for transport in filter(None, connected):
                    transport.abort()
            for server in self.servers:
                server.close()

        self.run(stop())
        self.thread.stop()


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = Ground()
    yield made
    made.close()


def sends(*messages: str | bytes) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        for message in messages:
            await (websocket.send_str(message) if isinstance(message, str) else websocket.send_bytes(message))
        async for message in websocket:
            if message.type is WSMsgType.ERROR:
                break
        return websocket

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("tls", [False, True])
def test_no_redirect_is_followed(ground: Ground, status: int, tls: bool) -> None:
    elsewhere = ground.serve(sends("{}"), tls=tls)

    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"{'https' if tls else 'http'}://{elsewhere}/?v=8"})

    handler = Handler()
    ground.open(ground.serve(redirect), handler)
    assert f"{status}, a redirect, which is not followed" in handler.error
    assert ground.requests == ["https:/?v=8"]
    assert handler.received == []


def test_the_version_is_named(ground: Ground) -> None:
    handler = Handler()
    arrived = threading.Event()
    handler.on_message = lambda _: arrived.set()
    ground.open(ground.serve(sends("{}")), handler)
    assert arrived.wait(15)
    assert ground.requests == ["https:/?v=8"]


@pytest.mark.parametrize("endpoint", ["evil@{}", "{}/path", "{}#x", "{}?x", "wss://{}", "", "{}:1"])
def test_an_address_that_leads_elsewhere_is_refused_at_once(ground: Ground, endpoint: str) -> None:
    handler = Handler()
    ground.open(endpoint.format(ground.serve(sends("{}"))), handler)
    assert "does not connect to the voice server address" in handler.error
    assert not handler.reports[0][2]
    assert ground.requests == []


@pytest.mark.parametrize("message", ["x" * (MAX_MESSAGE + 1), bytes(MAX_MESSAGE + 1)], ids=["text", "binary"])
def test_a_message_that_is_too_long_is_not_put_together(ground: Ground, message: str | bytes) -> None:
    handler = Handler()
    ground.open(ground.serve(sends(message)), handler)
    assert "exceeds limit" in handler.error
    assert handler.received == []


class PanicError(BaseException):
    """As the native side's, which is no Exception."""


@pytest.mark.parametrize("error", [OverflowError("x"), RecursionError("x"), PanicError("x")])
@pytest.mark.parametrize("where", ["on_open", "on_message"])
def test_whatever_a_handler_raises_is_a_loss_at_once(ground: Ground, error: BaseException, where: str) -> None:
    def fail(*_: object) -> None:
        raise error

    handler = Handler()
    setattr(handler, where, fail)
    ground.open(ground.serve(sends("{}")), handler)
    assert handler.error == f"isocord itself failed: {type(error).__name__}"


def test_a_message_that_cannot_be_written_is_a_loss_at_once(ground: Ground) -> None:
    handler = Handler()
    socket = ground.open(ground.serve(sends()), handler)
    ground.thread.call(socket.write, "\ud800")
    assert handler.error == "isocord itself failed: UnicodeEncodeError"


def test_a_closed_socket_is_gone_without_a_garbage_collection(ground: Ground) -> None:
    handler = Handler()
    opened = threading.Event()
    handler.on_open = opened.set
    socket = ground.open(ground.serve(sends()), handler)
    assert opened.wait(15)
    remembered = weakref.ref(socket)
    gc.disable()
    try:
        ground.thread.call(socket.close, 1000)
        del socket
        deadline = time.monotonic() + 15
        while remembered() is not None and time.monotonic() < deadline:
            # Without the GIL, what one thread made and another let go last is gone when the former next runs.
            ground.thread.call(gc.isenabled)
            time.sleep(0.01)
        assert remembered() is None, "its TLS buffers wait for Python to look for circles"
    finally:
        gc.enable()


def test_one_server_that_floods_leaves_the_thread_to_others(ground: Ground) -> None:
    handler = Handler()
    seen: list[int] = []
    ready = threading.Event()

    def on_message(_: str | bytes) -> None:
        handler.received.append("")
        if len(handler.received) == 1:
            # Queued behind the message that is being read: due when the thread is given to others.
            ground.thread.loop.call_soon(lambda: (seen.append(len(handler.received)), ready.set()))

    handler.on_message = on_message
    ground.open(ground.serve(sends(*["x"] * 2000)), handler)
    assert ready.wait(15)
    assert seen[0] <= 64


def test_a_socks_connector_of_the_bot_is_used(ground: Ground) -> None:
    socks = pytest.importorskip("aiohttp_socks")
    asked: list[bytes] = []
    target = ground.serve(sends("hello"))
    handler = Handler()
    arrived = threading.Event()
    handler.on_message = lambda _: arrived.set()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SOCKS 5 with a user and a password (RFC 1928, RFC 1929)."""
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x02")
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x01\x00")
        head = await reader.readexactly(4)
        assert head[3] == 1
        asked.extend([user, password, await reader.readexactly(6)])
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        host, port = target.split(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))

        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(4096):
                sink.write(data)
            sink.close()

        await asyncio.gather(pipe(reader, upstream_writer), pipe(upstream_reader, writer), return_exceptions=True)

    async def start() -> int:
        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        ground.servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def of_the_bot(port: int) -> Any:
        async with socks.ProxyConnector.from_url(f"socks5://user:hunter2@127.0.0.1:{port}") as connector:
            return plan_of(connector)

    # The bot's own connector belongs to a loop that is not the gateway thread's.
    plan = asyncio.run(of_the_bot(ground.run(start())))
    assert plan is not None
    assert "hunter2" not in repr(SocketOptions(connector=plan))
    socket = ground.open(target, handler, connector=plan)
    assert arrived.wait(15)
    assert asked[:2] == [b"user", b"hunter2"]
    assert int.from_bytes(asked[2][4:], "big") == int(target.split(":")[1])
    ground.thread.call(socket.close, 1000)
