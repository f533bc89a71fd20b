"""What a voice connection decides, in virtual time: joins, close codes, ends, and how long it waits."""

from __future__ import annotations

import pytest

from isocord.connection.decisions.actions import CloseSocket, Finish, OpenSocket, SendVoiceState, Target
from isocord.connection.decisions.limits import (
    CONNECT_ATTEMPTS,
    HANDSHAKE_LIMIT,
    SERVER_UPDATE_LIMIT,
)
from isocord.connection.states import Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from isocord.gateway.protocol.close_codes import CloseAction, CloseVerdict

from .flow_story import CHANNEL, LEFT, SERVER, STATE, TARGET, Story, connected


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

    def test_where_no_media_node_answers_the_voice_server_is_not_blamed(self) -> None:
        story = Story(timeout=7.0)
        story.actions()
        story.state(STATE)
        story.server(SERVER)
        silent = CloseVerdict(CloseAction.RESUME, None, "media node 10.0.0.7:4000: it does not answer")
        story.flow.lost(silent, story.now, resumable=False, reason=Reason.NODE_LOST)
        story.wait(7.0)
        assert story.reason is Reason.TIMED_OUT
        assert story.flow.state.detail == silent.meaning

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
