"""The voice gateway's protocol, in virtual time: the handshake, heartbeats, and what the codes of a close mean."""

from __future__ import annotations

import math
from typing import Any

import pytest

from isocord.gateway.protocol.close_codes import CloseAction, classify
from isocord.gateway.protocol.messages import (
    HeartbeatAcked,
    Hello,
    MlsMessage,
    Op,
    Ready,
    SessionDescription,
)
from isocord.gateway.protocol.protocol import ABANDONED, SILENT, GatewayState

from .gateway_words import KEY, SECRETS, description, established, hello, message, new_protocol, ready, sent


class TestHandshake:
    def test_identify_goes_out_as_soon_as_the_socket_is_open(self) -> None:
        protocol = new_protocol(max_dave_version=1)
        protocol.connected(0.0)
        assert sent(protocol) == [
            {
                "op": 0,
                "d": {
                    "server_id": "10",
                    "user_id": "20",
                    "session_id": "session-secret",
                    "token": "token-secret",
                    "max_dave_protocol_version": 1,
                },
            }
        ]

    def test_the_story_up_to_the_keys(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(hello(), 0.0)
        assert protocol.state is GatewayState.IDENTIFYING
        protocol.receive(ready(), 0.0)
        assert protocol.state is GatewayState.SELECTING
        assert protocol.take_events() == [Hello(10.0), Ready(7, "10.0.0.1", 50_000, ("a", "b"))]
        protocol.take_outgoing()
        protocol.select_protocol("1.2.3.4", 4321, "a")
        expected = {"protocol": "udp", "data": {"address": "1.2.3.4", "port": 4321, "mode": "a"}}
        assert sent(protocol) == [{"op": 1, "d": expected}]
        protocol.receive(description(), 0.0)
        assert protocol.state is GatewayState.ESTABLISHED
        assert protocol.take_events() == [SessionDescription("a", bytes(KEY), 0)]

    def test_a_socket_lost_before_the_keys_is_not_resumed(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(hello(), 0.0)
        protocol.receive(ready(5), 0.0)
        protocol.lost(None)
        protocol.take_outgoing()
        assert not protocol.can_resume
        protocol.connected(1.0)
        assert sent(protocol)[0]["op"] == Op.IDENTIFY
        assert protocol.seq_ack == -1

    def test_events_and_messages_are_handed_out_once(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(hello(), 0.0)
        assert protocol.take_outgoing()
        assert protocol.take_events()
        assert protocol.take_outgoing() == []
        assert protocol.take_events() == []


class TestSpeaking:
    def test_speaking_carries_the_ssrc_and_is_sent_once(self) -> None:
        protocol = established()
        assert protocol.speak(1)
        assert not protocol.speak(1)
        assert sent(protocol) == [{"op": 5, "d": {"speaking": 1, "delay": 0, "ssrc": 7}}]
        assert protocol.speak(0)

    def test_nothing_is_said_before_the_session_is_established(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(ready(), 0.0)
        protocol.take_outgoing()
        assert not protocol.speak(1)
        assert sent(protocol) == []

    def test_the_server_does_not_forget_over_a_resume(self) -> None:
        protocol = established()
        protocol.speak(1)
        protocol.lost(None)
        protocol.connected(1.0)
        protocol.receive(message(9), 1.0)
        assert not protocol.speak(1)


class TestHeartbeat:
    def test_none_before_the_authentication_then_one_at_once(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(hello(), 0.0)
        assert [m["op"] for m in sent(protocol)] == [Op.IDENTIFY]
        protocol.receive(ready(), 0.5)
        assert [m["op"] for m in sent(protocol)] == [Op.HEARTBEAT]
        assert protocol.deadline == 10.5

    def test_hello_after_ready_is_fine(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(ready(), 0.0)
        assert protocol.deadline is None
        protocol.receive(hello(), 1.0)
        assert sent(protocol)[-1]["op"] == Op.HEARTBEAT

    def test_one_each_interval_with_the_last_number_seen(self) -> None:
        protocol = established(0.0)
        for beat in range(1, 4):
            protocol.receive(message(6, {"t": beat}), beat * 10.0 - 5)
            assert protocol.deadline == beat * 10.0
            protocol.timeout(beat * 10.0)
            (heartbeat,) = sent(protocol)
            assert heartbeat["op"] == Op.HEARTBEAT
            assert heartbeat["d"] == {"t": beat + 1, "seq_ack": 2}

    def test_too_early_a_timeout_does_nothing(self) -> None:
        protocol = established(0.0)
        protocol.receive(message(6, {"t": 1}), 0.1)
        protocol.timeout(9.99)
        assert sent(protocol) == []

    def test_the_latency_is_measured_and_averaged_over_twenty(self) -> None:
        protocol = established(0.0)
        assert protocol.latencies.last == math.inf
        assert protocol.latencies.average == math.inf
        now = 0.0
        for beat in range(1, 31):
            protocol.receive(message(6, {"t": beat}), now + beat / 100)
            now += 10.0
            protocol.timeout(now)
        assert protocol.latencies.last == pytest.approx(0.30)
        assert protocol.latencies.average == pytest.approx(sum(range(11, 31)) / 100 / 20)

    @pytest.mark.parametrize("d", [{"t": 1}, {"t": "1"}, 1])
    def test_each_form_of_an_answer_is_understood(self, d: Any) -> None:
        protocol = established(0.0)
        protocol.receive(message(6, d), 0.25)
        assert protocol.take_events() == [HeartbeatAcked(0.25)]

    @pytest.mark.parametrize("d", [{"t": 99}, {}, None, [], "x", True])
    def test_an_answer_to_something_else_does_not_count(self, d: Any) -> None:
        protocol = established(0.0)
        protocol.receive(message(6, d), 0.25)
        assert protocol.take_events() == []
        protocol.timeout(10.0)
        assert protocol.fault == SILENT

    def test_an_unanswered_heartbeat_gives_the_socket_up_and_resumes(self) -> None:
        protocol = established(0.0)
        protocol.timeout(10.0)
        assert protocol.fault == SILENT
        assert protocol.deadline is None
        assert protocol.lost(ABANDONED).action is CloseAction.RESUME
        assert protocol.can_resume
        protocol.connected(11.0)
        assert protocol.fault is None

    def test_a_held_up_caller_grants_the_server_a_moment(self) -> None:
        protocol = established(0.0)
        protocol.timeout(25.0)
        assert protocol.fault is None
        assert protocol.deadline == 30.0
        protocol.receive(message(6, {"t": 1}), 25.1)
        protocol.timeout(30.0)
        assert protocol.fault is None
        assert sent(protocol)[-1]["op"] == Op.HEARTBEAT

    def test_a_held_up_caller_gives_up_after_that_moment(self) -> None:
        protocol = established(0.0)
        protocol.timeout(25.0)
        protocol.timeout(30.0)
        assert protocol.fault == SILENT

    def test_the_interval_is_bounded(self) -> None:
        for interval, expected in ((0.001, 0.05), (1e12, 300.0)):
            protocol = new_protocol()
            protocol.connected(0.0)
            protocol.receive(hello(interval), 0.0)
            assert protocol.take_events() == [Hello(expected)]

    @pytest.mark.parametrize("interval", [0, -1, "x", None, True, [], float("inf"), float("nan")])
    def test_a_senseless_interval_is_malformed(self, interval: Any) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(hello(interval), 0.0)
        assert protocol.counters.malformed == 1
        assert protocol.deadline is None


class TestSecrets:
    def test_no_repr_shows_any(self) -> None:
        protocol = established()
        protocol.connected(1.0)
        keys = SessionDescription("a", b"\x07" * 32, 0)
        for text in (repr(protocol), repr(protocol._credentials), repr(keys), repr(MlsMessage(Op.MLS_WELCOME, b"zz"))):
            assert not any(secret in text for secret in SECRETS)
            assert "\\x07" not in text
            assert "zz" not in text


class TestCloseCodes:
    @pytest.mark.parametrize("code", [None, 1001, 1002, 1005, 1006, 1011, 1012, 3000, 3999, 4000, 4015])
    def test_faults_on_the_way_are_resumed(self, code: int | None) -> None:
        assert classify(code).action is CloseAction.RESUME

    def test_a_normal_close_is_the_end(self) -> None:
        assert classify(1000).action is CloseAction.DISCONNECT

    @pytest.mark.parametrize("code", [4006, 4009, 4001, 4002, 4003, 4005, 4011, 4020, 4999])
    def test_lost_sessions_are_replaced(self, code: int) -> None:
        assert classify(code).action is CloseAction.REJOIN

    @pytest.mark.parametrize("code", [4014, 4022])
    def test_disconnects_wait_for_another_server(self, code: int) -> None:
        assert classify(code).action is CloseAction.AWAIT_SERVER

    @pytest.mark.parametrize("code", [4004, 4012, 4016, 4017, 4021])
    def test_refusals_are_final_and_say_what_to_do(self, code: int) -> None:
        verdict = classify(code)
        assert verdict.action is CloseAction.REFUSE
        assert verdict.code == code
        assert len(verdict.meaning) > 30

    def test_the_one_about_encryption_names_it(self) -> None:
        assert "DAVE" in classify(4017).meaning
