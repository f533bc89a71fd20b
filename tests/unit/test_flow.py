"""What a voice connection decides, in virtual time: joins, closes, kicks, moves, and how long it waits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from isocord.connection.decisions.actions import Action, CloseSocket, Finish, OpenSocket, SendVoiceState, Target
from isocord.connection.decisions.flow import ConnectionFlow
from isocord.connection.decisions.limits import (
    ASK_LIMIT,
    CONNECT_ATTEMPTS,
    FORGIVEN_AFTER,
    HANDSHAKE_LIMIT,
    JOIN_LIMIT,
    PAIR_LIMIT,
    RECONNECT_LIMIT,
    RESUME_LIMIT,
    SERVER_UPDATE_LIMIT,
)
from isocord.connection.states import Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from isocord.gateway.protocol.close_codes import classify

CHANNEL = 100
STATE = VoiceStateUpdate("session", CHANNEL)
SERVER = VoiceServerUpdate("token", "server:443")
TARGET = Target("session", "token", "server:443", CHANNEL)
LEFT = VoiceStateUpdate("session", None)


class Story:
    """A flow and the clock that it is told."""

    def __init__(self, *, timeout: float = 30.0, reconnect: bool = True) -> None:
        self.flow = ConnectionFlow(CHANNEL, timeout=timeout, reconnect=reconnect, jitter=lambda: 1.0)
        self.now = 1000.0
        self.writing = True
        """Whether what the bot sends on its own gateway is written at once, or held back."""
        self.flow.start(self.now)

    @property
    def phase(self) -> Phase:
        return self.flow.state.phase

    @property
    def reason(self) -> Reason:
        return self.flow.state.reason

    def actions(self) -> list[Action]:
        actions = self.flow.take_actions()
        for action in actions:
            if self.writing and isinstance(action, SendVoiceState):
                self.flow.voice_state_sent(self.now)
        return actions

    def state(self, update: VoiceStateUpdate) -> list[Action]:
        self.flow.voice_state(update, self.now)
        return self.actions()

    def server(self, update: VoiceServerUpdate) -> list[Action]:
        self.flow.voice_server(update, self.now)
        return self.actions()

    def lose(self, code: int | None, *, resumable: bool = True) -> list[Action]:
        self.flow.lost(classify(code), self.now, resumable=resumable)
        return self.actions()

    def establish(self, *, resumed: bool = False) -> list[Action]:
        self.flow.established(self.now, resumed=resumed)
        return self.actions()

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass, calling at each deadline; all actions that come of it."""
        end = self.now + seconds
        actions: list[Action] = []
        for _ in range(1000):
            due = self.flow.deadline
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.flow.timeout(self.now)
            actions += self.actions()
        else:
            pytest.fail("the flow does not come to rest")
        self.now = end
        return actions

    def next_actions(self) -> list[Action]:
        """Let time pass until something happens."""
        for _ in range(1000):
            due = self.flow.deadline
            if due is None:
                break
            if actions := self.wait(max(due - self.now, 0.0)):
                return actions
        pytest.fail("nothing happens any more")

    def connected(self) -> Story:
        self.actions()
        self.state(STATE)
        self.server(SERVER)
        self.establish()
        assert self.phase is Phase.CONNECTED
        return self


def connected(*, timeout: float = 30.0, reconnect: bool = True) -> Story:
    return Story(timeout=timeout, reconnect=reconnect).connected()


