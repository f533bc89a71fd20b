"""One websocket of the fake: ordered, bounded sending; logging; a filter for faults; cutting without goodbye."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from .eventlog import Direction, EventLog, Socket

MessageFilter = Callable[[Direction, int, Any], bool]
"""Takes direction, opcode and body of a gateway message; what it gives False for is lost on the way."""

_QUEUE_SIZE = 20_000
_CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


class Link:
    """The server's end of a websocket.

    Args:
        socket: which gateway, for the log.
        number: the websocket's number, for the log.
    """

    def __init__(self, request: web.Request, log: EventLog, socket: Socket, number: int) -> None:
        # The host libraries send no pings, so the gateway's own heartbeats decide about life.
        self._ws = web.WebSocketResponse(max_msg_size=1 << 20, timeout=_CLOSE_TIMEOUT, compress=True)
        self._request = request
        self._queue: asyncio.Queue[str | bytes | _Close] = asyncio.Queue(_QUEUE_SIZE)
        self._closing = False
        self._cut = False
        self.log = log
        self.socket: Socket = socket
        self.number = number

    @property
    def is_open(self) -> bool:
        return not self._closing

    def send(self, message: str | bytes) -> None:
        """Queue a message; lost if the websocket is closing."""
        if self._closing:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.cut()

    def close(self, code: int, reason: str = "") -> None:
        """Close with a code once everything queued is sent; idempotent."""
        if self._closing:
            return
        self.log.add(self.socket, "sent", self.number, -1, "CLOSE", {"code": code, "reason": reason})
        self._queue_close(_Close(code, reason))

    def cut(self) -> None:
        """Break the connection without a close frame, as a lost network does."""
        self._closing = self._cut = True
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    def _queue_close(self, close: _Close) -> None:
        self._closing = True
        try:
            self._queue.put_nowait(close)
        except asyncio.QueueFull:
            self.cut()

    async def run(
        self, on_message: Callable[[str | bytes], None], on_open: Callable[[], None]
    ) -> web.WebSocketResponse:
        """Serve the websocket until it ends; both callbacks run on the loop and must not block."""
        await self._ws.prepare(self._request)
        writer = asyncio.ensure_future(self._write())
        try:
            on_open()
            async for message in self._ws:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    if not self._closing:
                        on_message(message.data)
                else:
                    break
        except ConnectionError:
            self._cut = True
        finally:
            self._closing = True
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return self._ws

    @property
    def close_code(self) -> int | None:
        """The code that the websocket ended with; None if it was cut."""
        code = self._ws.close_code
        return None if self._cut or code == WSCloseCode.ABNORMAL_CLOSURE else code

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            try:
                if isinstance(item, _Close):
                    await self._ws.close(code=item.code, message=item.reason.encode()[:120])
                    return
                if isinstance(item, bytes):
                    await self._ws.send_bytes(item)
                else:
                    await self._ws.send_str(item)
            except (ConnectionError, RuntimeError):
                # The peer is gone; the reader sees the same and ends the link.
                self._closing = True
                return
