"""One websocket to a voice server, by aiohttp and nothing else.

Everything here runs on the gateway thread's loop. A :class:`GatewaySocket` reports what happens to its handler, in
plain calls on that loop, and after :meth:`GatewaySocket.close` it reports nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Any, Protocol

import aiohttp
from yarl import URL

from ...runtime.thread import GatewayThread
from . import tls_buffer
from .address import VERSION, address_of
from .options import SocketOptions
from .proxy import Proxy, proxy_of
from .sessions import Sessions

_log = logging.getLogger(__name__)

MAX_MESSAGE = 1024 * 1024
"""Bytes of a message. The longest are proposals of the end-to-end encryption, with some 500 bytes for each member: this
is enough for two thousand members who join at once, where a voice channel holds a hundred. Welcomes have 260 bytes a
member, commits 40, lists of users 23. More is closed with 1009 before it is put together."""
_CLOSE_LIMIT = 1.0
_MAX_QUEUED = 1024
_TURN = 64 * 1024
"""Characters that one server may have read before it is the others' turn."""
_LEAST = 1024
"""What a message counts for at least."""
_USER_AGENT = "DiscordBot (https://github.com/isocord/isocord, 0.1)"


class SocketHandler(Protocol):
    """What a socket reports to."""

    def socket_opened(self) -> None:
        """The websocket is open: send Identify or Resume."""

    def socket_received(self, data: str | bytes) -> None:
        """A message came."""

    def socket_lost(self, code: int | None, error: str, *, trusted: bool) -> None:
        """The websocket closed, broke, or could not be opened.

        ``code`` is the server's close code, ``error`` a few words otherwise; ``trusted`` is False where the
        server's certificate or its address was not accepted.
        """


class GatewaySocket:
    """One websocket, from opening to closing.

    Args:
        thread: the gateway thread, whose loop runs the socket.
        endpoint: ``host:port`` of the voice server.
        options: proxy and TLS settings.
        handler: whom to report to.
    """

    def __init__(self, thread: GatewayThread, endpoint: str, options: SocketOptions, handler: SocketHandler) -> None:
        self._thread = thread
        self._endpoint = endpoint
        self._options = options
        self._handler: SocketHandler | None = handler
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue(_MAX_QUEUED)
        self._websocket: Any = None
        self._writer: asyncio.Task[None] | None = None
        self._close_code: int | None = None
        self._task = thread.spawn(self._run(), name="isocord-socket")

    def write(self, data: str | bytes) -> None:
        """Queue one message: text as a text message, bytes as a binary one."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self._report_lost(None, "the voice server takes no messages")
            self.close(4900)

    async def flush(self, limit: float) -> bool:
        """Wait until everything queued was handed to the kernel; False if that took ``limit`` seconds or failed."""
        if self._task.done():
            return False
        # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the end.
        written = self._thread.loop.create_task(self._queue.join())
        try:
            done, _ = await asyncio.wait([written], timeout=limit)
        finally:
            written.cancel()
        return bool(done)

    def close(self, code: int) -> None:
        """Stop reporting, and close the websocket in the background, within a second."""
        self._handler = None
        if self._close_code is None:
            self._close_code = code
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self._websocket = await self._connect()
            if self._websocket is None:
                return
            self._writer = self._thread.spawn(self._write(self._websocket), name="isocord-socket-writer")
            if self._handler is not None:
                self._handler.socket_opened()
            await self._read(self._websocket)
        except asyncio.CancelledError:
            # Raised on after a close, it would hold this frame, the frame the socket, and that its task: a circle that
            # keeps the TLS connection's buffers until Python looks for circles.
            if self._close_code is None:
                raise
        except BaseException as error:
            # Also a panic of the native side, which is no Exception: whatever it is, the socket is lost and says so.
            self._break(error)
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.cancel()
            await self._shut()

    async def _connect(self) -> Any:
        """The open websocket; None if it could not be opened, which has been reported then."""
        try:
            address = address_of(self._endpoint)
        except ValueError as error:
            self._report_lost(None, str(error), trusted=False)
            return None
        url = URL.build(scheme="wss", host=address.host, port=address.port, path="/", query={"v": str(VERSION)})
        proxy = Proxy(None)
        try:
            proxy = proxy_of(self._options)
            session = self._thread.resource(Sessions(self._options.connector))
            websocket = await session.ws_connect(url, **self._arguments(), **proxy.arguments())
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            told = f"the voice server's certificate was not accepted: {proxy.scrub(str(error))}"
            self._report_lost(None, told, trusted=False)
            return None
        except Exception as error:
            # Connectors of other makers raise what they like.
            told = proxy.scrub(str(error))
            self._report_lost(None, f"the voice server could not be reached: {type(error).__name__}: {told}")
            return None
        tls_buffer.shrink(_transport(websocket))
        return websocket

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "max_msg_size": MAX_MESSAGE,
            # aiohttp would answer every close with 1000, which says that the session is not wanted any more.
            "autoclose": False,
            "headers": {"User-Agent": _USER_AGENT},
        }
        if self._options.ssl is not None:
            # Without this, aiohttp verifies with a context of Python's defaults, which it made when it was imported.
            arguments["ssl"] = self._options.ssl
        return arguments

    async def _read(self, websocket: Any) -> None:
        read = 0
        while True:
            if read >= _TURN:
                # What has arrived already is read without a pause.
                read = 0
                await asyncio.sleep(0)
            message = await websocket.receive()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                read += max(len(message.data), _LEAST)
                if self._handler is not None:
                    self._handler.socket_received(message.data)
            elif message.type is aiohttp.WSMsgType.ERROR:
                self._report_lost(None, f"the websocket failed: {message.data}")
                return
            else:
                # Where the server ends the stream without a close frame, aiohttp has a code all the same: 1006, or 1000
                # as if it had said good-bye, as on Python 3.10 after each cut.
                code = websocket.close_code if message.type is aiohttp.WSMsgType.CLOSE else None
                self._report_lost(None if code == 1006 else code, "the websocket was closed")
                return

    async def _write(self, websocket: Any) -> None:
        while True:
            data = await self._queue.get()
            try:
                if isinstance(data, str):
                    await websocket.send_str(data)
                else:
                    await websocket.send_bytes(data)
            except (aiohttp.ClientError, OSError, RuntimeError) as error:
                # The reader learns of the loss as well, and with the close code.
                _log.debug("A message to the voice server could not be written: %s", type(error).__name__)
                return
            except Exception as error:
                self._break(error)
                self.close(4900)
                return
            self._queue.task_done()

    async def _shut(self) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None and not websocket.closed:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                # A close that the server began is answered with its own code (RFC 6455, section 5.5.1).
                code = self._close_code or websocket.close_code or 1000
                await asyncio.wait_for(websocket.close(code=code), _CLOSE_LIMIT)

    def _break(self, error: BaseException) -> None:
        """Something that nobody expected: told in the log once, with its way, and reported as a loss."""
        _log.error("A voice websocket failed", exc_info=error)
        self._report_lost(None, f"isocord itself failed: {type(error).__name__}")

    def _report_lost(self, code: int | None, error: str, *, trusted: bool = True) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.socket_lost(code, error, trusted=trusted)


def _transport(websocket: Any) -> Any:
    """The transport under a websocket, which aiohttp does not tell openly; None if it cannot be found."""
    connection = getattr(getattr(websocket, "_response", None), "connection", None)
    return getattr(connection, "transport", None)


def warm_up(thread: GatewayThread) -> None:
    """Make ready what the first websocket needs; on the gateway thread."""
    thread.resource(Sessions())