class TestConnect:
    def test_it_joins_and_opens_when_both_halves_are_there(self) -> None:
        story = Story()
        assert story.actions() == [SendVoiceState(CHANNEL)]
        assert story.state(STATE) == []
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]
        assert story.phase is Phase.CONNECTING
        story.establish()
        assert (story.phase, story.reason) == (Phase.CONNECTED, Reason.ESTABLISHED)
        assert story.flow.deadline is None

    def test_the_halves_come_in_any_order(self) -> None:
        story = Story()
        story.actions()
        assert story.server(SERVER) == []
        assert story.state(STATE) == [OpenSocket(TARGET, resume=False)]

    def test_each_half_twice_changes_nothing(self) -> None:
        story = Story()
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        assert story.server(SERVER) == story.state(STATE) == []
        story.establish()
        assert story.server(SERVER) == story.state(STATE) == []

    def test_word_of_an_earlier_clients_leave_is_no_kick(self) -> None:
        story = Story()
        story.actions()
        assert story.state(LEFT) == []
        assert story.phase is Phase.CONNECTING
        story.connected()

    def test_a_kick_while_connecting_ends_it(self) -> None:
        story = Story()
        story.actions()
        story.state(STATE)
        assert story.state(LEFT) == [CloseSocket(1000), Finish()]
        assert (story.phase, story.reason) == (Phase.DISCONNECTED, Reason.KICKED)

    def test_without_an_answer_it_gives_up_in_time_and_leaves(self) -> None:
        story = Story(timeout=7.0)
        story.actions()
        again = [SendVoiceState(CHANNEL), SendVoiceState(None), SendVoiceState(CHANNEL)]
        assert story.wait(6.9) == again
        assert story.wait(0.1) == [SendVoiceState(None), CloseSocket(1000), Finish()]
        assert story.reason is Reason.TIMED_OUT
        assert "join" in story.flow.state.detail

    @pytest.mark.parametrize("halfway", ["state", "server", "socket"])
    def test_it_gives_up_in_time_wherever_it_stands(self, halfway: str) -> None:
        story = Story(timeout=7.0)
        story.actions()
        if halfway != "server":
            story.state(STATE)
        if halfway != "state":
            story.server(SERVER)
        story.wait(7.0)
        assert story.reason is Reason.TIMED_OUT
        assert story.flow.deadline is None

    def test_without_an_endpoint_it_waits_for_the_next(self) -> None:
        story = Story()
        story.actions()
        story.state(STATE)
        assert story.server(VoiceServerUpdate("token", None)) == []
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]

    def test_a_failing_server_is_tried_again_then_another_is_asked_for(self) -> None:
        story = Story()
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        assert story.lose(None, resumable=False) == [OpenSocket(TARGET, resume=True)]
        assert story.lose(None, resumable=False) == []
        assert story.next_actions() == [SendVoiceState(CHANNEL)]
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]
        assert story.phase is Phase.CONNECTING

    def test_it_fails_after_five_attempts(self) -> None:
        story = Story(timeout=300.0)
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        for _ in range(CONNECT_ATTEMPTS - 1):
            assert story.phase is Phase.CONNECTING
            actions = story.lose(None, resumable=False) or story.wait(5.0)
            if SendVoiceState(CHANNEL) in actions:
                story.server(SERVER)
        assert story.lose(None, resumable=False)[-1] == Finish()
        assert story.reason is Reason.FAILED

    def test_without_reconnect_the_first_failure_ends_it(self) -> None:
        story = Story(reconnect=False)
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        assert story.lose(4006, resumable=False)[-1] == Finish()
        assert (story.reason, story.flow.state.code) == (Reason.FAILED, 4006)

    def test_a_handshake_that_hangs_counts_as_a_failure(self) -> None:
        story = Story(timeout=60.0)
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        assert story.wait(HANDSHAKE_LIMIT) == [CloseSocket(4900), OpenSocket(TARGET, resume=True)]

    @pytest.mark.parametrize("code", [4004, 4016, 4017, 4021])
    def test_a_refusal_is_final(self, code: int) -> None:
        story = Story()
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        assert story.lose(code, resumable=False) == [SendVoiceState(None), CloseSocket(1000), Finish()]
        assert (story.reason, story.flow.state.code) == (Reason.REFUSED, code)
        assert story.flow.state.detail


