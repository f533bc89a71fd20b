"""A bot's links to media nodes: one to each node, shared by all connections of the process; on the gateway thread."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Protocol

from ..runtime.thread import GatewayThread
from .address import NodeAddress
from .codec import LinkError
from .messages import VERSION, FromSeat, Hello, Message, Seat, ToSeat, Welcome
from .wire import Wire

_OPEN_LIMIT = 2.0
"""Seconds until a node has to have answered."""


class Sitter(Protocol):
    """Who has a seat at a node."""

    def told(self, message: FromSeat) -> None:
        """The node says something."""

    def link_lost(self, told: str) -> None:
        """The node is gone, and all that it had."""


class NodeLink:
    """The link to one node. It opens with its first seat and closes with its last."""

    def __init__(self, address: NodeAddress, gone: Callable[[NodeLink], object]) -> None:
        self.address = address
        self._gone = gone
        self._wire: Wire | None = None
        self._sitters: dict[int, Sitter] = {}
        self._numbers = itertools.count(1)
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Be let in; several may wait for it at once.

        Raises:
            LinkError: the node does not answer, is another one, speaks another version, or does not know the key.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        address, loop = self.address, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_OPEN_LIMIT) if hasattr(asyncio, "timeout") else _Timeout(_OPEN_LIMIT):
                await loop.create_connection(
                    lambda: Wire(opened=self._opened, received=self._received, lost=self._lost),
                    address.host,
                    address.port,
                    ssl=address.context(),
                    server_hostname=address.name,
                )
                await self._welcome
        except (OSError, asyncio.TimeoutError, LinkError) as error:
            self.close()
            told = str(error) or "it does not answer"
            raise LinkError(f"media node {address.host}:{address.port}: {told}") from None

    def seat(self, sitter: Sitter, *, server_id: int, user_id: int, generation: int) -> int:
        """Take a seat; its number."""
        number = next(self._numbers)
        self._sitters[number] = sitter
        self.send(Seat(number, server_id, user_id, generation))
        return number

    def leave(self, seat: int) -> None:
        """Give a seat back; with the last one the link closes."""
        self._sitters.pop(seat, None)
        if not self._sitters:
            self.close()

    def send(self, message: ToSeat) -> None:
        """Say something to the node."""
        if self._wire is not None:
            self._wire.send(message)

    def close(self) -> None:
        """Close it."""
        if self._wire is not None:
            self._wire.close()
        self._gone(self)

    def _opened(self, wire: Wire) -> None:
        self._wire = wire
        wire.send(Hello(VERSION, self.address.key))

    def _received(self, wire: Wire, message: Message) -> None:
        if isinstance(message, Welcome):
            if not self._welcome.done():
                self._welcome.set_result(None)
        elif isinstance(message, FromSeat) and (sitter := self._sitters.get(message.seat)) is not None:
            sitter.told(message)

    def _lost(self, wire: Wire, told: str) -> None:
        self._gone(self)
        if not self._welcome.done():
            self._welcome.set_exception(LinkError(told))
        sitters, self._sitters = self._sitters, {}
        for sitter in sitters.values():
            sitter.link_lost(told)


class Links:
    """All links of the process; made once for the gateway thread's loop."""

    def __init__(self) -> None:
        self._links: dict[NodeAddress, NodeLink] = {}

    @staticmethod
    def of(thread: GatewayThread) -> Links:
        """Those of this thread; only from the thread itself."""
        return thread.resource(Links)

    def to(self, address: NodeAddress) -> NodeLink:
        """The link to a node, which is to be opened."""
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = NodeLink(address, self._forget)
        return link

    def _forget(self, link: NodeLink) -> None:
        if self._links.get(link.address) is link:
            del self._links[link.address]

    def close(self) -> None:
        """The loop is about to end."""
        for link in list(self._links.values()):
            link.close()


class _Timeout:
    """``asyncio.timeout``, which Python 3.10 does not have."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._passed = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            self._passed = True
            task.cancel()

        self._timer = asyncio.get_running_loop().call_later(self._seconds, cancel)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if self._passed and kind is asyncio.CancelledError:
            raise asyncio.TimeoutError
