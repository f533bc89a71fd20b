"""Notices a voice session in which something plays and nothing leaves; without IO, in the caller's time.

Whatever the cause, nobody hears the bot then, and another session may help.
"""

from __future__ import annotations

from ...runtime.values import Record
from . import limits


class Sent(Record):
    """What a connection has sent so far, in frames.

    Attributes:
        packets: that left, or that the system did not take.
        withheld: that passed unsent for want of an end-to-end key.
    """

    packets: int
    withheld: int


class SendWatch:
    """Looks at the counters from time to time."""

    def __init__(self) -> None:
        self._last: Sent | None = None
        self._since = 0.0

    def look(self, sent: Sent, now: float, *, playing: bool, others: bool) -> str | None:
        """What is wrong, in words for people, or None.

        Args:
            sent: the counters.
            now: in seconds.
            playing: whether frames of something that plays wait to leave, in an established session. Where a source
                gives nothing, there is nothing that could leave.
            others: whether anybody else is in the call. A bot that is alone in an encrypted call has no key.
        """
        last, self._last = self._last, sent if playing else None
        if not playing:
            return None
        if last is None or sent.packets != last.packets or (sent.withheld != last.withheld and not others):
            self._since = now
            return None
        if sent.withheld != last.withheld:
            if now - self._since >= limits.KEY_LIMIT:
                return "others are in the call, but its end-to-end encryption gave no key"
        elif now - self._since >= limits.SEND_LIMIT:
            return "something plays, but no packet leaves"
        return None