class TestCloseCodes:
    @pytest.mark.parametrize("code", [None, 1001, 1006, 4015])
    def test_a_cut_is_resumed_at_once_while_sound_goes_on(self, code: int | None) -> None:
        story = connected()
        assert story.lose(code) == [OpenSocket(TARGET, resume=True)]
        assert story.phase is Phase.RESUMING
        assert story.flow.state.is_connected
        story.establish(resumed=True)
        assert (story.phase, story.reason) == (Phase.CONNECTED, Reason.RESUMED)
        assert (story.flow.resumes, story.flow.reconnects) == (1, 0)

    def test_a_cut_is_resumed_without_reconnect_too(self) -> None:
        story = connected(reconnect=False)
        assert story.lose(None) == [OpenSocket(TARGET, resume=True)]

    @pytest.mark.parametrize("code", [4006, 4009])
    def test_a_lost_session_is_replaced_without_a_leave(self, code: int) -> None:
        story = connected()
        assert story.lose(code) == [SendVoiceState(CHANNEL)]
        assert story.phase is Phase.RECONNECTING
        assert not story.flow.state.is_connected
        story.state(STATE)
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]
        story.establish()
        assert story.flow.reconnects == 1

    def test_a_refused_resume_asks_for_a_new_session_at_once(self) -> None:
        story = connected()
        story.lose(None)
        assert story.lose(4006) == [SendVoiceState(CHANNEL)]
        assert story.phase is Phase.RECONNECTING

    def test_a_lost_session_ends_it_without_reconnect(self) -> None:
        story = connected(reconnect=False)
        assert story.lose(4006)[-1] == Finish()
        assert story.reason is Reason.SESSION_INVALID

    def test_a_normal_close_ends_it(self) -> None:
        story = connected()
        assert story.lose(1000) == [SendVoiceState(None), CloseSocket(1000), Finish()]
        assert (story.reason, story.flow.state.code) == (Reason.CLOSED_BY_SERVER, 1000)

    @pytest.mark.parametrize("code", [4014, 4022])
    def test_a_disconnect_waits_for_another_server_and_then_ends(self, code: int) -> None:
        story = connected()
        assert story.lose(code) == []
        assert story.phase is Phase.RECONNECTING
        assert story.wait(SERVER_UPDATE_LIMIT - 0.1) == []
        assert story.wait(0.1)[-1] == Finish()
        assert (story.reason, story.flow.state.code) == (Reason.CLOSED_BY_SERVER, code)

    @pytest.mark.parametrize("code", [4014, 4022])
    def test_a_disconnect_is_followed_to_another_server(self, code: int) -> None:
        story = connected()
        story.lose(code)
        new = VoiceServerUpdate("token 2", "other:443")
        assert story.server(new) == [OpenSocket(Target("session", "token 2", "other:443", CHANNEL), resume=False)]
        story.establish()
        assert story.phase is Phase.CONNECTED

    def test_a_disconnect_takes_the_same_server_again_if_told_so(self) -> None:
        story = connected()
        story.lose(4014)
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]

    @pytest.mark.parametrize("code", [4004, 4016, 4017, 4021])
    def test_a_refusal_is_final_later_on_too(self, code: int) -> None:
        story = connected()
        assert story.lose(code)[-1] == Finish()
        assert story.reason is Reason.REFUSED


