"""Websockets by way of an HTTP proxy, whose password is told to the proxy and to nobody else."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from isocord.gateway.socket.options import SocketOptions
from isocord.gateway.socket.proxy import proxy_of
from isocord.gateway.socket.transport import GatewaySocket
from isocord.runtime.thread import GatewayThread

PASSWORD = "hunter2"


class Handler:
    """Notes how a websocket was lost."""

    def __init__(self) -> None:
        self.lost = threading.Event()
        self.error = ""

    def socket_opened(self) -> None:
        raise AssertionError("nothing can open it")

    def socket_received(self, data: str | bytes) -> None:
        raise AssertionError("nothing can come")

    def socket_lost(self, code: int | None, error: str, *, trusted: bool) -> None:
        self.error = error
        self.lost.set()


class RefusingProxy:
    """A proxy that answers 407 to whatever it is asked, and notes what that was."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request and (piece := connection.recv(4096)):
                    request += piece
                self.requests.append(request.decode())
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        # Closing alone leaves a thread in accept() on Linux.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(15)


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    made = RefusingProxy()
    yield made
    made.close()


@pytest.fixture
def thread() -> Iterator[GatewayThread]:
    made = GatewayThread()
    yield made
    made.stop()


def refused(thread: GatewayThread, **options: Any) -> str:
    """The error of a websocket that cannot be opened."""
    handler = Handler()
    thread.call(lambda: GatewaySocket(thread, "127.0.0.1:9", SocketOptions(**options), handler))
    assert handler.lost.wait(20)
    return handler.error


def told(request: str) -> str:
    """User and password as a proxy got them."""
    line = next(line for line in request.splitlines() if line.lower().startswith("proxy-authorization:"))
    return base64.b64decode(line.split()[-1]).decode("latin1")


@pytest.mark.parametrize(
    ("userinfo", "expected"),
    [
        ("user:hunter2", "user:hunter2"),
        ("us%40er:hunter2%2Fa", "us@er:hunter2/a"),
        ("user:hunter2@home/#?", "user:hunter2@home/#?"),
        ("hunter2", "hunter2:"),
    ],
)
def test_a_proxy_gets_the_password_and_the_error_does_not(
    proxy: RefusingProxy, thread: GatewayThread, userinfo: str, expected: str
) -> None:
    error = refused(thread, proxy=f"http://{userinfo}@{proxy.address}")
    assert "407" in error
    assert proxy.address in error
    assert PASSWORD not in error
    assert told(proxy.requests[0]) == expected


# Bots still give it so; aiohttp 3.14 would rather have a header.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
def test_a_password_that_is_given_apart(proxy: RefusingProxy, thread: GatewayThread) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    auth = aiohttp.BasicAuth("user", PASSWORD)
    error = refused(thread, proxy=f"http://{proxy.address}", proxy_auth=auth)
    assert "407" in error
    assert PASSWORD not in error
    assert told(proxy.requests[0]) == f"user:{PASSWORD}"


@pytest.mark.parametrize(
    "malformed",
    [
        f"http://user:{PASSWORD}@127.0.0.1:port",
        f"http://user:{PASSWORD}@[::1",
        f"user:{PASSWORD}@127.0.0.1:9",
        f"http//user:{PASSWORD}@127.0.0.1:9",
        f"socks5://user:{PASSWORD}@127.0.0.1:9",
        f"http://us%3Aer:{PASSWORD}@127.0.0.1:9",
        f"http://user:{PASSWORD}@",
    ],
)
def test_a_malformed_proxy_does_not_show_its_password(thread: GatewayThread, malformed: str) -> None:
    error = refused(thread, proxy=malformed)
    assert error.startswith("the voice server could not be reached: ")
    assert PASSWORD not in error


def test_texts_lose_the_password_in_whatever_form() -> None:
    proxy = proxy_of(SocketOptions(proxy="http://user:hunter2%21@host:80"))
    text = proxy.scrub(f"no http://user:hunter2%21@host:80, {proxy.authorization}, hunter2!, hunter2%21 at host:80")
    assert text == "no ***, ***, ***, *** at host:80"
    assert "hunter2" not in repr(proxy)


def test_a_short_password_is_not_told_by_what_is_missing() -> None:
    proxy = proxy_of(SocketOptions(proxy="http://user:o@host:80"))
    assert proxy.scrub("could not connect, user:o@host") == "could not connect, ***host"
