"""What a seat at a media node speaks to its bot through."""

from __future__ import annotations

from collections.abc import Callable

from .messages import FromSeat


class Line:
    """To the bot that has a seat: it is cut where the bot's process is gone, and belongs to the next one that takes the
    seat over.

    Args:
        seat: what the bot calls the seat.
        send: says something to the bot, from any thread.
    """

    def __init__(self, seat: int, send: Callable[[FromSeat], object]) -> None:
        self.seat: int = seat
        self._send: Callable[[FromSeat], object] | None = send

    def send(self, message: FromSeat) -> None:
        """Say something; nobody hears it while the line is cut."""
        send = self._send
        if send is not None and message.seat == self.seat:
            send(message)

    def speaker(self) -> Callable[[FromSeat], object]:
        """What says things to the bot's process of now, and to no later one: of seats, tickets and listeners both have
        the same numbers."""
        mine = self._send

        def say(message: FromSeat) -> None:
            if mine is not None and self._send is mine:
                mine(message)

        return say

    def cut(self) -> None:
        """The bot is gone."""
        self._send = None

    def belongs_to(self, seat: int, send: Callable[[FromSeat], object]) -> None:
        """Another process of the bot has the seat from now on."""
        self.seat, self._send = seat, send