class TestResume:
    def test_unreachable_servers_are_tried_less_and_less_often_then_replaced(self) -> None:
        story = connected()
        start = story.now
        actions = story.lose(None)
        tries = []
        while isinstance(actions[0], OpenSocket):
            tries.append(story.now - start)
            actions = story.lose(None) or story.next_actions()
        pauses = [later - earlier for earlier, later in pairwise(tries)]
        assert len(tries) >= 4
        assert pauses == sorted(pauses)
        assert tries[-1] <= RESUME_LIMIT + pauses[-1]
        assert actions == [SendVoiceState(CHANNEL)]
        assert story.phase is Phase.RECONNECTING

    def test_a_resume_that_hangs_is_bounded(self) -> None:
        story = connected()
        story.lose(None)
        actions = story.wait(RESUME_LIMIT + 30.0)
        assert sum(isinstance(action, OpenSocket) for action in actions) >= 2
        assert SendVoiceState(CHANNEL) in actions
        assert story.phase is Phase.RECONNECTING

    def test_a_connection_that_flaps_backs_off(self) -> None:
        story = connected()
        delays = []
        for _ in range(8):
            before = story.now
            actions = story.lose(None)
            actions = actions or story.next_actions()
            delays.append(story.now - before)
            assert actions == [OpenSocket(TARGET, resume=True)]
            story.establish(resumed=True)
        assert delays[0] == 0.0
        assert delays == sorted(delays)
        assert 3.0 < delays[-1] <= 5.0

    def test_a_session_that_is_lost_again_and_again_backs_off(self) -> None:
        story = connected()
        delays = []
        for _ in range(6):
            before = story.now
            assert (story.lose(4006) or story.next_actions()) == [SendVoiceState(CHANNEL)]
            delays.append(story.now - before)
            story.server(SERVER)
            story.establish()
        assert delays[0] == 0.0
        assert delays == sorted(delays)
        assert delays[-1] > 3.0

    def test_a_connection_that_held_starts_anew(self) -> None:
        story = connected()
        for _ in range(5):
            story.now += FORGIVEN_AFTER
            assert story.lose(None) == [OpenSocket(TARGET, resume=True)]
            story.establish(resumed=True)

    def test_holding_makes_up_for_failures_bit_by_bit(self) -> None:
        story = connected()
        for _ in range(4):
            story.lose(None) or story.next_actions()
            story.establish(resumed=True)
        story.now += 3 * FORGIVEN_AFTER
        assert story.lose(None) == []
        story.next_actions()
        story.establish(resumed=True)
        story.now += 5 * FORGIVEN_AFTER
        assert story.lose(None) == [OpenSocket(TARGET, resume=True)]

    def test_recovery_is_bounded(self) -> None:
        story = connected()
        story.lose(4006)
        actions = story.wait(RECONNECT_LIMIT)
        assert actions[-1] == Finish()
        assert story.reason is Reason.GAVE_UP

    def test_a_join_without_an_answer_leaves_and_joins_once(self) -> None:
        story = connected()
        story.lose(4006)
        assert story.wait(JOIN_LIMIT) == [SendVoiceState(CHANNEL), SendVoiceState(None), SendVoiceState(CHANNEL)]
        assert story.state(LEFT) == []
        assert story.phase is Phase.RECONNECTING
        story.state(STATE)
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]

    def test_a_join_that_got_lost_is_asked_for_again_without_a_leave(self) -> None:
        story = connected()
        story.lose(4006)
        assert story.wait(ASK_LIMIT) == [SendVoiceState(CHANNEL)]
        story.state(STATE)
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]
        story.establish()
        assert story.wait(10 * JOIN_LIMIT) == []

    def test_a_join_that_the_bots_library_holds_back_is_not_asked_for_again(self) -> None:
        story = connected()
        story.writing = False
        assert story.lose(4006) == [SendVoiceState(CHANNEL)]
        assert story.wait(5 * JOIN_LIMIT) == []
        story.flow.voice_state_sent(story.now)
        assert story.wait(ASK_LIMIT - 0.1) == []
        assert story.wait(0.1) == [SendVoiceState(CHANNEL)]

    def test_a_join_that_is_never_written_ends_the_connect_in_time(self) -> None:
        story = Story(timeout=20.0)
        story.writing = False
        story.actions()
        assert story.wait(20.0)[-1] == Finish()
        assert story.reason is Reason.TIMED_OUT

    def test_a_kick_during_recovery_ends_it(self) -> None:
        story = connected()
        story.lose(4006)
        assert story.state(LEFT)[-1] == Finish()
        assert story.reason is Reason.KICKED


