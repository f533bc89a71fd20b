"""A bot's links to media nodes: one to each node, shared by all connections of the process; on the gateway thread."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Protocol

from ..runtime.thread import GatewayThread
from . import greeting
from .address import NodeAddress
from .codec import LinkError
from .messages import FromSeat, Message, Seat, Seek, ToSeat, Waiting
from .wire import Wire

_OPEN_LIMIT = 2.0
"""Seconds until a node has to have answered."""
SEEK_LIMIT = 1.0
"""Seconds that nodes are waited for which may have a seat for a bot; a silent one delays the bot's joins by that."""


class Sitter(Protocol):
    """Who has a seat at a node."""

    def told(self, message: FromSeat) -> None:
        """The node says something."""

    def link_lost(self, told: str) -> None:
        """The node is gone, and all that it had."""


class NodeLink:
    """The link to one node. It opens with its first seat, or question, and closes with its last."""

    def __init__(self, address: NodeAddress, gone: Callable[[NodeLink], object]) -> None:
        self.address = address
        self._gone = gone
        self._wire: Wire | None = None
        self._sitters: dict[int, Sitter] = {}
        self._questions: dict[int, asyncio.Future[dict[int, tuple[int, int]]]] = {}
        self._numbers = itertools.count(1)
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening: asyncio.Task[None] | None = None
        self._openers = 0
        self._closed = False

    async def open(self) -> None:
        """Be let in; several may wait for it at once.

        Raises:
            LinkError: the node does not answer, is another one, speaks another version, or does not know the key.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
            # Whoever waited may have gone.
            self._opening.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        self._openers += 1
        try:
            await asyncio.shield(self._opening)
        finally:
            self._openers -= 1

    async def _open(self) -> None:
        address, loop = self.address, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_OPEN_LIMIT) if hasattr(asyncio, "timeout") else _Timeout(_OPEN_LIMIT):
                await loop.create_connection(
                    self._new_wire,
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

    def _new_wire(self) -> Wire:
        return Wire(
            greeting=greeting.ANSWER_SIZE,
            opened=self._opened,
            greeted=self._greeted,
            received=self._received,
            lost=self._lost,
        )

    async def waiting(self, user_id: int, server_id: int | None = None) -> dict[int, tuple[int, int]]:
        """The channels and generations of seats that a bot may take over, by guild; see :class:`Seek`.

        Raises:
            LinkError: the node does not answer.
        """
        ticket = next(self._numbers)
        told = self._questions[ticket] = asyncio.get_running_loop().create_future()
        try:
            await self.open()
            self.send(Seek(ticket, user_id, server_id))
            return await asyncio.wait_for(told, _OPEN_LIMIT)
        except asyncio.TimeoutError:
            raise LinkError("it does not answer") from None
        finally:
            del self._questions[ticket]
            self._rest()

    def seat(self, sitter: Sitter, *, server_id: int, user_id: int, generation: int, keep: float) -> int:
        """Take a seat; its number."""
        number = next(self._numbers)
        self._sitters[number] = sitter
        self.send(Seat(number, server_id, user_id, generation, keep))
        return number

    def leave(self, seat: int) -> None:
        """Give a seat back; with the last one the link closes."""
        self._sitters.pop(seat, None)
        self._rest()

    def _rest(self) -> None:
        if not (self._sitters or self._questions or self._openers):
            self.close()

    def send(self, message: ToSeat | Seek) -> None:
        """Say something to the node."""
        if self._wire is not None:
            self._wire.send(message)

    def close(self) -> None:
        """Close it."""
        self._closed = True
        self._refuse("it was closed")
        if self._wire is not None:
            self._wire.close()
        self._gone(self)

    def _opened(self, wire: Wire) -> None:
        self._wire = wire
        if self._closed:
            # Whoever wanted it has gone meanwhile.
            wire.close()
            return
        wire.greet(greeting.hello(self.address.key))

    def _greeted(self, wire: Wire, data: bytes) -> None:
        if (refusal := greeting.refusal(data)) is not None:
            self._refuse(refusal)
            self.close()
        elif not self._welcome.done():
            self._welcome.set_result(None)

    def _refuse(self, told: str) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(LinkError(told))
            # Nobody may have come to wait for it.
            self._welcome.exception()

    def _received(self, wire: Wire, message: Message) -> None:
        if isinstance(message, Waiting):
            if (question := self._questions.get(message.ticket)) is not None and not question.done():
                question.set_result(message.seats)
        elif isinstance(message, FromSeat) and (sitter := self._sitters.get(message.seat)) is not None:
            sitter.told(message)

    def _lost(self, wire: Wire, told: str) -> None:
        self._gone(self)
        self._refuse(f"{told} before it had answered; it may be of another version")
        for question in self._questions.values():
            if not question.done():
                question.set_exception(LinkError(told))
                # Whoever asked may still wait for the link itself, and hears of it there.
                question.exception()
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


async def where_it_waits(
    nodes: list[NodeAddress],
    thread: GatewayThread,
    user_id: int,
    server_id: int | None = None,
    *,
    limit: float = SEEK_LIMIT,
) -> dict[NodeAddress, dict[int, tuple[int, int]]]:
    """Those nodes that have seats which a bot may take over, with what they say of them; on the gateway thread.

    One that does not answer within ``limit`` seconds has none.
    """

    async def ask(address: NodeAddress) -> dict[int, tuple[int, int]]:
        return await Links.of(thread).to(address).waiting(user_id, server_id)

    asked = {asyncio.ensure_future(ask(address)): address for address in nodes}
    if not asked:
        return {}
    done, late = await asyncio.wait(asked, timeout=limit)
    for question in late:
        question.cancel()
    if late:
        # They let go of their links first.
        await asyncio.wait(late)
    answers = {asked[one]: one.result() for one in done if one.exception() is None}
    return {address: answer for address, answer in answers.items() if answer}


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
