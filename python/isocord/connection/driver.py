"""The part of a voice connection that runs on the gateway thread: it carries out what the flow decides.

It opens sessions, arms timers, and tells the client. Whatever fails in it is a loss that is reported at once: every
call that comes from outside goes through :meth:`ConnectionDriver.enter`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from .. import _native
from ..gateway.protocol.close_codes import CloseAction, CloseVerdict
from ..gateway.protocol.counters import Counters, Latencies
from ..gateway.protocol.messages import ClientDisconnect, ClientsConnect, DaveEvent, Speaking
from ..gateway.protocol.protocol import ABANDONED, Credentials
from ..playing.player import Player
from ..runtime.handover import uncancellable
from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from ..runtime.worker import Done, Job
from .decisions.actions import Action, CloseSocket, Finish, OpenSocket, SendVoiceState
from .decisions.flow import ConnectionFlow
from .decisions.sending import SendWatch, Sent
from .link import Link
from .session.encryption import MAX_DAVE_VERSION, Encryption
from .session.roster import Roster, tell_native
from .session.session import SocketOpener, VoiceSession
from .session.speaking import Speaker
from .states import ConnectionState, Phase, Reason

CHECK_INTERVAL = 5.0
"""How often the link is asked whether the bot still knows this connection, in seconds."""
HURRIED_CHECK_INTERVAL = 0.25
"""The same while a new voice session is being made: the bot's own gateway may be what is missing."""

_log = logging.getLogger("isocord.connection")


