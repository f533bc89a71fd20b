"""What a bot and a media node say to each other about classes of the bot that run at the node."""

from __future__ import annotations

from typing import Any

from ...runtime.values import Record, secret
from ..messages import FromSeat, ToSeat


class Failure(Record):
    """What code of the bot's has raised there, in words: an exception of its own could be anything.

    Attributes:
        kind: the name of its class.
        told: what it said.
        trace: as Python prints it.
    """

    kind: str
    told: str
    trace: str


# A bot to its node.


class Run(ToSeat):
    """Make an object of a class, and run it.

    Attributes:
        run: its number.
        start: how often it was begun, this time counted in.
        name: of the class.
        python: the bot's version; bytecode is of one version only.
        parcel: the class and its arguments.
    """

    run: int
    start: int
    name: str
    python: tuple[int, int]
    parcel: bytes = secret()


class Call(ToSeat):
    """Call a method of it; ``ticket`` is told what that returned."""

    run: int
    ticket: int
    method: str
    parcel: bytes = secret()


class Recall(ToSeat):
    """Nobody waits for a call any more."""

    run: int
    ticket: int


class EndRun(ToSeat):
    """End it."""

    run: int


# A node to its bot.


class Running(FromSeat):
    """The object was made; or ``found``, where one of that class had been left by the bot's last process."""

    run: int
    found: bool = False


class Returned(FromSeat):
    """What a method returned, or why it did not."""

    run: int
    ticket: int
    value: Any = None
    failure: Failure | None = None


class RunIsOver(FromSeat):
    """What its ``run`` returned, or why it did not."""

    run: int
    value: Any = None
    failure: Failure | None = None
