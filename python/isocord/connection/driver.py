"""The part of a voice connection that runs on the gateway thread: it carries out what the flow decides.

It has the half that carries sound open sessions, arms timers, and tells the client. Whatever fails is a loss that is
reported at once: every call that comes from outside goes through :meth:`ConnectionDriver.enter`.
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
from ..playing.player import Player
from ..runtime.handover import entered, uncancellable
from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from .carrier import Carrier, MediaHalf
from .decisions.actions import Action, CloseSocket, Finish, OpenSocket, SendVoiceState
from .decisions.flow import ConnectionFlow
from .link import Link
from .session.encryption import EncryptionState
from .states import ChannelEvent, ConnectionState, Phase, Reason

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
        carrier: Carrier,
    ) -> None:
        self.flow = flow
        self.state: ConnectionState = flow.state
        self.connected: concurrent.futures.Future[None] = uncancellable()
        self.finished: concurrent.futures.Future[None] = uncancellable()
        self.log: GuildLog = GuildLog(_log, server_id)
        self._link = link
        self._thread = thread
        self._native, self._player = native, player
        self._timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._acting = False
        self.media: MediaHalf = carrier.media(
            self, thread, native, server_id=server_id, user_id=user_id, player=player, log=self.log
        )

    # The ways in.

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``; what it raises ends the session, and is told."""
        entered(self._break, function, *args)

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

    # What the flow decides.

    def _now(self) -> float:
        return self._thread.loop.time()

    def _carry_out(self, action: Action) -> None:
        match action:
            case SendVoiceState():
                self._link.send_voice_state(action.channel_id, self._voice_state_sent)
            case OpenSocket():
                self.media.open(action.target, resume=action.resume)
            case CloseSocket():
                self.media.drop(action.code)
            case Finish():
                self._finish()

    def _voice_state_sent(self) -> None:
        self._thread.call(self.enter, self.decide, self.flow.voice_state_sent)

    def _finish(self) -> None:
        self._thread.forget(self.shut_down)
        for timer in (self._timer, self._check_timer):
            if timer is not None:
                timer.cancel()
        self.media.close()
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
            self.media.end_session()
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
            self.media.drop()
            verdict = CloseVerdict(CloseAction.REJOIN, None, told)
            self.flow.lost(verdict, self._now(), resumable=False, reason=Reason.INTERNAL)
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
        if self.flow.deadline is not None:
            self._timer = self._thread.loop.call_at(self.flow.deadline, self.enter, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        self.decide(self.flow.timeout)

    def _check(self) -> None:
        if self.flow.state.phase is Phase.DISCONNECTED:
            return
        interval = HURRIED_CHECK_INTERVAL if self.flow.state.phase is Phase.RECONNECTING else CHECK_INTERVAL
        if self._check_timer is not None:
            self._check_timer.cancel()
        self._check_timer = self._thread.loop.call_later(interval, self.enter, self._check)
        self._link.check()
        self.media.look(established=self.flow.state.phase is Phase.CONNECTED)

    # Reports of the half that carries sound.

    def established(self, *, resumed: bool) -> None:
        """Packets can leave."""
        self.flow.established(self._now(), resumed=resumed)
        self.act()

    def lost(self, verdict: CloseVerdict, reason: Reason, *, resumable: bool) -> None:
        """The websocket is gone, or the session of no use."""
        self.flow.lost(verdict, self._now(), resumable=resumable, reason=reason)
        self.act()
        # It may be a sign that the bot's gateway lost its session, too.
        self._check()

    def channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""
        self._link.channel_event(event)

    def encryption_changed(self, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""
        self._link.encryption_changed(state)


def close_native(native: _native.Connection, player: Player) -> None:
    """End what plays, and leave the clock."""
    player.close()
    native.close()
    player.finish_all()
