"""Who speaks just now, as the sound itself tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .. import _native
from ..hearing.listening import CallbackListening
from ..hearing.recording.sink_recording import FrameSource

_LIMIT = 4_096
"""Users who are followed; more than any channel holds."""
_PATIENCE = 2.0
"""Seconds that a change waits for the bot's library to know its member."""
_AGAIN_AFTER = 0.05


class SpeakingWatch:
    """Follows the speaking of all users of one connection, on a thread of its own.

    Args:
        frames: tells who begins and ceases to speak.
        tell: called with each change while :attr:`telling`, on that thread.

    Attributes:
        telling: whether somebody wants to hear of changes.
    """

    def __init__(self, frames: FrameSource, tell: Callable[[_native.SpeakingChanged], None]) -> None:
        self.telling: bool = False
        self._asked = False
        self._tell = tell
        self._speaking: dict[int, bool] = {}
        self._listening = CallbackListening(frames, self._take, speaking=True)

    @property
    def is_over(self) -> bool:
        """Whether it hears nothing any more."""
        return self._listening.is_over

    def asked_of(self, user_id: int) -> bool | None:
        """Whether a user speaks; None if it has not spoken since the watch began."""
        self._asked = True
        return self._speaking.get(user_id)

    def tell_no_more(self) -> None:
        """Nobody wants to hear of changes any more; it ends, unless somebody asks."""
        self.telling = False
        if not self._asked:
            self._listening.close()

    def _take(self, change: _native.SpeakingChanged) -> None:
        # Others look at it meanwhile: nobody who is known is to be missing, be it for a moment.
        if change.user_id not in self._speaking and len(self._speaking) >= _LIMIT:
            del self._speaking[next(iter(self._speaking))]
        self._speaking[change.user_id] = change.speaking
        if self.telling:
            self._tell(change)


class Timer(Protocol):
    """Something that is called later."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """What of an event loop the news need."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Timer: ...


class SpeakingNews:
    """Tells of changes with the members whom they are about, on the bot's loop.

    Sound may be there before the bot's library has heard on its own gateway that somebody has come: what is told of
    such a user waits for that, for two seconds.

    Args:
        loop: the bot's.
        member: the member with an id, None while it is not known.
        tell: called with the member and its change, of each user in the order in which they happened.
    """

    def __init__(
        self,
        loop: Timers,
        member: Callable[[int], Any],
        tell: Callable[[Any, _native.SpeakingChanged], None],
    ) -> None:
        self._loop, self._member, self._tell = loop, member, tell
        self._untold: list[tuple[float, _native.SpeakingChanged]] = []
        self._timer: Timer | None = None

    def take(self, change: _native.SpeakingChanged) -> None:
        """Tell of a change as soon as its member is known."""
        if len(self._untold) < _LIMIT:
            self._untold.append((self._loop.time() + _PATIENCE, change))
        self._tell_known()

    def _tell_known(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        untold, self._untold = self._untold, []
        for deadline, change in untold:
            member = self._member(change.user_id)
            if member is not None:
                self._tell(member, change)
            elif self._loop.time() < deadline:
                self._untold.append((deadline, change))
        self._timer = self._loop.call_later(_AGAIN_AFTER, self._tell_known) if self._untold else None
