"""One voice connection, carried out.

:class:`~isocord.flow.ConnectionFlow` decides what happens next; this module does it: opens sessions, arms timers,
starts tracks, and tells the client. Who owns what:

- The flow, the session and every underscored attribute belong to the gateway thread. The public methods only hand work
  over to it and may be called from any thread; the properties read one immutable value.
- The native connection is thread-safe. Its events come on the native event thread and are handed over at once.
- The :class:`~isocord.link.Link` belongs to the client. It is called on the gateway thread and hands over to the loop
  of the bot.
- No lock is held while anything outside is called.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
import weakref
from collections.abc import Callable

from .. import _native
from ..gateway.protocol.close_codes import CloseAction, CloseVerdict
from ..gateway.protocol.counters import Counters, Latencies
from ..gateway.protocol.messages import ClientDisconnect, ClientsConnect, DaveEvent, Speaking
from ..gateway.protocol.protocol import Credentials
from ..playing.player import Player
from ..runtime.handover import uncancellable, weak_handler
from ..runtime.thread import GatewayThread, gateway_thread
from . import lifetime
from .decisions.actions import Action, CloseSocket, Finish, OpenSocket, SendVoiceState
from .decisions.flow import ConnectionFlow
from .link import Link
from .session.encryption import MAX_DAVE_VERSION, Encryption
from .session.roster import Roster, tell_native
from .session.session import SessionInfo, SocketOpener, VoiceSession
from .session.speaking import VOICE, Speaker
from .states import ConnectionState, Phase, Reason, VoiceServerUpdate, VoiceStateUpdate

_log = logging.getLogger(__name__)

CHECK_INTERVAL = 5.0
"""How often the link is asked whether the bot still knows this connection, in seconds."""
HURRIED_CHECK_INTERVAL = 0.25
"""The same while a new voice session is being made: the bot's own gateway may be what is missing."""


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
        open_socket: makes the opener of websockets for the gateway thread.
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
        open_socket: Callable[[GatewayThread], SocketOpener],
    ) -> None:
        self._link = link
        self._server_id = server_id
        self._user_id = user_id
        self._thread = gateway_thread()
        lifetime.arrange()
        self._open_socket = open_socket(self._thread)
        self._flow = ConnectionFlow(channel_id, timeout=timeout, reconnect=reconnect)
        self._state = self._flow.state
        self._session: VoiceSession | None = None
        self._encryption: Encryption | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._acting = False
        self.latencies = Latencies()
        self.counters = Counters()
        self.native = _native.Connection(weak_handler(weakref.WeakMethod(self._on_native)))
        self.player = player(self.native, self.sync)
        self._roster = Roster(self.native, link)
        self._speaker = Speaker(self._thread, self.player, self)
        self.connected = uncancellable()
        """Done when the first connect succeeded, or when the connection is over."""
        self.finished = uncancellable()
        """Done when the connection is over; :attr:`state` says why."""

    # From any thread.

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        if not self._thread.alive and self._state.phase is not Phase.DISCONNECTED:
            # Nothing works on: the process was forked, or the interpreter is shutting down.
            return ConnectionState(Phase.DISCONNECTED, Reason.FORKED)
        return self._state

    @property
    def session(self) -> VoiceSession | None:
        """The present session; to be read only."""
        return self._session

    @property
    def info(self) -> SessionInfo | None:
        """What the present session is like, once it was established."""
        session = self._session
        return session.info if session is not None else None

    @property
    def encryption(self) -> Encryption | None:
        """End-to-end encryption of the present session; to be read only."""
        return self._encryption

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message of the voice gateway, -1 if none."""
        session = self._session
        return session.protocol.seq_ack if session is not None else -1

    @property
    def flow(self) -> ConnectionFlow:
        """The decisions; to be read only."""
        return self._flow

    @property
    def speaking(self) -> bool:
        """Whether the server knows that we speak."""
        session = self._session
        return session is not None and bool(session.protocol.speaking_flags & VOICE)

    def start(self) -> None:
        """Join the channel; :attr:`connected` says how it went."""
        if not self._thread.call(self._start):
            self.connected.set_result(None)

    def voice_state(self, update: VoiceStateUpdate) -> None:
        """The bot's own voice state changed."""
        self._thread.call(self._decide, self._flow.voice_state, update)

    def maybe_left(self) -> None:
        """The bot left the channel, perhaps by an earlier client's leave."""
        self._thread.call(self._decide, self._flow.maybe_left)

    def voice_server(self, update: VoiceServerUpdate) -> None:
        """The guild has another voice server."""
        self._thread.call(self._decide, self._flow.voice_server, update)

    def move(self, channel_id: int) -> None:
        """Go to another channel."""
        self._thread.call(self._move, channel_id)

    def rejoin(self) -> None:
        """The bot's gateway has a new session and forgot this connection: ask for the channel again."""
        self._thread.call(self._decide, self._flow.rejoin_main_gateway)

    def hold(self) -> None:
        """The bot's gateway is away: wait for it longer."""
        self._thread.call(self._decide, self._flow.hold)

    def stop(self, reason: Reason = Reason.REQUESTED, *, leave: bool) -> None:
        """End the connection; :attr:`finished` is done soon after."""
        if not self._thread.call(self._stop, reason, leave):
            self._close_native()
            if not self.finished.done():
                self.finished.set_result(None)

    def sync(self) -> None:
        """The player wants something else: let the server know, then let the native side know."""
        self._thread.call(self._speaker.sync)

    def speak(self, flags: int) -> concurrent.futures.Future[None]:
        """Set the speaking flags that hold while the player is silent; done when they are written."""
        done = uncancellable()
        if not self._thread.call(self._speaker.set_manual, flags, done):
            done.set_result(None)
        return done

    def announce_packet(self) -> concurrent.futures.Future[None] | None:
        """A single packet is about to leave: done when the server was told that we speak; None if it knows."""
        self._speaker.last_packet = time.monotonic()
        if self.speaking:
            return None
        done = uncancellable()
        if not self._thread.call(self._speaker.announce_packet, done):
            done.set_result(None)
        return done

    # On the gateway thread.

    def _now(self) -> float:
        return self._thread.loop.time()

    def _start(self) -> None:
        self._thread.at_stop(self._shut_down)
        self._flow.start(self._now())
        self._act()
        self._check()
        # Meanwhile the bot's gateway answers.
        from ..gateway.socket import transport

        transport.warm_up(self._thread)

    def _decide(self, method: Callable[..., None], *args: object) -> None:
        method(*args, self._now())
        self._act()

    def _move(self, channel_id: int) -> None:
        self._flow.move(channel_id)
        self._act()

    def _stop(self, reason: Reason, leave: bool) -> None:
        self._flow.stop(reason, leave=leave)
        self._act()

    def _shut_down(self) -> None:
        self._stop(Reason.REQUESTED, False)

    def _act(self) -> None:
        """Carry out what the flow decided, and what it decides meanwhile."""
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self._flow.take_actions():
                for action in actions:
                    self._carry_out(action)
        finally:
            self._acting = False
        self._note_state()
        self.session_changed()

    def _carry_out(self, action: Action) -> None:
        match action:
            case SendVoiceState():
                self._link.send_voice_state(action.channel_id, self._voice_state_sent)
            case OpenSocket():
                self._open(action)
            case CloseSocket():
                if self._session is not None:
                    self._session.drop_socket(action.code)
            case Finish():
                self._finish()

    def _voice_state_sent(self) -> None:
        self._thread.call(self._decide, self._flow.voice_state_sent)

    def _open(self, action: OpenSocket) -> None:
        if not action.resume or self._session is None:
            if self._session is not None:
                self._session.close(1000)
            target = action.target
            self._session = VoiceSession(
                self,
                thread=self._thread,
                native=self.native,
                credentials=Credentials(self._server_id, self._user_id, target.session_id, target.token),
                endpoint=target.endpoint,
                open_socket=self._open_socket,
                max_dave_version=MAX_DAVE_VERSION,
                latencies=self.latencies,
            )
            self._session.protocol.counters = self.counters
            self._encryption = Encryption(
                self.native,
                user_id=self._user_id,
                channel_id=target.channel_id,
                send=self._session.send,
                changed=self._encryption_changed,
                failed=lambda: self._thread.call(self._encryption_failed, self._session),
            )
        self._session.open()

    def _finish(self) -> None:
        self._thread.forget(self._shut_down)
        for timer in (self._timer, self._check_timer):
            if timer is not None:
                timer.cancel()
        self._speaker.close()
        if self._session is not None:
            self._session.close(1000)
        self._note_state()
        self._close_native()
        if not self.finished.done():
            self.finished.set_result(None)
        if not self.connected.done():
            self.connected.set_result(None)

    def _close_native(self) -> None:
        self.player.close()
        self.native.close()
        self.player.finish_all()

    def _note_state(self) -> None:
        state = self._flow.state
        if state == self._state:
            return
        self._state = state
        if state.phase is Phase.CONNECTED and not self.connected.done():
            self.connected.set_result(None)
        if state.phase is Phase.RECONNECTING:
            # The old session is over on the server: sound would go to nobody.
            tell_native(self.native.end_session)
        _log.info("Voice connection of guild %d: %s", self._server_id, state)
        self._link.state_changed(state)

    def _check(self) -> None:
        interval = HURRIED_CHECK_INTERVAL if self._flow.state.phase is Phase.RECONNECTING else CHECK_INTERVAL
        if self._check_timer is not None:
            self._check_timer.cancel()
        self._check_timer = self._thread.loop.call_later(interval, self._check)
        self._link.check()

    # Reports of the session.

    def session_established(self, *, resumed: bool) -> None:
        if not resumed:
            self._roster.clear()
            session, encryption = self._session, self._encryption
            if session is not None and session.info is not None and encryption is not None:
                encryption.start(session.info.dave_version)
        self._flow.established(self._now(), resumed=resumed)
        self._act()
        self._speaker.sync()

    def session_lost(self, verdict: CloseVerdict) -> None:
        resumable = self._session is not None and self._session.protocol.can_resume
        self._flow.lost(verdict, self._now(), resumable=resumable)
        self._act()
        if self._flow.state.phase is not Phase.DISCONNECTED:
            # The loss may be a sign that the bot's gateway lost its session, too.
            self._check()

    def session_channel_event(self, event: Speaking | ClientsConnect | ClientDisconnect) -> None:
        self._roster.take(event, self._encryption)

    def session_dave_event(self, event: DaveEvent) -> None:
        if self._encryption is not None:
            self._encryption.take(event)

    def _encryption_changed(self) -> None:
        if self._encryption is not None:
            self._link.encryption_changed(self._encryption.state)

    def _encryption_failed(self, session: VoiceSession | None) -> None:
        if session is None or session is not self._session:
            return
        session.drop_socket(1000)
        verdict = CloseVerdict(CloseAction.REJOIN, None, "the call's group was refused again and again")
        self._flow.lost(verdict, self._now(), resumable=False, reason=Reason.ENCRYPTION_FAILED)
        self._act()

    def session_changed(self) -> None:
        if self._acting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        session = self._session
        due = [when for when in (self._flow.deadline, session.deadline if session else None) if when is not None]
        if due:
            self._timer = self._thread.loop.call_at(min(due), self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        now = self._now()
        self._flow.timeout(now)
        self._act()
        if self._session is not None:
            self._session.timeout(now)
        self.session_changed()

    # Events of the native side.

    def _on_native(self, event: _native.Event) -> None:
        if isinstance(event, _native.TrackEnded):
            self.player.track_ended()
        else:
            self._thread.call(self._take_native, event)

    def _take_native(self, event: _native.Discovered | _native.DiscoveryFailed) -> None:
        if self._session is None:
            return
        if isinstance(event, _native.Discovered):
            self._session.discovered(event)
        else:
            self._session.discovery_failed(event)

    # Speaking, and the player.

    def wanted_flags(self) -> int:
        return self._speaker.wanted_flags
