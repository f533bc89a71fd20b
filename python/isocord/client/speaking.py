"""Who speaks just now, as the sound itself tells."""

from __future__ import annotations

from collections.abc import Callable

from .. import _native
from ..hearing.listening import CallbackListening
from ..hearing.recording.sink_recording import FrameSource

_LIMIT = 4_096
"""Users who are followed; more than any channel holds."""


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
        self._speaking.pop(change.user_id, None)
        if len(self._speaking) >= _LIMIT:
            del self._speaking[next(iter(self._speaking))]
        self._speaking[change.user_id] = change.speaking
        if self.telling:
            self._tell(change)
