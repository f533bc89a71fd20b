"""Who spoke when: what came to a listener, as spans on one line of time, and what they say of an assistant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...testing.people.listener import Arrival
from .compare import Samples

_PAUSE = 0.3
"""Seconds without a packet that are no pause in a sentence any more."""


@dataclass(frozen=True)
class Span:
    """Somebody speaks, from one second to another."""

    who: str
    begin: float
    end: float


@dataclass(frozen=True)
class Answer:
    """The assistant begins to speak, so many seconds after somebody has ended."""

    begin: float
    after: float


@dataclass(frozen=True)
class Cut:
    """The assistant ends because somebody speaks.

    Attributes:
        at: when it is silent.
        by: who speaks.
        since: when who speaks has begun.
        heard: seconds that were heard, as the bot knows.
        reaction: milliseconds from the packet with which it was enough speech to the last one of the assistant.
    """

    at: float
    by: str
    since: float
    heard: float
    reaction: float


@dataclass
class Conversation:
    """A conversation as a listener heard it.

    Attributes:
        sounds: samples at 48 kHz, by name, all from the same moment on.
        spans: who spoke when.
        bot: the assistant's name.
        told: of each interruption what the bot was told: who, seconds heard, seconds of reaction.
        encrypted: whether the call was, end to end.
        asked: utterances that the bot heard.
    """

    sounds: dict[str, Samples]
    spans: list[Span]
    bot: str
    told: list[tuple[str, float, float]] = field(default_factory=list)
    encrypted: bool = False
    asked: int = 0

    @property
    def answers(self) -> list[Answer]:
        """Each time that the assistant speaks after somebody else."""
        found = []
        for span in self._of_bot():
            ends = [other.end for other in self.spans if other.who != self.bot and other.end <= span.begin]
            if ends:
                found.append(Answer(span.begin, span.begin - max(ends)))
        return found

    @property
    def cuts(self) -> list[Cut]:
        """Each time that somebody spoke over the assistant, and it was silent before that was over."""
        found, told = [], iter(self.told)
        for span in self._of_bot():
            over = [other for other in self.spans if other.who != self.bot and span.begin < other.begin < span.end]
            if over and span.end < over[0].end + _PAUSE:
                by, heard, reaction = next(told, (over[0].who, float("nan"), float("nan")))
                found.append(Cut(span.end, by, over[0].begin, heard, reaction * 1e3))
        return found

    def _of_bot(self) -> Iterable[Span]:
        return (span for span in self.spans if span.who == self.bot)


def spans(who: str, arrivals: Iterable[Arrival], origin_ns: int) -> list[Span]:
    """When somebody spoke; seconds from ``origin_ns``, in nanoseconds since 1970, on."""
    found: list[Span] = []
    open_ = False
    for arrival in arrivals:
        at = (arrival.time_ns - origin_ns) / 1e9
        if arrival.is_silence:
            open_ = False
        elif open_ and at - found[-1].end < _PAUSE:
            found[-1] = Span(who, found[-1].begin, at + 0.020)
        else:
            found.append(Span(who, at, at + 0.020))
            open_ = True
    return found
