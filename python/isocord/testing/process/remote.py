"""A scripted participant of a fake Discord that runs in another process."""

from __future__ import annotations

import base64
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from ..ground.world import HasId, Reference
from ..people.listener import Arrival, GapStatistics


class Caller(Protocol):
    """The way to the other process."""

    def call(self, name: str, **arguments: Any) -> Any: ...


class RemoteParticipant:
    """A scripted participant of a :class:`FakeDiscordProcess`; see :class:`Listener` and :class:`Speaker`."""

    def __init__(self, discord: Caller, ssrc: int) -> None:
        self._discord = discord
        self.ssrc = ssrc

    def arrivals(self, user: Reference | None = None, *, opus: bool = False) -> list[Arrival]:
        """What came from ``user`` (the bot without an argument); ``opus`` brings the packets along."""
        return [_arrival(row) for row in self._call("arrivals", user=plain(user), opus=opus)]

    def take(self, user: Reference | None = None, *, opus: bool = False) -> list[Arrival]:
        """As :meth:`arrivals`, and forgets them: each arrival is given once."""
        return [_arrival(row) for row in self._call("take", user=plain(user), opus=opus)]

    def gaps(self, user: Reference | None = None) -> GapStatistics:
        return GapStatistics(**self._call("gaps", user=plain(user)))

    def pcm(self, user: Reference | None = None) -> bytes:
        """The sound of ``user`` (the bot without an argument), 48 kHz stereo s16le."""
        return base64.b64decode(self._call("pcm", user=plain(user)))

    def save_wav(self, path: str | PathLike[str], user: Reference | None = None) -> None:
        self._call("save_wav", path=str(Path(path).absolute()), user=plain(user))

    @property
    def privacy_code(self) -> str | None:
        """The call's privacy code as this participant sees it; None without a group."""
        code: str | None = self._call("privacy_code")
        return code

    @property
    def early(self) -> int:
        """Frames that came before this participant had the keys; see :class:`Listener`."""
        return int(self._call("early"))

    def clear(self) -> None:
        """Forget everything heard so far."""
        self._call("clear")

    def play(self, pcm: bytes) -> None:
        """Speak 48 kHz stereo s16le; only for one that ``speak`` gave."""
        self._call("play", pcm=base64.b64encode(pcm).decode("ascii"))

    def play_file(self, path: str | PathLike[str]) -> None:
        """Speak an audio file; only for one that ``speak`` gave."""
        self._call("play", file=str(Path(path).absolute()))

    @property
    def is_playing(self) -> bool:
        return bool(self._call("is_playing"))

    def leave(self) -> None:
        self._call("leave")

    def _call(self, name: str, **arguments: Any) -> Any:
        return self._discord.call(name, participant=self.ssrc, **arguments)


def plain(reference: Reference | HasId | None) -> int | str | None:
    """A reference as plain JSON."""
    return reference if isinstance(reference, int | str | None) else reference.id


def _arrival(row: list[Any]) -> Arrival:
    when, seq, timestamp, ssrc, size, frame, encrypted = row
    return Arrival(when, seq, timestamp, ssrc, size, base64.b64decode(frame) if frame else None, encrypted)
