"""Who speaks in each connection, followed only while somebody watches, and without a thread for each."""

from __future__ import annotations

from typing import Any

from ..client.voice_client import VoiceClient
from ..errors import ClientError

_TAKE = 4_096


class Speakers:
    """Follows the speaking of all users; to be asked about once a second, by one thread."""

    def __init__(self) -> None:
        self._followed: dict[VoiceClient, _Followed] = {}

    def of(self, voice: VoiceClient) -> frozenset[int]:
        """Those who speak in this connection now, or have spoken since it was last asked; none at the first time."""
        followed = self._followed.get(voice)
        if followed is None:
            try:
                followed = self._followed[voice] = _Followed(voice._hear("speaking"))
            except ClientError:
                # Not connected, or not any more: there is nobody to hear.
                return frozenset()
        speaking = followed.look()
        if speaking is None:
            del self._followed[voice]
            return frozenset()
        return speaking

    def keep(self, voices: list[VoiceClient]) -> None:
        """Forget all connections but these."""
        for gone in self._followed.keys() - set(voices):
            self._followed.pop(gone).close()

    def close(self) -> None:
        """Follow nobody any more."""
        self.keep([])


class _Followed:
    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._now: set[int] = set()

    def look(self) -> frozenset[int] | None:
        """None when the connection is over."""
        spoke = set(self._now)
        changes = self._queue.take(_TAKE, 0.0)
        if changes is None:
            return None
        for change in changes:
            if change.speaking:
                self._now.add(change.user_id)
            else:
                self._now.discard(change.user_id)
            spoke.add(change.user_id)
        return frozenset(spoke)

    def close(self) -> None:
        self._queue.close()