class ConnectionDriver:
    """Drives one connection. The attributes without underscore may be read from any thread."""

    def __init__(
        self,
        link: Link,
        flow: ConnectionFlow,
        *,
        thread: GatewayThread,
        server_id: int,
        user_id: int,
        native: _native.Connection,
        player: Player,
        open_socket: SocketOpener,
    ) -> None:
        self.flow = flow
        self.state: ConnectionState = flow.state
        self.session: VoiceSession | None = None
        self.encryption: Encryption | None = None
        self.latencies: Latencies = Latencies()
        self.counters: Counters = Counters()
        self.connected: concurrent.futures.Future[None] = uncancellable()
        self.finished: concurrent.futures.Future[None] = uncancellable()
        self.log: GuildLog = GuildLog(_log, server_id)
        self._link = link
        self._thread = thread
        self._server_id, self._user_id = server_id, user_id
        self._native = native
        self._player = player
        self._open_socket = open_socket
        self._timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._acting = False
        self._roster = Roster(native, link, user_id=user_id)
        self._watch = SendWatch()
        self.speaker: Speaker = Speaker(thread, player, self)

    # The ways in.

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``; what it raises ends the session, and is told."""
        try:
            function(*args)
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Also a panic of the native side, which is no Exception.
            self._break(error)

    def decide(self, method: Callable[..., None], *args: object) -> None:
        """Let the flow learn of something, now, and do what follows."""
        method(*args, self._now())
        self.act()

    def start(self) -> None:
        """Join the channel."""
        self._thread.at_stop(self.shut_down)
        self.flow.start(self._now())
        self.act()
        self._check()
        # Meanwhile the bot's gateway answers.
        from ..gateway.socket import transport

        transport.warm_up(self._thread)

    def shut_down(self) -> None:
        """The gateway thread is about to end."""
        self.flow.stop(leave=False)
        self.act()

    def act(self) -> None:
        """Carry out what the flow decided, and what it decides meanwhile."""
        if self._acting:
            return
        self._acting = True
        try:
            while actions := self.flow.take_actions():
                for action in actions:
                    self._carry_out(action)
        finally:
            self._acting = False
        self._note_state()
        self._arm()

    def take_native(self, event: _native.Discovered | _native.DiscoveryFailed) -> None:
        """The native side found our address, or did not."""
        if self.session is None:
            return
        if isinstance(event, _native.Discovered):
            self.session.discovered(event)
        else:
            self.session.discovery_failed(event)

    # What the flow decides.

    def _now(self) -> float:
        return self._thread.loop.time()

    def _carry_out(self, action: Action) -> None:
        match action:
            case SendVoiceState():
                self._link.send_voice_state(action.channel_id, self._voice_state_sent)
            case OpenSocket():
                self._open(action)
            case CloseSocket():
                if self.session is not None:
                    self.session.drop_socket(action.code)
            case Finish():
                self._finish()

    def _work(self, job: Job, done: Done) -> None:
        self._thread.work(job, lambda error: self.enter(done, error))

    def _voice_state_sent(self) -> None:
        self._thread.call(self.enter, self.decide, self.flow.voice_state_sent)

    def _open(self, action: OpenSocket) -> None:
        session = self.session
        if session is None or not (action.resume and session.can_resume):
            if session is not None:
                session.close(1000)
            # The new session tells everything anew, and may do so before it is established.
            self._roster.clear()
            if self.encryption is not None:
                self.encryption.close()
            target = action.target
            session = self.session = VoiceSession(
                self,
                thread=self._thread,
                native=self._native,
                credentials=Credentials(self._server_id, self._user_id, target.session_id, target.token),
                endpoint=target.endpoint,
                open_socket=self._open_socket,
                max_dave_version=MAX_DAVE_VERSION,
                latencies=self.latencies,
                log=self.log.child("session"),
            )
            session.protocol.counters = self.counters
            self.encryption = Encryption(
                self._native,
                user_id=self._user_id,
                channel_id=target.channel_id,
                send=session.send,
                changed=self._encryption_changed,
                failed=lambda told: self._thread.call(self.enter, self._encryption_failed, session, told),
                work=self._work,
                log=self.log.child("encryption"),
            )
        session.open()

    def _finish(self) -> None:
        self._thread.forget(self.shut_down)
        for timer in (self._timer, self._check_timer):
            if timer is not None:
                timer.cancel()
        self.speaker.close()
        if self.session is not None:
            self.session.close(1000)
        if self.encryption is not None:
            self.encryption.close()
        try:
            self._note_state()
        finally:
            close_native(self._native, self._player)
            for done in (self.finished, self.connected):
                if not done.done():
                    done.set_result(None)

    def _note_state(self) -> None:
        state = self.flow.state
        if state == self.state:
            return
        self.state = state
        if state.phase is Phase.RECONNECTING:
            # The old session is over on the server: sound would go to nobody.
            tell_native(self._native.end_session)
        self.log.info("Voice connection: %s", state)
        self._link.state_changed(state)
        # Only now: whoever waits for it is to find everything so.
        if state.phase is Phase.CONNECTED and not self.connected.done():
            self.connected.set_result(None)

    def _break(self, error: BaseException) -> None:
        """Something failed that nobody expected: another session may help; if not even that can be had, it is over."""
        self.log.error("The voice connection failed: %s", type(error).__name__, exc_info=error)
        told = f"isocord itself failed: {type(error).__name__}"
        try:
            self._lose(CloseVerdict(CloseAction.REJOIN, None, told), Reason.INTERNAL)
            self.act()
            if self.flow.state.phase is Phase.DISCONNECTED and not self.finished.done():
                # It failed at the end, and what was still to be done went with it.
                self._finish()
        except BaseException as again:
            self.log.error("The voice connection is given up: %s", type(again).__name__, exc_info=again)
            self.flow.stop(Reason.INTERNAL, told)
            self.flow.take_actions()
            with contextlib.suppress(BaseException):
                self._link.send_voice_state(None, lambda: None)
            with contextlib.suppress(BaseException):
                self._finish()

    # Time.

    def _arm(self) -> None:
        if self._acting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        session = self.session
        due = [when for when in (self.flow.deadline, session.deadline if session else None) if when is not None]
        if due:
            self._timer = self._thread.loop.call_at(min(due), self.enter, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        now = self._now()
        self.flow.timeout(now)
        self.act()
        if self.session is not None:
            self.session.timeout(now)
        self._arm()

    def _check(self) -> None:
        if self.flow.state.phase is Phase.DISCONNECTED:
            return
        interval = HURRIED_CHECK_INTERVAL if self.flow.state.phase is Phase.RECONNECTING else CHECK_INTERVAL
        if self._check_timer is not None:
            self._check_timer.cancel()
        self._check_timer = self._thread.loop.call_later(interval, self.enter, self._check)
        self._link.check()
        self._look_whether_sound_leaves()

    def _look_whether_sound_leaves(self) -> None:
        playing = self.flow.state.phase is Phase.CONNECTED and self._player.has_frames
        stats = self._native.stats
        # What the system does not take is counted, and the native side itself gives the socket up for it.
        sent = Sent(stats.packets_sent + stats.send_errors, stats.withheld)
        wrong = self._watch.look(sent, self._now(), playing=playing, others=self._roster.others)
        if wrong is not None:
            self._lose(CloseVerdict(CloseAction.REJOIN, None, wrong), Reason.UNSENT)
            self.act()

    def _lose(self, verdict: CloseVerdict, reason: Reason) -> None:
        if self.session is not None:
            self.session.drop_socket(ABANDONED)
        self.flow.lost(verdict, self._now(), resumable=False, reason=reason)

    # Reports of the session.

    def session_established(self, *, resumed: bool) -> None:
        session, encryption = self.session, self.encryption
        if not resumed and session is not None and session.info is not None and encryption is not None:
            encryption.start(session.info.dave_version)
        self.flow.established(self._now(), resumed=resumed)
        self.act()
        self.speaker.sync()

    def session_lost(self, verdict: CloseVerdict, reason: Reason) -> None:
        resumable = self.session is not None and self.session.can_resume
        self.flow.lost(verdict, self._now(), resumable=resumable, reason=reason)
        self.act()
        # The loss may be a sign that the bot's gateway lost its session, too.
        self._check()

    def session_channel_event(self, event: Speaking | ClientsConnect | ClientDisconnect) -> None:
        self._roster.take(event, self.encryption)

    def session_dave_event(self, event: DaveEvent) -> None:
        if self.encryption is not None:
            self.encryption.take(event)

    def session_changed(self) -> None:
        self._arm()

    def wanted_flags(self) -> int:
        return self.speaker.wanted_flags

    def _encryption_changed(self) -> None:
        if self.encryption is not None:
            self._link.encryption_changed(self.encryption.state)

    def _encryption_failed(self, session: VoiceSession, told: str) -> None:
        if session is self.session:
            verdict = CloseVerdict(CloseAction.REJOIN, None, told)
            self._lose(verdict, Reason.ENCRYPTION_FAILED)
            self.act()


def close_native(native: _native.Connection, player: Player) -> None:
    """End what plays, and leave the clock."""
    player.close()
    native.close()
    player.finish_all()
