"""What a voice connection does next, as a sans-IO state machine.

:class:`ConnectionFlow` decides; :mod:`isocord.connection.driver` does. It learns of voice state and server updates, of
sockets that were established or lost, and of the time; it answers with actions. All reconnecting lives here: resume,
new join without a leave, bounded waits, backoff. What is done at which step stands in the table of
:mod:`isocord.connection.decisions.steps`. Times are seconds of one monotonic clock. After each call the caller carries
out what :meth:`~ConnectionFlow.take_actions` returns, in order, and calls :meth:`~ConnectionFlow.timeout` when
:attr:`~ConnectionFlow.deadline` has come.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ...gateway.protocol.close_codes import CloseAction, CloseVerdict
from ...runtime.text import shown
from ..states import ConnectionState, Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from . import limits
from .actions import Action, CloseSocket, Finish, OpenSocket, SendVoiceState, Target
from .backoff import Backoff
from .pairing import Halves
from .steps import NOTHING, REFUSED, TRANSITIONS, Happening, Step, waited_for


class ConnectionFlow:
    """The decisions of one voice connection.

    Args:
        channel_id: the channel to join.
        timeout: seconds that the first connect may take in all.
        reconnect: whether a lost session may be replaced by a new one.
        jitter: a random number from 0.0 to 1.0, to spread the retries of many connections.
    """

    def __init__(
        self, channel_id: int, *, timeout: float, reconnect: bool, jitter: Callable[[], float] = random.random
    ) -> None:
        self._halves = Halves(channel_id)
        self.state: ConnectionState = ConnectionState(Phase.IDLE, Reason.REQUESTED)
        self.step: Step = Step.START
        self.sessions: int = 0
        self.resumes: int = 0
        self.reconnects: int = 0
        self.refused: int = 0
        """What happened where it means nothing."""
        self._timeout = timeout
        self._reconnect = reconnect
        self._backoff = Backoff(jitter)
        self._actions: list[Action] = []
        self._opened: Target | None = None
        self._was_established = self._joined = False
        self.expects_leave: bool = False
        """Whether the next word that the bot is in no channel answers a leave of this connection."""
        self._leave_tried = self._asked_again = False
        self._left_deadline: float | None = None
        self._unsent = 0
        self._established_at = 0.0
        self._step_deadline: float | None = None
        self._episode_deadline: float | None = None
        self._resume_deadline = 0.0
        self._retry_action: CloseAction = CloseAction.REJOIN

    @property
    def channel_id(self) -> int:
        """The channel that the bot is in, or is to be in."""
        return self._halves.channel_id

    @property
    def session_id(self) -> str | None:
        """The session of the bot's gateway that the voice session belongs to."""
        return self._halves.session_id

    @property
    def token(self) -> str | None:
        """The secret of the present voice server."""
        return self._halves.token

    @property
    def endpoint(self) -> str | None:
        """``host:port`` of the present voice server."""
        return self._halves.endpoint

    @property
    def deadline(self) -> float | None:
        """When :meth:`timeout` is to be called next."""
        due = [when for when in (self._step_deadline, self._episode_deadline, self._left_deadline) if when is not None]
        return min(due) if due else None

    def take_actions(self) -> list[Action]:
        """Actions to carry out, in order; they are handed out once.

        The caller calls :meth:`voice_state_sent` for each :class:`SendVoiceState` when it was written, or failed.
        """
        actions, self._actions = self._actions, []
        self._unsent += sum(isinstance(action, SendVoiceState) for action in actions)
        return actions

    # What happens.

    def start(self, now: float) -> None:
        """Join the channel."""
        self._take(Happening.START, now)

    def move(self, channel_id: int) -> None:
        """Go to another channel, without a leave; the voice server update that follows does the rest."""
        self._take(Happening.MOVE, channel_id)

    def stop(self, reason: Reason = Reason.REQUESTED, detail: str = "", *, leave: bool = True) -> None:
        """End the connection."""
        self._take(Happening.STOP, reason, None, detail, leave)

    def rejoin_main_gateway(self, now: float) -> None:
        """The bot's gateway has a new session: ask for the channel again, while sound goes on."""
        self._take(Happening.REJOIN, now)

    def hold(self, now: float) -> None:
        """The bot's gateway is away itself: give it time to come back, within the time that recovery may take."""
        self._take(Happening.HOLD, now)

    def voice_state_sent(self, now: float) -> None:
        """A message left, or will never: the wait for its answer begins. The bot's library may have held it back."""
        self._take(Happening.SENT, now)

    def voice_state(self, update: VoiceStateUpdate, now: float) -> None:
        """The bot's own voice state changed."""
        if update.channel_id is None:
            self._take(Happening.LEFT)
        else:
            self._take(Happening.JOINED, update.session_id, update.channel_id, now)

    def maybe_left(self, now: float) -> None:
        """The bot left the channel, but perhaps before this connection joined: then word of the join follows."""
        self._take(Happening.MAYBE_LEFT, now)

    def voice_server(self, update: VoiceServerUpdate, now: float) -> None:
        """The guild has another voice server, or is looking for one."""
        if update.endpoint is None:
            self._take(Happening.SERVER_GONE, now)
        else:
            self._take(Happening.SERVER, update.token, update.endpoint, now)

    def established(self, now: float, *, resumed: bool) -> None:
        """The session has its keys, or was resumed."""
        self._take(Happening.RESUMED if resumed else Happening.ESTABLISHED, now, resumed)

    def lost(
        self, verdict: CloseVerdict, now: float, *, resumable: bool, reason: Reason = Reason.SESSION_INVALID
    ) -> None:
        """The websocket is lost; ``resumable`` if its session can go on, ``reason`` if it cannot and no code tells."""
        self._take(Happening.LOST, verdict, now, resumable, reason)

    def timeout(self, now: float) -> None:
        """A deadline has come."""
        if self._episode_deadline is not None and now >= self._episode_deadline:
            reason = Reason.GAVE_UP if self._was_established else Reason.TIMED_OUT
            self._finish(reason, self.state.code, waited_for(self.step, self.state, joined=self._joined))
        elif self._left_deadline is not None and now >= self._left_deadline:
            self._finish(Reason.KICKED, leave=False)
        elif self._step_deadline is not None and now >= self._step_deadline:
            self._step_deadline = None
            self._take(Happening.TIMEOUT, now)

    def _take(self, happening: Happening, *about: object) -> None:
        do = TRANSITIONS[happening][self.step]
        if do == REFUSED:
            self.refused += 1
        elif do != NOTHING:
            getattr(self, f"_{do}")(*about)

    # What is done then, by the words of the table.

    def _begin(self, now: float) -> None:
        self._set(Phase.CONNECTING, Reason.REQUESTED)
        self._episode_deadline = now + self._timeout
        self._join(now)

    def _aim(self, channel_id: int) -> None:
        # A join that is under way goes to the new channel from now on.
        self._halves.channel_id = channel_id

    def _ask(self, channel_id: int) -> None:
        self._actions.append(SendVoiceState(channel_id))

    def _aim_ask(self, channel_id: int) -> None:
        self._aim(channel_id)
        self._ask(channel_id)

    def _ask_anew(self, now: float) -> None:
        self._halves.forget_session()
        self._ask(self.channel_id)

    def _join_anew(self, now: float) -> None:
        self._halves.forget_session()
        self._join(now)

    def _wait_more(self, now: float) -> None:
        limit = limits.JOIN_LIMIT if self.step is Step.JOINING else limits.SERVER_UPDATE_LIMIT
        self._step_deadline = now + limit

    def _count_sent(self, now: float) -> None:
        self._unsent -= 1
        if self.step is Step.JOINING and self._step_deadline is not None:
            self._step_deadline = max(self._step_deadline, now + limits.ASK_LIMIT)

    def _place(self, session_id: str, channel_id: int, now: float) -> None:
        self._joined = True
        self.expects_leave = False
        self._left_deadline = None
        self._halves.voice_state(session_id, channel_id, now)
        self._open_if_new(now)

    def _leave(self) -> None:
        if self.expects_leave:
            self.expects_leave = False
        elif self._joined:
            self._finish(Reason.KICKED, leave=False)
        # Else it tells of an earlier client's leave.

    def _doubt(self, now: float) -> None:
        if self._joined:
            self._left_deadline = now + limits.ASK_LIMIT

    def _take_server(self, token: str, endpoint: str, now: float) -> None:
        self._halves.voice_server(token, endpoint, now)
        self._open_if_new(now)

    def _lack_server(self, now: float) -> None:
        self._halves.forget_server()

    def _lose_server(self, now: float) -> None:
        self._halves.forget_server()
        self._lose(Reason.SERVER_GONE, now)
        self._opened = None
        self._actions.append(CloseSocket(1000))
        self._await_server(now, self._timeout)

    def _settle(self, now: float, resumed: bool) -> None:
        if resumed:
            self.resumes += 1
        else:
            self.sessions += 1
            self.reconnects += self._was_established
        self.step = Step.ESTABLISHED
        self._was_established = True
        self._established_at = now
        self._leave_tried = False
        self._step_deadline = self._episode_deadline = None
        self._set(Phase.CONNECTED, Reason.RESUMED if resumed else Reason.ESTABLISHED)

    def _fail_late(self, verdict: CloseVerdict, now: float, resumable: bool, reason: Reason) -> None:
        self._backoff.held(now - self._established_at)
        self._fail(verdict, now, resumable, reason)

    def _fail(self, verdict: CloseVerdict, now: float, resumable: bool, reason: Reason) -> None:
        match verdict.action:
            case CloseAction.DISCONNECT:
                self._finish(Reason.CLOSED_BY_SERVER, verdict.code, verdict.meaning)
            case CloseAction.REFUSE:
                self._finish(Reason.REFUSED, verdict.code, verdict.meaning)
            case CloseAction.AWAIT_SERVER:
                if self._opened is not None and self.token == self._opened.token:
                    self._halves.forget_server()
                self._opened = None
                self._lose(Reason.CLOSED_BY_SERVER, now, verdict)
                self._await_server(now, min(limits.SERVER_UPDATE_LIMIT, self._timeout))
                self._open_if_new(now)
            case CloseAction.REJOIN:
                self._retry(verdict.action, reason if verdict.code is None else Reason.SESSION_INVALID, verdict, now)
            case CloseAction.RESUME:
                reason = reason if reason is Reason.NODE_LOST else Reason.SOCKET_LOST
                self._resume_or_retry(verdict, now, reason, resumable=resumable)

    def _give_up_try(self, now: float) -> None:
        verdict = CloseVerdict(CloseAction.RESUME, None, "the voice server did not finish the handshake in time")
        self._actions.append(CloseSocket(4900))
        self._fail(verdict, now, self.step is Step.RESUMING, Reason.SOCKET_LOST)

    def _give_up(self, now: float) -> None:
        told = self.state.detail or waited_for(self.step, self.state, joined=self._joined)
        self._finish(self.state.reason, self.state.code, told)

    def _try_again(self, now: float) -> None:
        if self._retry_action is CloseAction.RESUME and self._opened is not None:
            self._open(self._opened, now, resume=True)
            return
        self._halves.forget_server()
        self._opened = None
        self._join(now)

    def _join_again(self, now: float) -> None:
        if self._unsent > 0:
            self._step_deadline = now + limits.ASK_LIMIT
            return
        if not self._asked_again:
            self._asked_again = True
            self._actions.append(SendVoiceState(self.channel_id))
            self._step_deadline = now + limits.JOIN_LIMIT - limits.ASK_LIMIT
            return
        if not self._leave_tried:
            # Discord sends no server update where it sees no change: leave and join, once.
            self._leave_tried = self.expects_leave = True
            self._actions.append(SendVoiceState(None))
        self._actions.append(SendVoiceState(self.channel_id))
        self._step_deadline = now + limits.JOIN_LIMIT + self._backoff.delay()
        self._backoff.failed()

    # Inside.

    def _set(self, phase: Phase, reason: Reason, code: int | None = None, detail: str = "") -> None:
        # A close reason, or an error's words, may hold what a server wrote.
        self.state = ConnectionState(phase, reason, code, shown(detail))

    def _lose(self, reason: Reason, now: float, verdict: CloseVerdict | None = None) -> None:
        """No sound can leave until the next session; the first loss starts the time that recovery may take."""
        phase = Phase.RECONNECTING if self._was_established else Phase.CONNECTING
        if self._episode_deadline is None:
            self._episode_deadline = now + limits.RECONNECT_LIMIT
        self._set(phase, reason, verdict.code if verdict else None, verdict.meaning if verdict else "")

    def _finish(self, reason: Reason, code: int | None = None, detail: str = "", leave: bool = True) -> None:
        started = self.step is not Step.START
        self.step = Step.DONE
        self._step_deadline = self._episode_deadline = self._left_deadline = None
        # Nothing is opened any more: the secrets go.
        self._opened = None
        self._halves.forget()
        self._set(Phase.DISCONNECTED, reason, code, detail)
        self.expects_leave = started and leave
        if self.expects_leave:
            self._actions.append(SendVoiceState(None))
        self._actions.append(CloseSocket(1000))
        self._actions.append(Finish())

    def _open_if_new(self, now: float) -> None:
        target = self._halves.target()
        if target is None or target == self._opened:
            return
        if self.step is not Step.JOINING:
            self._lose(Reason.SERVER_CHANGED, now)
        self._open(target, now, resume=False)

    def _open(self, target: Target, now: float, *, resume: bool) -> None:
        self._opened = target
        if resume and self.state.phase is Phase.RESUMING:
            self.step = Step.RESUMING
            self._step_deadline = now + limits.RESUME_TRY_LIMIT
        else:
            self.step = Step.HANDSHAKING
            self._step_deadline = now + limits.HANDSHAKE_LIMIT
        self._actions.append(OpenSocket(target, resume))

    def _await_server(self, now: float, limit: float) -> None:
        self.step = Step.AWAITING_SERVER
        self._step_deadline = now + limit

    def _resume_or_retry(self, verdict: CloseVerdict, now: float, reason: Reason, *, resumable: bool) -> None:
        if self._opened is None:
            self._retry(CloseAction.REJOIN, reason, verdict, now)
        elif not resumable:
            # Every other failure asks for another server.
            again = CloseAction.REJOIN if self._backoff.attempts % 2 else CloseAction.RESUME
            self._retry(again, reason, verdict, now)
        elif self.state.phase is Phase.CONNECTED:
            self._resume_deadline = now + limits.RESUME_LIMIT
            self._set(Phase.RESUMING, Reason.SOCKET_LOST, verdict.code, verdict.meaning)
            self._episode_deadline = now + limits.RECONNECT_LIMIT
            delay = self._backoff.resume_delay() if self._backoff.attempts else 0.0
            self._retry_after(delay, CloseAction.RESUME, now)
        elif now < self._resume_deadline:
            self._retry_after(self._backoff.resume_delay(), CloseAction.RESUME, now)
        else:
            self._retry(CloseAction.REJOIN, reason, verdict, now)

    def _retry(self, action: CloseAction, reason: Reason, verdict: CloseVerdict, now: float) -> None:
        """Try for a new session, at once the first time and later and later after that."""
        out_of_attempts = not self._was_established and self._backoff.attempts + 1 >= limits.CONNECT_ATTEMPTS
        if not self._reconnect or out_of_attempts:
            self._finish(Reason.FAILED if not self._was_established else reason, verdict.code, verdict.meaning)
            return
        # A session that cannot be resumed is replaced at once; only a try at a new one may have to wait.
        first = self._backoff.attempts == 0 or self.state.phase is Phase.RESUMING
        self._lose(reason, now, verdict)
        self._retry_after(0.0 if first else self._backoff.delay(), action, now)

    def _retry_after(self, delay: float, action: CloseAction, now: float) -> None:
        self._backoff.failed()
        self._retry_action = action
        self.step = Step.RETRYING
        self._step_deadline = now + delay
        if delay <= 0.0:
            self._try_again(now)

    def _join(self, now: float) -> None:
        self.step = Step.JOINING
        self._asked_again = False
        self._halves.asked()
        self._step_deadline = now + limits.ASK_LIMIT
        self._actions.append(SendVoiceState(self.channel_id))
