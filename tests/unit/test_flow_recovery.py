"""What a voice connection decides when it breaks or is moved, in virtual time: resumes, rejoins, other servers."""

from __future__ import annotations

from itertools import pairwise

from isocord.connection.decisions.actions import CloseSocket, Finish, OpenSocket, SendVoiceState, Target
from isocord.connection.decisions.limits import (
    ASK_LIMIT,
    FORGIVEN_AFTER,
    JOIN_LIMIT,
    PAIR_LIMIT,
    RECONNECT_LIMIT,
    RESUME_LIMIT,
    SERVER_UPDATE_LIMIT,
)
from isocord.connection.states import Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from isocord.gateway.protocol.close_codes import CloseAction, CloseVerdict

from .flow_story import CHANNEL, LEFT, SERVER, STATE, TARGET, Story, connected


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

    def test_a_lost_media_node_leaves_its_session_to_another_one(self) -> None:
        story = connected()
        gone = CloseVerdict(CloseAction.RESUME, None, "gone")
        story.flow.lost(gone, story.now, resumable=False, reason=Reason.NODE_LOST)
        # At once, and without a join: Discord has the session still.
        assert story.actions() == [OpenSocket(TARGET, resume=True)]
        assert (story.phase, story.reason) == (Phase.RECONNECTING, Reason.NODE_LOST)
        # Has it not, there is another one.
        assert story.lose(4006) == []
        assert story.next_actions() == [SendVoiceState(CHANNEL)]

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
