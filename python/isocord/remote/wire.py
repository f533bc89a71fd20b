"""One end of a link between a bot and a media node: a greeting, then messages, over TLS, on the gateway thread.

Each end says something at least once a second, and gives the link up when it has heard nothing for three: a process
that stands still is as lost as one that has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from .codec import Decoder, LinkError, encode
from .messages import Beat, Message

BEAT = 1.0
SILENCE = 3.0
"""Seconds."""
_SOON = 0.02
_CLOSE_LIMIT = 5.0
"""Seconds that what was sent before the end may take to leave."""
_MAX_BUFFERED = 128 << 20
"""Bytes that the other end may leave unread."""
_BULK = 1 << 20
"""Bytes: what is longer is left out where there is no room for it, for the sake of all that shares the link."""
_log = logging.getLogger("isocord.node")


class Wire(asyncio.Protocol):
    """One end.

    Args:
        greeting: bytes that the other end sends first; no message is read before they have been judged.
        opened: called when this end's greeting can be sent.
        greeted: called with the other end's; messages can be sent, unless it closes the link.
        received: called with each message.
        lost: called once, with the reason in words, when the link is gone; never after :meth:`close`.
    """

    def __init__(
        self,
        *,
        greeting: int,
        opened: Callable[[Wire], object],
        greeted: Callable[[Wire, bytes], object],
        received: Callable[[Wire, Message], object],
        lost: Callable[[Wire, str], object],
    ) -> None:
        self._opened, self._greeted, self._received, self._lost = opened, greeted, received, lost
        self._missing = greeting
        self._greeting = b""
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = self._heard_at = self._loop.time()
        self._closed = False

    def send(self, message: Message) -> None:
        """Send a message. One that is too long is left out, and the log says so; another end that does not read ends
        the link."""
        if self._transport is None or self._closed:
            return
        try:
            data = encode(message)
        except LinkError as error:
            _log.error("Left out on a link to a media node: %s", error)
            return
        unread = self._transport.get_write_buffer_size()
        if len(data) > _BULK and unread + len(data) > _MAX_BUFFERED:
            kind = type(message).__name__
            _log.error("Left out on a link to a media node: there is no room for a %s of %d bytes", kind, len(data))
            return
        self._sent_at = self._loop.time()
        self._transport.write(data)
        if unread > _MAX_BUFFERED:
            self._give_up("the other end does not read")

    def greet(self, greeting: bytes) -> None:
        """Send this end's."""
        if self._transport is not None and not self._closed:
            self._transport.write(greeting)

    def close(self) -> None:
        """End the link; what was sent still leaves, if the other end takes it."""
        if self._closed:
            return
        self._closed = True
        self._stop()
        if self._transport is not None:
            self._transport.close()
            self._timer = self._loop.call_later(_CLOSE_LIMIT, self._transport.abort)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._closed:
            # It was given up before TLS was there.
            transport.abort()
            return
        self._transport = transport
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if self._closed:
            # What still comes is read by nobody, and kept by nobody.
            return
        self._heard_at = self._loop.time()
        if self._missing:
            data = self._take_greeting(data)
        try:
            # No message is begun before the greeting was good.
            for message in self._decoder.feed(data) if data and not self._closed else ():
                if not isinstance(message, Beat):
                    self._received(self, message)
                if self._closed:
                    return
        except LinkError as error:
            self._give_up(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._end("it was closed" if exc is None else f"{type(exc).__name__}: {exc}")

    # Inside.

    def _take_greeting(self, data: bytes) -> bytes:
        """What is left of ``data`` behind it."""
        taken, rest = data[: self._missing], data[self._missing :]
        self._greeting += taken
        self._missing -= len(taken)
        if not self._missing:
            self._timer = self._loop.call_later(BEAT, self._beat)
            self._greeted(self, self._greeting)
        return rest

    def _beat(self) -> None:
        now = self._loop.time()
        if now - self._heard_at > SILENCE:
            self._give_up(f"nothing came for {SILENCE:.0f} s")
            return
        if now - self._sent_at >= BEAT - _SOON:
            self.send(Beat())
        if not self._closed:
            # Not merely once a second: who stands still is to be missed as soon as may be.
            due = min(self._sent_at + BEAT, self._heard_at + SILENCE)
            self._timer = self._loop.call_at(max(due, now) + _SOON, self._beat)

    def _give_up(self, told: str) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end(told)

    def _end(self, told: str) -> None:
        if not self._closed:
            self._stop()
            self._closed = True
            self._lost(self, told)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