class TestMoves:
    def test_a_kick_ends_it_at_once_without_a_leave(self) -> None:
        story = connected()
        assert story.state(LEFT) == [CloseSocket(1000), Finish()]
        assert story.reason is Reason.KICKED

    def test_word_of_a_leave_that_may_be_an_earlier_clients_is_waited_out(self) -> None:
        story = connected()
        story.flow.maybe_left(story.now)
        assert story.wait(ASK_LIMIT - 0.1) == []
        story.state(STATE)
        assert story.wait(10 * ASK_LIMIT) == []
        assert story.phase is Phase.CONNECTED

    def test_without_word_of_the_join_it_was_a_kick(self) -> None:
        story = connected()
        story.flow.maybe_left(story.now)
        story.lose(4014)
        assert story.wait(ASK_LIMIT) == [CloseSocket(1000), Finish()]
        assert story.reason is Reason.KICKED

    def test_a_moderators_move_is_followed_without_a_leave(self) -> None:
        story = connected()
        assert story.state(VoiceStateUpdate("session", 200)) == []
        assert story.flow.channel_id == 200
        assert story.phase is Phase.CONNECTED
        actions = story.server(VoiceServerUpdate("token 2", "server:443"))
        assert actions == [OpenSocket(Target("session", "token 2", "server:443", 200), resume=False)]
        assert (story.phase, story.reason) == (Phase.RECONNECTING, Reason.SERVER_CHANGED)

    def test_the_server_of_a_move_may_come_before_the_voice_state(self) -> None:
        story = connected()
        story.server(VoiceServerUpdate("token 2", "server:443"))
        story.establish()
        # What was opened belongs to the old channel: its encryption would be that of another group.
        actions = story.state(VoiceStateUpdate("session", 200))
        assert actions == [OpenSocket(Target("session", "token 2", "server:443", 200), resume=False)]
        story.establish()
        assert story.state(VoiceStateUpdate("session", 300)) == []
        actions = story.server(VoiceServerUpdate("token 3", "server:443"))
        assert actions == [OpenSocket(Target("session", "token 3", "server:443", 300), resume=False)]

    def test_a_server_update_of_long_ago_is_not_taken_for_a_moves(self) -> None:
        story = connected()
        story.server(VoiceServerUpdate("token 2", "server:443"))
        story.establish()
        story.wait(PAIR_LIMIT)
        assert story.state(VoiceStateUpdate("session", 200)) == []

    def test_being_put_elsewhere_while_joining_in_either_order(self) -> None:
        elsewhere = OpenSocket(Target("session", "token", "server:443", 200), resume=False)
        story = Story()
        story.server(SERVER)
        assert story.state(VoiceStateUpdate("session", 200))[-1] == elsewhere
        story = Story()
        story.state(VoiceStateUpdate("session", 200))
        assert story.server(SERVER)[-1] == elsewhere

    def test_the_bots_own_move_is_one_message(self) -> None:
        story = connected()
        story.flow.move(200)
        assert story.actions() == [SendVoiceState(200)]
        assert story.flow.channel_id == CHANNEL

    def test_a_rejoin_after_a_refused_move_goes_back_to_where_the_bot_was(self) -> None:
        story = connected()
        story.flow.move(200)
        story.actions()
        assert story.lose(4006) == [SendVoiceState(CHANNEL)]

    def test_a_move_while_joining_changes_the_goal(self) -> None:
        story = connected()
        story.lose(4006)
        story.flow.move(200)
        assert story.actions() == [SendVoiceState(200)]
        assert SendVoiceState(200) in story.wait(JOIN_LIMIT)

    def test_a_move_whose_old_socket_closes_first(self) -> None:
        story = connected()
        story.state(VoiceStateUpdate("session", 200))
        assert story.lose(4014) == []
        assert story.server(VoiceServerUpdate("token 2", "x:1")) != []

    def test_a_close_after_the_new_server_is_known_opens_it(self) -> None:
        story = connected()
        story.flow.rejoin_main_gateway(story.now)
        story.actions()
        # The new server comes before the new session is known, and the old socket closes in between.
        assert story.server(VoiceServerUpdate("token 2", "x:1")) == []
        assert story.lose(4014) == []
        actions = story.state(VoiceStateUpdate("session 2", CHANNEL))
        assert actions == [OpenSocket(Target("session 2", "token 2", "x:1", CHANNEL), resume=False)]

    def test_a_server_update_while_connected_is_followed(self) -> None:
        story = connected()
        actions = story.server(VoiceServerUpdate("token", "other:443"))
        assert actions == [OpenSocket(Target("session", "token", "other:443", CHANNEL), resume=False)]

    def test_a_server_that_goes_away_is_waited_for(self) -> None:
        story = connected(timeout=20.0)
        assert story.server(VoiceServerUpdate("token", None)) == [CloseSocket(1000)]
        assert (story.phase, story.reason) == (Phase.RECONNECTING, Reason.SERVER_GONE)
        assert story.server(SERVER) == [OpenSocket(TARGET, resume=False)]

    def test_but_not_for_ever(self) -> None:
        story = connected(timeout=20.0)
        story.server(VoiceServerUpdate("token", None))
        assert story.wait(20.0)[-1] == Finish()
        assert story.reason is Reason.SERVER_GONE

    def test_a_server_update_overtakes_a_resume(self) -> None:
        story = connected()
        story.lose(None)
        actions = story.server(VoiceServerUpdate("token 2", "x:1"))
        assert actions == [OpenSocket(Target("session", "token 2", "x:1", CHANNEL), resume=False)]
        assert story.phase is Phase.RECONNECTING


