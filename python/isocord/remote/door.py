"""Where bots come in at a media node: TCP, TLS, and few seconds to show the key; on the gateway thread."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from ..runtime.thread import GatewayThread
from .wire import Wire

HELLO_LIMIT = 5.0
"""Seconds in which a bot has to have shown the key."""
_MOST_STRANGERS = 256
"""Who has not shown it yet: each may take a quarter of a megabyte, and the oldest one goes when one more comes."""


class Door:
    """Has TLS begin on each TCP connection, and sends away who does not show the key in time.

    Args:
        thread: the gateway thread.
        context: what TLS is made with.
        wire: makes the node's end of a link, told what to call once the key was shown.
    """

    def __init__(
        self, thread: GatewayThread, context: ssl.SSLContext, wire: Callable[[Callable[[], None]], Wire]
    ) -> None:
        self._thread = thread
        self._context = context
        self._wire = wire
        self._strangers: dict[Stranger, None] = {}
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; the port."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Stranger(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Let nobody in any more."""
        if self._server is not None:
            self._server.close()
        for stranger in list(self._strangers):
            stranger.send_away()

    def knocks(self, stranger: Stranger) -> None:
        """Somebody is there."""
        self._strangers[stranger] = None
        if len(self._strangers) > _MOST_STRANGERS:
            next(iter(self._strangers)).send_away()
        if stranger in self._strangers:
            wire = self._wire(lambda: self.forget(stranger))
            self._thread.spawn(stranger.come_in(self._context, wire), name="isocord-node-tls")

    def forget(self, stranger: Stranger) -> None:
        """It has shown the key, or was sent away."""
        if self._strangers.pop(stranger, stranger) is None:
            stranger.timer.cancel()


class Stranger(asyncio.Protocol):
    """A TCP connection of somebody who has not shown the key; it keeps what TLS brings until there is a wire."""

    timer: asyncio.TimerHandle
    _transport: asyncio.Transport

    def __init__(self, door: Door) -> None:
        self._door = door
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.timer = asyncio.get_running_loop().call_later(HELLO_LIMIT, self.send_away)
        self._door.knocks(self)

    def data_received(self, data: bytes) -> None:
        self._came += data

    def send_away(self) -> None:
        """End the connection, whatever it is at."""
        self._door.forget(self)
        self._transport.abort()

    async def come_in(self, context: ssl.SSLContext, wire: Wire) -> None:
        """Have TLS begin, and the wire take over."""
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=HELLO_LIMIT
            )
        except (OSError, asyncio.TimeoutError):
            secured = None
        if secured is None or self._transport.is_closing():
            # A connection that is lost meanwhile is told to nobody.
            self.send_away()
            return
        secured.set_protocol(wire)
        wire.connection_made(secured)
        wire.data_received(bytes(self._came))
