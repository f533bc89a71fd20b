"""Who may interrupt what plays by speaking, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_LONGEST = 10.0


@dataclass(frozen=True)
class BargeIn:
    """Who interrupts what plays by speaking: ``voice.play(source, barge_in=isocord.BargeIn(min_speech=0.3))``.

    The words of one who begins to speak are judged by voice activity detection, so that noise interrupts nothing. It is
    counted what is said while the bot is heard. A pause of 0.3 seconds begins a new count.

    Attributes:
        min_speech: seconds of speech that interrupt, 0 to 10; in steps of 20 ms.
        users: members, users or ids who may; everybody if empty. Other bots that play are nobody to listen to.
        echo_guard: whether users may have loudspeakers: what comes back of the bot's own sound, up to half a second
            later, interrupts nothing. It is told from speech by its fine structure, which rooms and loudspeakers leave,
            and that takes 0.3 seconds of speech at least.

    Raises:
        ValueError: ``min_speech`` is out of its range.
    """

    min_speech: float = 0.2
    users: Iterable[Any] = ()
    echo_guard: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_speech <= _LONGEST:
            raise ValueError(f"min_speech must be 0 to 10 seconds, not {self.min_speech!r}")
        object.__setattr__(self, "users", frozenset(int(getattr(user, "id", user)) for user in self.users))

    @staticmethod
    def of(wanted: BargeIn | bool) -> BargeIn | None:
        """What is meant by True and False.

        Raises:
            TypeError: it is something else.
        """
        if isinstance(wanted, BargeIn):
            return wanted
        if not isinstance(wanted, bool):
            raise TypeError(f"barge_in must be True, False or an isocord.BargeIn, not {type(wanted).__name__}")
        return BargeIn() if wanted else None
