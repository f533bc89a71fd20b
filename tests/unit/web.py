"""A web server on 127.0.0.1 that does what a test tells it to: nicely, or as badly as servers do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import Self


@dataclass
class Request:
    """What was asked for, and the socket on which to answer."""

    path: str
    headers: dict[str, str]
    socket: socket.socket
    number: int
    """How many came before it for the same path."""
    stopped: threading.Event

    @property
    def start(self) -> int | None:
        """Where the range that is asked for begins."""
        value = self.headers.get("range", "")
        return int(value.removeprefix("bytes=").split("-")[0]) if value else None

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self, status: str, **headers: object) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def reset(self) -> None:
        """Breaks the connection, and does not end it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Answer = Callable[[Request], None]


@dataclass
class Web:
    """Answers by path; each connection is for one request."""

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopped = threading.Event()
        self._socket = socket.create_server((self.host, 0), backlog=64)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        # Wakes accept() on every system.
        with contextlib.suppress(OSError):
            socket.create_connection(self._socket.getsockname(), 1).close()
        self._threads[0].join()
        self._socket.close()
        for request in self.requests:
            with contextlib.suppress(OSError):
                request.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(15)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def _accept(self) -> None:
        while not self._stopped.is_set():
            connection, _ = self._socket.accept()
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self.tls is not None:
                secured = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                connection = stack.enter_context(secured)
                secured.do_handshake()
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65_536)
                if not piece:
                    return
                data += piece
            first, *lines = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
            path = first.split(" ")[1]
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            request = Request(path, headers, connection, len(self.asked(path)), self._stopped)
            self.requests.append(request)
            answer = self.answers.get(path.split("?")[0])
            if answer is None:
                request.head("404 Not Found", Content_Length=0)
            else:
                answer(request)


def file(data: bytes, *, ranges: bool = True, cut: int | None = None, **headers: object) -> Answer:
    """A file; with ``cut`` each connection breaks after so many bytes."""

    def answer(request: Request) -> None:
        start = request.start if ranges else None
        if start is not None and start >= len(data):
            request.head("416 Range Not Satisfiable", Content_Range=f"bytes */{len(data)}", Content_Length=0)
            return
        if start is None:
            request.head("200 OK", Content_Length=len(data), **headers)
        else:
            whole = f"bytes {start}-{len(data) - 1}/{len(data)}"
            request.head("206 Partial Content", Content_Length=len(data) - start, Content_Range=whole, **headers)
        body = data[start or 0 :]
        request.send(body[:cut])
        if cut is not None and cut < len(body):
            request.reset()

    return answer


def redirect(to: str, status: str = "302 Found") -> Answer:
    return lambda request: request.head(status, Location=to, Content_Length=0)


EVERY = 4_000
"""Bytes of sound between two titles of a radio."""


def titled(data: bytes, titles: dict[int, str], at: int = 0) -> bytes:
    """The sound with a title after each 4,000 bytes; ``titles`` by the place from which on they hold."""
    parts = []
    for start in range(0, len(data) - EVERY + 1, EVERY):
        parts.append(data[start : start + EVERY])
        due = [title for place, title in titles.items() if start + EVERY <= at + place < start + 2 * EVERY]
        text = f"StreamTitle='{due[0]}';StreamUrl='';".encode() if due else b""
        length = -(-len(text) // 16)
        parts += [bytes([length]), text.ljust(length * 16, b"\0")]
    return b"".join(parts) + data[len(data) - len(data) % EVERY :]


def radio(
    data: bytes, *, status: str = "HTTP/1.0 200 OK", every: int | None = None, then: Answer | None = None
) -> Answer:
    """Sends the data and then nothing, or goes on with ``then``."""

    def answer(request: Request) -> None:
        lines = [status, "icy-name: Test", "Content-Type: audio/mpeg", *([f"icy-metaint: {every}"] if every else [])]
        request.send(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
        if then is not None:
            then(request)
        else:
            request.stopped.wait(20)

    return answer
