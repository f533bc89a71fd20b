"""One voice connection, as the client holds it.

:class:`~isocord.connection.decisions.flow.ConnectionFlow` decides what happens next, and
:class:`~isocord.connection.driver.ConnectionDriver` does it. Who owns what:

- The flow, the driver and the session belong to the gateway thread. The public methods here only hand work over to it
  and may be called from any thread; the properties read immutable values.
- The native connection is thread-safe. Its events come on the native event thread and are handed over at once.
- The :class:`~isocord.connection.link.Link` belongs to the client. It is called on the gateway thread and hands over to
  the loop of the bot.
- No lock is held while anything outside is called.
"""

from __future__ import annotations

import concurrent.futures
import weakref
from collections.abc import Callable
from functools import partial

from .. import _native
from ..gateway.protocol.counters import Counters, Latencies
from ..playing.player import Player
from ..playing.sources.feed import Tracks
from ..runtime.handover import uncancellable, weak_handler
from ..runtime.thread import gateway_thread
from . import lifetime
from .carrier import Carrier, MediaHalf
from .decisions.flow import ConnectionFlow
from .driver import ConnectionDriver, close_native
from .link import Link
from .session.encryption import EncryptionState
from .session.session import SessionInfo
from .states import ConnectionState, Phase, Reason, VoiceServerUpdate, VoiceStateUpdate


class VoiceConnection:
    """A voice connection from its first join to its end; it is not used again after that.

    Args:
        link: the client's end.
        server_id: the guild.
        user_id: the bot.
        channel_id: the channel to join.
        timeout: seconds for the first connect.
        reconnect: whether a lost session may be replaced.
        player: makes the player, given the native connection and a way to ask for :meth:`sync`.
        carrier: where its sound is carried: by this process, or by another one.
    """

    def __init__(
        self,
        link: Link,
        *,
        server_id: int,
        user_id: int,
        channel_id: int,
        timeout: float,
        reconnect: bool,
        player: Callable[[_native.Connection, Callable[[], None]], Player],
        carrier: Carrier,
    ) -> None:
        self._thread = gateway_thread()
        lifetime.arrange()
        self.native: _native.Connection = carrier.native(weak_handler(weakref.WeakMethod(self._on_native)))
        self.tracks: Tracks = carrier.tracks(self.native)
        self.player: Player = player(self.native, self.sync)
        self._driver = ConnectionDriver(
            link,
            ConnectionFlow(channel_id, timeout=timeout, reconnect=reconnect),
            thread=self._thread,
            server_id=server_id,
            user_id=user_id,
            native=self.native,
            player=self.player,
            carrier=carrier,
        )
        self._was_joined = False
        self._kicked = False
        self.connected: concurrent.futures.Future[None] = self._driver.connected
        """Done when the first connect succeeded, or when the connection is over."""
        self.finished: concurrent.futures.Future[None] = self._driver.finished
        """Done when the connection is over; :attr:`state` says why."""

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        decided = self._driver.flow.state
        if decided.phase is Phase.DISCONNECTED:
            # True from the decision on: Discord's word of the leave may come before all of it is carried out.
            return decided
        if self._kicked:
            return ConnectionState(Phase.DISCONNECTED, Reason.KICKED)
        if not self._thread.alive:
            # Nothing works on: the process was forked, or the interpreter is shutting down.
            return ConnectionState(Phase.DISCONNECTED, Reason.FORKED)
        return self._driver.state

    @property
    def media(self) -> MediaHalf:
        """What carries its sound; to be read only."""
        return self._driver.media

    @property
    def info(self) -> SessionInfo | None:
        """What the present session is like, once it was established."""
        return self._driver.media.info

    @property
    def encryption(self) -> EncryptionState:
        """What is known of the end-to-end encryption of the present session."""
        return self._driver.media.encryption_state

    def verification_code(self, user_id: int) -> str | None:
        """See :meth:`isocord.VoiceClient.verification_code`; it takes a tenth of a second."""
        return self._driver.media.verification_code(user_id)

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message of the voice gateway, -1 if none."""
        return self._driver.media.seq_ack

    @property
    def flow(self) -> ConnectionFlow:
        """The decisions; to be read only."""
        return self._driver.flow

    @property
    def latencies(self) -> Latencies:
        """Of heartbeats, over all sessions."""
        return self._driver.media.latencies

    @property
    def counters(self) -> Counters:
        """Messages of the voice gateway, over all sessions."""
        return self._driver.media.counters

    @property
    def speaking(self) -> bool:
        """Whether the server knows that we speak."""
        return self._driver.media.speaking

    def start(self) -> None:
        """Join the channel; :attr:`connected` says how it went."""
        if not self._call(self._driver.start):
            self.connected.set_result(None)

    def voice_state(self, update: VoiceStateUpdate) -> None:
        """The bot's own voice state changed. Not in the channel any more, it is not connected from now on."""
        flow = self._driver.flow
        if update.channel_id is not None:
            self._was_joined = True
        elif self._was_joined and not flow.expects_leave:
            self._kicked = True
        self._call(self._take_voice_state, update)

    def _take_voice_state(self, update: VoiceStateUpdate) -> None:
        try:
            self._driver.decide(self._driver.flow.voice_state, update)
        finally:
            # From here on the flow says it, which may have known of a leave of its own.
            self._kicked = False

    def maybe_left(self) -> None:
        """The bot left the channel, perhaps by an earlier client's leave."""
        self._call(self._driver.decide, self.flow.maybe_left)

    def voice_server(self, update: VoiceServerUpdate) -> None:
        """The guild has another voice server."""
        self._call(self._driver.decide, self.flow.voice_server, update)

    def move(self, channel_id: int) -> None:
        """Go to another channel."""
        self._call(self._do, self.flow.move, channel_id)

    def rejoin(self) -> None:
        """The bot's gateway has a new session and forgot this connection: ask for the channel again."""
        self._call(self._driver.decide, self.flow.rejoin_main_gateway)

    def hold(self) -> None:
        """The bot's gateway is away: wait for it longer."""
        self._call(self._driver.decide, self.flow.hold)

    def stop(self, reason: Reason = Reason.REQUESTED, *, leave: bool) -> None:
        """End the connection; :attr:`finished` is done soon after."""
        if not self._call(self._do, partial(self.flow.stop, reason, leave=leave)):
            close_native(self.native, self.player)
            if not self.finished.done():
                self.finished.set_result(None)

    def sync(self) -> None:
        """The player wants something else: let the server know, then let the native side know."""
        self._call(self._driver.media.sync)

    def speak(self, flags: int) -> concurrent.futures.Future[None]:
        """Set the speaking flags that hold while the player is silent; done when they are written."""
        done = uncancellable()
        if not self._call(self._driver.media.speak, flags, done):
            done.set_result(None)
        return done

    def announce_packet(self) -> concurrent.futures.Future[None] | None:
        """A single packet is about to leave: done when the server was told that we speak; None if it knows."""
        self._driver.media.packet_leaves()
        if self.speaking:
            return None
        done = uncancellable()
        if not self._call(self._driver.media.announce_packet, done):
            done.set_result(None)
        return done

    def _call(self, function: Callable[..., object], *args: object) -> bool:
        return self._thread.call(self._driver.enter, function, *args)

    def _do(self, method: Callable[..., None], *args: object) -> None:
        method(*args)
        self._driver.act()

    def _on_native(self, event: _native.Event) -> None:
        if isinstance(event, _native.TrackEnded):
            self.player.track_ended()
        else:
            self._call(self._driver.media.take_native, event)
