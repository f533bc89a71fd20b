"""What a class that runs at a media node is given: the connection there, with the voice client's own methods."""

from __future__ import annotations

import abc
import asyncio
import concurrent.futures
from typing import Any, TypeVar

from ... import _native
from ...client.playing import PlaybackSurface
from ...client.utterances import UtteranceSurface
from ...connection.media import Media
from ...connection.states import ConnectionState, Phase, Reason
from ...errors import ClientError, IsocordError
from ...hosts.base import Host
from ...runtime.handover import uncancellable
from ...runtime.log import GuildLog
from ...runtime.thread import GatewayThread
from .shared import OwnPlayer, SharedPlayer

_E = TypeVar("_E", bound=IsocordError)


class _Readable(abc.ABC):  # noqa: B024 - it is asked by isinstance only
    """Whatever has the methods of a bot library's sources: a node need not have that library."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return all(callable(getattr(other, name, None)) for name in ("read", "is_opus", "cleanup"))


class _Nobody(Host):
    """The bot library of a node, where there is none: members and the guild are ids."""

    def error(self, kind: type[_E], message: str, code: int | None = None) -> _E:
        """Isocord's own."""
        return kind(message)

    def loop(self, client: Any) -> Any:
        """That the code runs on."""
        return client

    def guild_id(self, channel: Any) -> int:
        """The guild."""
        return int(channel)

    def guild(self, client: Any, guild_id: int, channel: Any) -> Any:
        """Its id."""
        return guild_id

    def member(self, place: Any, user_id: int) -> Any:
        """An id."""
        return user_id


_NOBODY = _Nobody(
    name="isocord",
    voice_protocol=object,
    audio_source=_Readable,
    client_exception=ClientError,
    opus_error=IsocordError,
)


class Seated:
    """What of a seat its own code needs.

    Args:
        thread: the gateway thread.
        native: what sends and receives.
        media: what carries the sound.
        player: what plays.
        log: the connection's.
        owner: the bot and the guild.
    """

    def __init__(
        self,
        *,
        thread: GatewayThread,
        native: _native.Connection,
        media: Media,
        player: SharedPlayer,
        log: GuildLog,
        owner: tuple[int, int],
    ) -> None:
        self.thread: GatewayThread = thread
        self.native: _native.Connection = native
        self.media: Media = media
        self.player: SharedPlayer = player
        self.log: GuildLog = log
        self.user_id: int = owner[0]
        self.server_id: int = owner[1]

    def sync(self) -> None:
        """The player wants something else; from any thread."""
        self.thread.call(self.media.enter, self.media.sync)


class _Here:
    """What the surfaces of a voice client know as its connection."""

    tracks = _native.Track

    def __init__(self, seat: Seated, player: OwnPlayer) -> None:
        self._seat = seat
        self.native: _native.Connection = seat.native
        self.player: OwnPlayer = player
        self.is_over = False

    @property
    def state(self) -> ConnectionState:
        """Where it stands."""
        if self.is_over:
            return ConnectionState(Phase.DISCONNECTED, Reason.REQUESTED)
        if self._seat.media.info is None:
            return ConnectionState(Phase.CONNECTING, Reason.REQUESTED)
        return ConnectionState(Phase.CONNECTED, Reason.ESTABLISHED)

    def announce_packet(self) -> concurrent.futures.Future[None] | None:
        """A single packet is about to leave: done when the server was told."""
        media = self._seat.media
        media.packet_leaves()
        if media.speaking:
            return None
        done = uncancellable()
        if not self._seat.thread.call(media.enter, media.announce_packet, done):
            done.set_result(None)
        return done


class BesideVoice(PlaybackSurface, UtteranceSurface):
    """A voice connection where its sound is carried, for a class that :func:`run_beside` runs there.

    It has what listens and plays of :class:`isocord.VoiceClient`, with the same arguments: ``listen``, ``listen_with``,
    ``utterances``, ``is_speaking``, ``play``, ``stop``, ``pause``, ``resume``, ``source``, ``encoder``,
    ``send_audio_packet``, ``receive_stats``. Members are ids. Of the bot and the classes beside a connection, who plays
    last takes the place of the others.

    Attributes:
        guild_id: the guild.
        user_id: the bot.
        starts: how often the object was begun, at one node after the other; 1 where it is the first.
    """

    def __init__(self, seat: Seated, loop: asyncio.AbstractEventLoop, starts: int) -> None:
        self._host = _NOBODY
        super().__init__(loop, seat.server_id)
        self.guild_id: int = seat.server_id
        self.user_id: int = seat.user_id
        self.starts: int = starts
        self._seat = seat
        self._here = _Here(seat, seat.player.own(seat.sync, loop, self._log))
        self._connection = self._here  # type: ignore[assignment]

    def _live(self, kind: type[ClientError] = ClientError, message: str = "Not connected to voice") -> Any:
        # Before the session is there one listens already, and what plays waits for it.
        if self._here.is_over:
            raise kind(f"{message}: it is over")
        return self._here

    def dispatch_speaking(self, enabled: bool = True) -> None:
        """Not here.

        Raises:
            ClientError: a node has no events: ``listen(speaking=True)`` tells who speaks.
        """
        raise ClientError("a media node has no events: listen(speaking=True) tells who speaks")

    def _end(self) -> None:
        """What it plays stops, and it takes no more."""
        self._here.is_over = True
        self._seat.player.disown(self._here.player)

    def __repr__(self) -> str:
        return f"<BesideVoice guild={self.guild_id} {self.state}>"
