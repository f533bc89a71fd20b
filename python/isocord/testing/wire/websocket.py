"""One websocket of the fake: ordered, bounded sending; logging; a filter for faults; cutting without goodbye."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from ..ground.eventlog import Direction, EventLog
from ..ground.eventlog import Socket as SocketKind

MessageFilter = Callable[[Direction, int, Any], bool]
"""Takes direction, opcode and body of a gateway message; what it gives False for is lost on the way."""

_QUEUE_SIZE = 20_000
_CLOSE_TIMEOUT = 2.0
# struct linger: on, zero seconds. Windows has two shorts there.
_RESET = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


class Link:
    """The server's end of a websocket.

    Args:
        kind: which gateway, for the log.
        number: the websocket's number, for the log.
    """

    def __init__(self, request: web.Request, log: EventLog, kind: SocketKind, number: int) -> None:
        # The host libraries send no pings, so the gateway's own heartbeats decide about life.
        self._ws = web.WebSocketResponse(max_msg_size=1 << 20, timeout=_CLOSE_TIMEOUT, compress=True)
        self._request = request
        self._queue: asyncio.Queue[str | bytes | _Close] = asyncio.Queue(_QUEUE_SIZE)
        self._closing = False
        self._cut = False
        self.log = log
        self.kind: SocketKind = kind
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
        self.log.add(self.kind, "sent", self.number, -1, name="CLOSE", data={"code": code, "reason": reason})
        self._queue_close(_Close(code, reason))

    def cut(self) -> None:
        """Break the connection without a close frame, as a lost network does."""
        self._closing = self._cut = True
        transport = self._request.transport
        if transport is not None:
            # With a reset in place of an end of stream: some clients take the latter for a clean close. A TLS
            # transport that is closing already cannot be asked for its socket any more.
            sock = None if transport.is_closing() else transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def _queue_close(self, close: _Close) -> None:
        self._closing = True
        try:
            self._queue.put_nowait(close)
        except asyncio.QueueFull:
            self.cut()

    async def run(self, on_message: Callable[[str | bytes], None], on_open: Callable[[], None]) -> web.StreamResponse:
        """Serve the websocket until it ends; both callbacks run on the loop and must not block."""
        try:
            await self._ws.prepare(self._request)
        except ConnectionError:
            # The client was faster to go.
            self._closing = self._cut = True
            return web.Response()
        on_open()
        reader = asyncio.ensure_future(self._read(on_message))
        writer = asyncio.ensure_future(self._write())
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if writer.done() and (close := writer.result()) is not None:
                # aiohttp waits for the peer's own close frame only if nobody else is reading; without that wait the
                # peer may see a broken connection in place of the close code.
                await _finish(reader)
                await self._ws.close(code=close.code, message=close.reason.encode()[:120])
            elif reader.done():
                reader.result()
        finally:
            self._closing = True
            await _finish(reader)
            await _finish(writer)
        return self._ws

    @property
    def close_code(self) -> int | None:
        """The code that the websocket ended with; None if it was cut."""
        code = self._ws.close_code
        return None if self._cut or code == WSCloseCode.ABNORMAL_CLOSURE else code

    async def _read(self, on_message: Callable[[str | bytes], None]) -> None:
        try:
            async for message in self._ws:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    return
                if not self._closing:
                    on_message(message.data)
        except ConnectionError:
            self._cut = True

    async def _write(self) -> _Close | None:
        """Send what is queued; gives the close that was asked for, or None when the peer is gone."""
        while True:
            item = await self._queue.get()
            try:
                if isinstance(item, _Close):
                    return item
                if isinstance(item, bytes):
                    await self._ws.send_bytes(item)
                else:
                    await self._ws.send_str(item)
            except (ConnectionError, RuntimeError):
                return None


async def _finish(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
