"""What a recording asks of a sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class AnySink(Protocol):
    """What py-cord's ``discord.sinks.Sink`` and :class:`Sink` have in common."""

    def init(self, vc: Any) -> object:
        """The recording by the voice client ``vc`` begins. Called by ``start_recording``."""

    def write(self, data: bytes, user: int, /) -> object:
        """Take s16le stereo at 48 kHz of the user with the id ``user``. Called on the thread ``isocord-sink``."""

    def cleanup(self) -> object:
        """The recording is over. Called once, on the thread ``isocord-sink``."""


class Sink:
    """Base class of sinks of your own, for bots of any library. Override :meth:`write`, and :meth:`cleanup` if need be.

    Args:
        users: ids of those who are recorded; all if empty.
        exclude: ids of those who are not.
        time: seconds after which the recording ends; 0 for no end.
        max_size: bytes of PCM of one user at which the recording ends; 0 for no end.

    Raises:
        ValueError: ``time`` or ``max_size`` is negative.

    Attributes:
        vc: the voice client that records, once the recording began.
        finished: whether the recording is over.
    """

    def __init__(
        self, *, users: Iterable[int] = (), exclude: Iterable[int] = (), time: float = 0, max_size: int = 0
    ) -> None:
        if not time >= 0 or not max_size >= 0:
            raise ValueError("time and max_size are 0 or more")
        self.filtered_users: list[int] = list(users)
        self.excluded_users: frozenset[int] = frozenset(exclude)
        self.seconds = time
        self.max_size = max_size
        self.vc: Any = None
        self.finished: bool = False

    def init(self, vc: Any) -> None:
        """The recording by the voice client ``vc`` begins."""
        self.vc = vc
        self.finished = False

    def write(self, data: bytes, user: int, /) -> None:
        """Take s16le stereo at 48 kHz of the user with the id ``user``; gaps come as zeros."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """The recording is over."""
        self.finished = True
