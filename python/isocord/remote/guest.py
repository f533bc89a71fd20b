"""A bot's end of a link, as a media node sees it; on the gateway thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..connection.session.session import SocketOpener
from ..runtime.thread import GatewayThread
from . import greeting
from .messages import MOST_KEEP, FromSeat, Leave, Message, NoSeat, Seat, Seek, ToSeat, Waiting
from .seat import NodeSeat
from .wire import Wire

if TYPE_CHECKING:
    from .node import MediaNode

_log = logging.getLogger("isocord.node")


class Guest:
    """A bot, once it has shown the key, and its seats.

    Args:
        node: whose guest it is.
        thread: the gateway thread.
        open_socket: opens websockets.
        known: called when it has shown the key.
    """

    def __init__(
        self, node: MediaNode, thread: GatewayThread, open_socket: SocketOpener, known: Callable[[], None]
    ) -> None:
        self._node = node
        self._thread = thread
        self._open_socket = open_socket
        self._known = known
        self._seats: dict[int, NodeSeat] = {}
        self.wire: Wire = Wire(
            greeting=greeting.HELLO_SIZE,
            opened=lambda wire: None,
            greeted=self._greeted,
            received=self._received,
            lost=self._lost,
        )

    def close(self) -> None:
        """Send it away."""
        self.wire.close()
        for seat in self._end():
            self._node.give_up(seat)

    def forget(self, seat: NodeSeat) -> None:
        """Another process of the bot has it."""
        self._seats = {number: one for number, one in self._seats.items() if one is not seat}

    def _greeted(self, wire: Wire, data: bytes) -> None:
        answer, version = self._node.judged(data)
        wire.greet(greeting.answer(answer))
        if answer is greeting.Answer.WELCOME and not self._node.closed:
            self._known()
            self._node.enter(self)
            return
        if answer is greeting.Answer.WRONG_KEY:
            # Whoever reaches the port can have this said: the 1st, 10th, 100th time.
            if str(times := self._node.refuse()).rstrip("0") == "1":
                _log.warning("Somebody without the key was sent away, %d times by now", times)
        elif answer is greeting.Answer.WRONG_VERSION:
            oldest, newest = greeting.OLDEST, greeting.VERSION
            _log.warning("A bot of version %d was sent away: this node serves %d to %d", version, oldest, newest)
        self.close()

    def _received(self, wire: Wire, message: Message) -> None:
        if isinstance(message, Seat):
            self._sit_down(message)
        elif isinstance(message, Seek):
            wire.send(Waiting(message.ticket, self._node.waiting(message.user_id, message.server_id)))
        elif isinstance(message, ToSeat) and (seat := self._seats.get(message.seat)) is not None:
            seat.take(message)
            if isinstance(message, Leave):
                del self._seats[message.seat]
                self._node.vacate(seat)

    def _sit_down(self, message: Seat) -> None:
        if message.seat in self._seats or not is_sound(message):
            _log.warning("A bot that asked for a seat as none is was sent away")
            self.close()
            return
        seat = self._node.hand_over(message, self._send) or self._new_seat(message)
        if seat is None:
            _log.warning("A bot was refused a seat that another process of it has")
            self.wire.send(NoSeat(message.seat))
            return
        self._seats[message.seat] = seat
        seat.welcome()
        if self._node.draining:
            seat.go_elsewhere()

    def _new_seat(self, message: Seat) -> NodeSeat | None:
        seat = NodeSeat(
            message,
            thread=self._thread,
            open_socket=self._open_socket,
            send=self._send,
            runs_code=self._node.runs_code,
            give_up=self._node.give_up,
        )
        if self._node.take_place(seat):
            return seat
        seat.close()
        return None

    def _send(self, message: FromSeat) -> None:
        if self._thread.is_current:
            self.wire.send(message)
        else:
            self._thread.call(self.wire.send, message)

    def _lost(self, wire: Wire, told: str) -> None:
        if self._seats:
            _log.info("A bot has gone: %s", told)
        for seat in self._end():
            self._node.keep(seat)

    def _end(self) -> list[NodeSeat]:
        self._node.leave(self)
        seats, self._seats = self._seats, {}
        return list(seats.values())


def is_sound(message: Seat) -> bool:
    """Whether a seat is asked for with numbers: what pickles may be anything."""
    numbers = (message.seat, message.server_id, message.user_id, message.generation)
    keep = message.keep
    return all(type(one) is int for one in numbers) and type(keep) in (int, float) and 0 <= keep <= MOST_KEEP
