"""Whose stream is whose, as Discord has told the bot; on the bot's loop."""

from __future__ import annotations

_LIMIT = 4_096
"""More users than any channel holds; then the one told of first is forgotten."""


class Streams:
    """The streams of others in the channel.

    Attributes:
        by_ssrc: ``{"user_id": ..., "speaking": flags}`` for each SSRC.
    """

    def __init__(self) -> None:
        self.by_ssrc: dict[int, dict[str, int]] = {}
        self._ssrc_of: dict[int, int] = {}

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._ssrc_of

    def tell(self, user_id: int, ssrc: int, flags: int) -> None:
        """A user has this stream, and these speaking flags."""
        self.forget(user_id)
        if (before := self.by_ssrc.get(ssrc)) is not None:
            self.forget(before["user_id"])
        if len(self._ssrc_of) >= _LIMIT:
            self.forget(next(iter(self._ssrc_of)))
        self._ssrc_of[user_id] = ssrc
        self.by_ssrc[ssrc] = {"user_id": user_id, "speaking": flags}

    def forget(self, user_id: int) -> None:
        """A user has none any more."""
        ssrc = self._ssrc_of.pop(user_id, None)
        if ssrc is not None:
            del self.by_ssrc[ssrc]

    def clear(self) -> None:
        """Another voice session tells everything anew."""
        self._ssrc_of.clear()
        self.by_ssrc.clear()