class TestMainGateway:
    def test_a_new_session_joins_again_while_sound_goes_on(self) -> None:
        story = connected()
        story.flow.rejoin_main_gateway(story.now)
        assert story.actions() == [SendVoiceState(CHANNEL)]
        assert story.phase is Phase.CONNECTED
        assert story.state(VoiceStateUpdate("session 2", CHANNEL)) == []
        actions = story.server(VoiceServerUpdate("token 2", "x:1"))
        assert actions == [OpenSocket(Target("session 2", "token 2", "x:1", CHANNEL), resume=False)]

    def test_an_old_token_is_not_shown_with_a_new_session(self) -> None:
        story = connected()
        assert story.state(VoiceStateUpdate("session 2", CHANNEL)) == []

    def test_while_it_is_away_waits_grow_longer_but_not_endless(self) -> None:
        story = connected()
        story.lose(4014)
        for _ in range(5):
            assert story.wait(SERVER_UPDATE_LIMIT - 1.0) == []
            story.flow.hold(story.now)
        assert story.phase is Phase.RECONNECTING
        for _ in range(200):
            story.flow.hold(story.now)
            story.wait(SERVER_UPDATE_LIMIT - 1.0)
        assert story.reason is Reason.GAVE_UP

    def test_while_it_is_away_joins_are_not_repeated(self) -> None:
        story = connected()
        story.lose(4006)
        for _ in range(5):
            story.flow.hold(story.now)
            assert story.wait(JOIN_LIMIT - 1.0) == []

    def test_during_a_wait_for_a_server_it_joins_again(self) -> None:
        story = connected()
        story.lose(4014)
        story.flow.rejoin_main_gateway(story.now)
        assert story.actions() == [SendVoiceState(CHANNEL)]
        story.state(VoiceStateUpdate("session 2", CHANNEL))
        assert len(story.server(SERVER)) == 1


class TestEnd:
    def test_the_bots_stop_leaves(self) -> None:
        story = connected()
        story.flow.stop()
        assert story.actions() == [SendVoiceState(None), CloseSocket(1000), Finish()]
        assert story.reason is Reason.REQUESTED

    def test_the_bots_stop_can_leave_the_leave_to_others(self) -> None:
        story = connected()
        story.flow.stop(Reason.SUPERSEDED, leave=False)
        assert story.actions() == [CloseSocket(1000), Finish()]

    def test_nothing_happens_after_the_end(self) -> None:
        story = connected()
        story.flow.stop()
        story.actions()
        story.flow.stop()
        story.flow.move(3)
        story.flow.rejoin_main_gateway(story.now)
        assert story.actions() == []
        assert story.state(STATE) == story.server(SERVER) == story.lose(None) == story.establish() == []
        assert story.wait(1e6) == []
        assert story.phase is Phase.DISCONNECTED

    def test_no_repr_shows_a_secret(self) -> None:
        story = Story()
        story.actions()
        story.state(VoiceStateUpdate("hush-session", CHANNEL))
        actions = story.server(VoiceServerUpdate("hush-token", "server:443"))
        assert "hush" not in repr(actions)
        assert "hush" not in repr(VoiceServerUpdate("hush-token", None))
        assert "hush" not in repr(VoiceStateUpdate("hush-session", None))
