"""A media node: a process that carries the sound of other processes' voice connections."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from .. import _native
from ..connection import lifetime
from ..gateway.socket.options import SocketOptions
from ..runtime.thread import gateway_thread
from .address import Identity, NodeAddress, check_place
from .door import Door
from .greeting import Answer, judged
from .guest import Guest
from .messages import FromSeat, Seat
from .seat import NodeSeat
from .wire import Wire

_START_LIMIT = 10.0


class MediaNode:
    """Carries the sound of voice connections that bots elsewhere decide about.

    ``node = MediaNode(host="10.0.0.7")``, then hand ``node.address`` to the bots, as you would hand them a password. It
    works on threads of its own until :meth:`close`. Needs the package ``cryptography``.

    Args:
        host: the address that it listens on, which the bots must reach.
        port: of TCP; 0 takes a free one.
        runs_code: whether bots may have classes of theirs run in this process, see :func:`run_beside`. Whoever has the
            key can then do here whatever this process can.

    Raises:
        OSError: there is no such address here, or the port is taken.
        TypeError: host or port are of another type.
        ValueError: they are none.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, runs_code: bool = False) -> None:
        check_place(host, port, 0)
        # Half a second that the first connection would wait for otherwise, and all others with it.
        from ..gateway.socket.transport import GatewaySocket

        self._make_socket = GatewaySocket
        self._identity = Identity()
        self._thread = gateway_thread()
        lifetime.arrange()
        self._guests: set[Guest] = set()
        self._seats: dict[tuple[int, int], NodeSeat] = {}
        self._draining = self._closed = False
        self.runs_code: bool = runs_code
        self._refusals = itertools.count(1)
        self._door = Door(self._thread, self._identity.context(), self._wire)
        opening = asyncio.run_coroutine_threadsafe(self._door.open(host, port), self._thread.loop)
        bound = opening.result(_START_LIMIT)
        self.address: NodeAddress = NodeAddress(host, bound, self._identity.certificate, self._identity.key)

    @property
    def connections(self) -> int:
        """Voice connections that it carries."""
        return len(self._seats)

    @property
    def draining(self) -> bool:
        """Whether connections are asked to go elsewhere."""
        return self._draining

    @property
    def closed(self) -> bool:
        """Whether it carries nothing any more."""
        return self._closed

    def stats(self) -> dict[tuple[int, int, int], _native.Stats]:
        """What has left of each connection, by bot, guild and a number that another one of theirs does not have."""
        return {(*seat.owner, seat.serial): seat.stats for seat in list(self._seats.values())}

    def drain(self, within: float = 30.0) -> None:
        """Have all connections go elsewhere, then close: they are asked one after the other in the first half of the
        time, those that are still here once more in the second, and what is left at its end is lost, as with
        :meth:`close`. Each is silent for as long as a join takes. A bot that knows no other node stays until the end.

        Args:
            within: seconds.

        Raises:
            ValueError: it is negative.
        """
        if not within >= 0:
            raise ValueError("within must not be negative")
        self._thread.call(self._drain, within)

    def close(self) -> None:
        """Carry nothing any more: bots find another node. Idempotent."""
        self._thread.call(self._close)

    def __enter__(self) -> MediaNode:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MediaNode {self.address.host}:{self.address.port} connections={self.connections}>"

    # The gateway thread.

    def _wire(self, known: Callable[[], None]) -> Wire:
        return Guest(self, self._thread, self._open_socket, known).wire

    def _open_socket(self, endpoint: str, handler: Any) -> Any:
        return self._make_socket(self._thread, endpoint, SocketOptions(), handler)

    def _close(self) -> None:
        self._closed = True
        self._door.close()
        for guest in list(self._guests):
            guest.close()
        for seat in list(self._seats.values()):
            self.give_up(seat)

    def _drain(self, within: float) -> None:
        if self._draining:
            return
        self._draining = True
        self._ask_to_go(within / 2)
        loop = self._thread.loop
        loop.call_later(within / 2, self._ask_to_go, within / 2)
        loop.call_later(within, self._close)

    def _ask_to_go(self, within: float) -> None:
        seats = list(self._seats.values())
        for number, seat in enumerate(seats):
            # All at once would be a hundred joins at once; the last ones have time, too.
            self._thread.loop.call_later(number / len(seats) * within * 0.8, seat.go_elsewhere)

    def enter(self, guest: Guest) -> None:
        """A bot is let in."""
        self._guests.add(guest)

    def leave(self, guest: Guest) -> None:
        """A bot has gone."""
        self._guests.discard(guest)

    def refuse(self) -> int:
        """Somebody without the key is sent away; how often that was."""
        return next(self._refusals)

    def judged(self, hello: bytes) -> tuple[Answer, int]:
        """What is said to a bot's first bytes, and the version that they are of."""
        return judged(hello, self._identity.key)

    def take_place(self, seat: NodeSeat) -> bool:
        """Let a seat be the one of its bot and guild; False if a later one is."""
        present = self._seats.get(seat.owner)
        if present is not None and not present.yields_to(seat.generation):
            return False
        if present is not None:
            present.close()
        self._seats[seat.owner] = seat
        return True

    def waiting(self, user_id: int, server_id: int | None) -> dict[int, tuple[int, int]]:
        """Channels and generations of seats that a bot may take over, by guild: of those that wait, or of one guild."""
        wanted = [
            seat
            for (user, guild), seat in self._seats.items()
            if user == user_id and (seat.is_left if server_id is None else guild == server_id and seat.keep)
        ]
        return {seat.owner[1]: (seat.channel_id, seat.generation) for seat in wanted if seat.channel_id is not None}

    def hand_over(self, message: Seat, send: Callable[[FromSeat], object]) -> NodeSeat | None:
        """Give the seat of a bot and guild to another process of the bot, if both asked for that."""
        seat = self._seats.get((message.user_id, message.server_id))
        if seat is None or not (seat.keep and message.keep and seat.yields_to(message.generation)):
            return None
        for guest in self._guests:
            guest.forget(seat)
        if not seat.is_left:
            if seat.generation != message.generation:
                seat.enter(seat.replaced)
            seat.enter(seat.let_go)
        seat.enter(seat.take_over, message, send)
        return seat

    def keep(self, seat: NodeSeat) -> None:
        """The bot is gone without a word: keep its seat for a while, if it asked for that."""
        if self._seats.get(seat.owner) is seat and seat.keep and not self._closed:
            seat.enter(seat.let_go)
        else:
            self.give_up(seat)

    def give_up(self, seat: NodeSeat) -> None:
        """End a seat."""
        seat.close()
        self.vacate(seat)

    def vacate(self, seat: NodeSeat) -> None:
        """A seat is given back."""
        if self._seats.get(seat.owner) is seat:
            del self._seats[seat.owner]
