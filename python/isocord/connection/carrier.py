"""What carries the sound of a connection, as its driver and its client see it.

:mod:`isocord.connection.media` does it in this process, :mod:`isocord.remote` on another machine.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any, Protocol

from .. import _native
from ..gateway.protocol.close_codes import CloseVerdict
from ..gateway.protocol.counters import Counters, Latencies
from ..playing.sources.feed import Tracks
from ..runtime.thread import GatewayThread
from .decisions.actions import Target
from .session.encryption import EncryptionState
from .session.session import SessionInfo
from .states import ChannelEvent, Reason


class MediaOwner(Protocol):
    """What the half that carries sound reports to, on the gateway thread."""

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``; what it raises ends the session, and is told."""

    def established(self, *, resumed: bool) -> None:
        """Packets can leave."""

    def lost(self, verdict: CloseVerdict, reason: Reason, *, resumable: bool) -> None:
        """The websocket is gone; the session waits for :meth:`MediaHalf.open` or
        :meth:`MediaHalf.close`."""

    def channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""

    def encryption_changed(self, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""


class MediaHalf(Protocol):
    """The half of a connection that carries sound. The attributes may be read from any thread, the methods belong to
    the gateway thread."""

    @property
    def latencies(self) -> Latencies:
        """Of heartbeats, over all sessions."""

    @property
    def counters(self) -> Counters:
        """Messages of the voice gateway, over all sessions."""

    @property
    def info(self) -> SessionInfo | None:
        """What the present session is like, once it was established."""

    @property
    def encryption_state(self) -> EncryptionState:
        """What is known of its end-to-end encryption."""

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message of the voice gateway, -1 if none."""

    @property
    def speaking(self) -> bool:
        """Whether the server knows that we speak."""

    def verification_code(self, user_id: int) -> str | None:
        """The digits that the bot and a user compare; it takes a tenth of a second, on any thread."""

    def packet_leaves(self) -> None:
        """A single packet leaves now; from any thread."""

    def open(self, target: Target, *, resume: bool) -> None:
        """Open a websocket, to resume the session if that can be; otherwise a new session takes its place."""

    def drop(self, code: int = ...) -> None:
        """Close the websocket but keep the session."""

    def end_session(self) -> None:
        """The session is over on the server: sound would go to nobody."""

    def sync(self) -> None:
        """The player wants something else: tell the server, then let it leave."""

    def speak(self, flags: int, done: concurrent.futures.Future[None]) -> None:
        """Set the flags that hold while the player is silent; ``done`` is done when the server was told."""

    def announce_packet(self, done: concurrent.futures.Future[None]) -> None:
        """A single packet is about to leave; ``done`` is done when the server was told."""

    def take_native(self, event: _native.Discovered | _native.DiscoveryFailed) -> None:
        """The native side found our address, or did not."""

    def look(self, *, established: bool) -> None:
        """See that what plays leaves; it is told as a loss if it does not."""

    def close(self) -> None:
        """It is over."""


class Carrier(Protocol):
    """Where the sound of a connection is carried."""

    def native(self, on_event: Callable[[_native.Event], None]) -> _native.Connection:
        """What sends and receives."""

    def tracks(self, native: _native.Connection) -> Tracks:
        """What makes tracks that it plays."""

    def media(self, owner: MediaOwner, thread: GatewayThread, native: _native.Connection, **of: Any) -> MediaHalf:
        """What carries it; ``of`` is whose: ``server_id``, ``user_id``, ``player``, ``log``."""
