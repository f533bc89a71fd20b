"""The voice gateway's protocol, in virtual time: what is sent, what is understood, what is survived."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.gateway.protocol.close_codes import CloseAction, classify
from isocord.gateway.protocol.messages import (
    ClientDisconnect,
    ClientsConnect,
    ExecuteTransition,
    HeartbeatAcked,
    Hello,
    MlsMessage,
    Op,
    PrepareEpoch,
    PrepareTransition,
    Ready,
    Resumed,
    SessionDescription,
    Speaking,
)
from isocord.gateway.protocol.protocol import ABANDONED, SILENT, Credentials, GatewayProtocol, GatewayState

KEY = list(range(32))
SECRETS = ("session-secret", "token-secret")


def new_protocol(**options: Any) -> GatewayProtocol:
    return GatewayProtocol(Credentials(10, 20, *SECRETS), **options)


def message(op: int, d: Any = None, seq: int | None = None, **more: Any) -> str:
    body: dict[str, Any] = {"op": op, "d": d, **more}
    if seq is not None:
        body["seq"] = seq
    return json.dumps(body)


def sent(protocol: GatewayProtocol) -> list[dict[str, Any]]:
    return [json.loads(data) for data in protocol.take_outgoing()]


def hello(interval: float = 10_000) -> str:
    return message(8, {"heartbeat_interval": interval})


def ready(seq: int | None = None) -> str:
    return message(2, {"ssrc": 7, "ip": "10.0.0.1", "port": 50_000, "modes": ["a", "b"], "heartbeat_interval": 1}, seq)


def description(seq: int | None = None) -> str:
    return message(4, {"mode": "a", "secret_key": KEY, "dave_protocol_version": 0}, seq)


def established(now: float = 0.0, **options: Any) -> GatewayProtocol:
    protocol = new_protocol(**options)
    protocol.connected(now)
    protocol.receive(hello(), now)
    protocol.receive(ready(1), now)
    protocol.select_protocol("1.2.3.4", 4321, "a")
    protocol.receive(description(2), now)
    protocol.take_events()
    protocol.take_outgoing()
    return protocol


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


class TestSequence:
    def test_text_and_binary_messages_count_alike(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        assert protocol.seq_ack == -1
        protocol.receive(ready(1), 0.0)
        protocol.receive(b"\x00\x02\x19external", 0.0)
        assert protocol.seq_ack == 2
        protocol.receive(message(13, {"user_id": "5"}, 3), 0.0)
        assert protocol.seq_ack == 3

    def test_messages_without_a_number_leave_it_alone(self) -> None:
        protocol = established()
        protocol.receive(message(6, {"t": 1}), 0.0)
        protocol.receive(hello(), 0.0)
        assert protocol.seq_ack == 2

    def test_unknown_and_malformed_messages_count_too(self) -> None:
        protocol = established()
        protocol.receive(message(20, {"x": 1}, 3), 0.0)
        protocol.receive(message(5, {"bad": 1}, 4), 0.0)
        protocol.receive(b"\x00\x05\xffwhat", 0.0)
        assert protocol.seq_ack == 5
        assert protocol.counters.unknown == 2
        assert protocol.counters.malformed == 1

    @pytest.mark.parametrize("seq", [True, -1, 1.5, "3", None, [], {}])
    def test_a_senseless_number_is_no_number(self, seq: Any) -> None:
        protocol = established()
        protocol.receive(json.dumps({"op": 13, "d": {"user_id": "5"}, "seq": seq}), 0.0)
        assert protocol.seq_ack == 2
        assert protocol.take_events() == [ClientDisconnect(5)]

    def test_zero_is_a_number(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(ready(0), 0.0)
        assert protocol.seq_ack == 0
        protocol.receive(ready(0), 0.0)
        assert protocol.counters.duplicate == 1

    def test_the_number_wraps_at_sixteen_bits(self) -> None:
        protocol = established()
        protocol.receive(b"\x7f\xff\x19a", 0.0)
        protocol.receive(b"\xff\xfe\x19b", 0.0)
        protocol.receive(b"\xff\xff\x19c", 0.0)
        protocol.receive(b"\x00\x00\x19d", 0.0)
        protocol.receive(b"\xff\xff\x19c", 0.0)
        assert protocol.seq_ack == 0
        assert [event.payload for event in protocol.take_events() if isinstance(event, MlsMessage)] == [
            b"a",
            b"b",
            b"c",
            b"d",
        ]

    def test_wide_numbers_in_text_and_narrow_ones_in_binary_are_one_count(self) -> None:
        protocol = established()
        protocol.receive(message(13, {"user_id": "5"}, 0x7000), 0.0)
        protocol.receive(message(13, {"user_id": "5"}, 0xE000), 0.0)
        protocol.receive(message(13, {"user_id": "5"}, 0x1_0005), 0.0)
        assert protocol.seq_ack == 0x1_0005
        protocol.receive(b"\x00\x05\x19a", 0.0)
        assert protocol.counters.duplicate == 1
        protocol.receive(b"\x00\x06\x19a", 0.0)
        assert protocol.seq_ack == 6


class TestResume:
    def test_the_next_socket_resumes_with_the_last_number(self) -> None:
        protocol = established()
        protocol.receive(b"\x00\x2a\x19x", 0.0)
        protocol.lost(1006)
        assert protocol.can_resume
        protocol.connected(5.0)
        assert sent(protocol) == [
            {
                "op": 7,
                "d": {"server_id": "10", "session_id": "session-secret", "token": "token-secret", "seq_ack": 42},
            }
        ]
        assert protocol.state is GatewayState.RESUMING

    def test_resumed_goes_on_with_heartbeats(self) -> None:
        protocol = established()
        protocol.lost(None)
        protocol.connected(5.0)
        protocol.take_outgoing()
        protocol.receive(hello(), 5.1)
        assert sent(protocol) == []
        protocol.receive(message(9), 5.2)
        assert protocol.take_events() == [Hello(10.0), Resumed()]
        assert protocol.state is GatewayState.ESTABLISHED
        assert [m["op"] for m in sent(protocol)] == [Op.HEARTBEAT]

    def test_messages_that_come_again_are_taken_once(self) -> None:
        protocol = established()
        protocol.receive(b"\x00\x03\x1bproposal", 0.0)
        protocol.receive(message(22, {"transition_id": 4}, 4), 0.0)
        assert len(protocol.take_events()) == 2
        protocol.lost(None)
        protocol.connected(1.0)
        protocol.receive(message(9), 1.0)
        protocol.receive(b"\x00\x03\x1bproposal", 1.0)
        protocol.receive(message(22, {"transition_id": 4}, 4), 1.0)
        protocol.receive(b"\x00\x05\x1bnew", 1.0)
        events = [event for event in protocol.take_events() if not isinstance(event, Resumed)]
        assert events == [MlsMessage(Op.MLS_PROPOSALS, b"new")]
        assert protocol.counters.duplicate == 2
        assert protocol.seq_ack == 5

    def test_a_second_cut_resumes_again(self) -> None:
        protocol = established()
        for seq in range(3, 8):
            protocol.lost(None)
            protocol.connected(seq)
            assert sent(protocol)[0]["d"]["seq_ack"] == seq - 1
            protocol.receive(message(9), seq)
            protocol.receive(message(13, {"user_id": "1"}, seq), seq)

    def test_what_was_queued_for_the_lost_socket_is_dropped(self) -> None:
        protocol = established()
        protocol.speak(1)
        protocol.lost(None)
        protocol.connected(1.0)
        assert [m["op"] for m in sent(protocol)] == [Op.RESUME]

    def test_resumed_out_of_the_blue_is_ignored(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(message(9), 0.0)
        assert protocol.state is GatewayState.IDENTIFYING
        assert protocol.counters.misplaced == 1

    @pytest.mark.parametrize("resuming", [False, True])
    def test_ready_in_the_midst_of_a_session_asks_for_another_one(self, resuming: bool) -> None:
        protocol = established()
        if resuming:
            protocol.lost(None)
            protocol.connected(1.0)
        protocol.receive(ready(3), 1.0)
        assert protocol.take_events() == []
        assert protocol.fault is not None
        assert protocol.fault.action is CloseAction.REJOIN
        assert not protocol.can_resume

    def test_keys_do_not_take_the_place_of_resumed(self) -> None:
        protocol = established()
        protocol.lost(None)
        protocol.connected(1.0)
        protocol.receive(description(3), 1.0)
        assert protocol.state is GatewayState.RESUMING
        assert protocol.counters.misplaced == 1

    def test_the_deadline_rests_while_there_is_no_socket(self) -> None:
        protocol = established()
        protocol.lost(None)
        assert protocol.deadline is None
        protocol.timeout(1e9)
        assert sent(protocol) == []


class TestOthers:
    def test_each_kind_of_message_is_read(self) -> None:
        protocol = established()
        for text in (
            message(5, {"user_id": "123456789012345678", "ssrc": 9, "speaking": 1}),
            message(11, {"user_ids": ["1", "2"]}),
            message(13, {"user_id": 3}),
            message(21, {"transition_id": 0, "protocol_version": 1}),
            message(22, {"transition_id": 65535}),
            message(24, {"protocol_version": 1, "epoch": "1"}),
        ):
            protocol.receive(text, 0.0)
        assert protocol.take_events() == [
            Speaking(123456789012345678, 9, 1),
            ClientsConnect((1, 2)),
            ClientDisconnect(3),
            PrepareTransition(0, 1),
            ExecuteTransition(65535),
            PrepareEpoch(1, 1),
        ]

    @pytest.mark.parametrize("op", [25, 27, 29, 30])
    def test_mls_messages_pass_through(self, op: int) -> None:
        protocol = established()
        protocol.receive(bytes((0, 3, op)) + b"payload", 0.0)
        assert protocol.take_events() == [MlsMessage(Op(op), b"payload")]

    def test_mls_messages_go_out_with_their_opcode_alone(self) -> None:
        protocol = established()
        protocol.send(b"\x1apackage")
        protocol.send('{"op":23,"d":{"transition_id":3}}')
        key_package, transition_ready = protocol.take_outgoing()
        assert key_package == b"\x1apackage"
        assert json.loads(transition_ready) == {"op": 23, "d": {"transition_id": 3}}

    def test_unknown_fields_are_ignored(self) -> None:
        protocol = established()
        protocol.receive(message(13, {"user_id": "5", "new": {"field": []}}, extra=1), 0.0)
        assert protocol.take_events() == [ClientDisconnect(5)]
        assert protocol.counters.malformed == protocol.counters.unknown == 0

    @pytest.mark.parametrize("op", [12, 14, 15, 16, 18, 20, 26, 31, 99, 10**30, -1])
    def test_unknown_opcodes_are_counted(self, op: int) -> None:
        protocol = established()
        protocol.receive(message(op, {"any": "thing"}), 0.0)
        assert protocol.counters.unknown == 1
        assert protocol.take_events() == []

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "null",
            "[]",
            "7",
            '"x"',
            "{}",
            '{"op": null}',
            '{"op": "2"}',
            '{"op": true}',
            '{"op": 2.0}',
            "[" * 200_000,
            '{"op": 2}',
            '{"op": 2, "d": []}',
            '{"op": 2, "d": {"ssrc": -1, "ip": "1.1.1.1", "port": 1, "modes": []}}',
            '{"op": 2, "d": {"ssrc": 4294967296, "ip": "1.1.1.1", "port": 1, "modes": []}}',
            '{"op": 2, "d": {"ssrc": 1, "ip": 1, "port": 1, "modes": []}}',
            '{"op": 2, "d": {"ssrc": 1, "ip": "1.1.1.1", "port": 65536, "modes": []}}',
            '{"op": 2, "d": {"ssrc": 1, "ip": "1.1.1.1", "port": 1, "modes": "a"}}',
            '{"op": 4, "d": {"mode": "a", "secret_key": [1, 2]}}',
            '{"op": 4, "d": {"mode": "a", "secret_key": "' + "x" * 32 + '"}}',
            '{"op": 4, "d": {"mode": 1, "secret_key": [' + ",".join(["1"] * 32) + "]}}",
            '{"op": 4, "d": {"mode": "a", "secret_key": [' + ",".join(["256"] * 32) + "]}}",
            '{"op": 5, "d": {"user_id": "x", "ssrc": 1, "speaking": 1}}',
            '{"op": 5, "d": {"user_id": "' + "9" * 5000 + '", "ssrc": 1, "speaking": 1}}',
            '{"op": 11, "d": {"user_ids": "12"}}',
            '{"op": 11, "d": {"user_ids": [null]}}',
            '{"op": 13, "d": {"user_id": true}}',
            '{"op": 22, "d": {"transition_id": 65536}}',
            '{"op": 24, "d": {"protocol_version": 1}}',
        ],
    )
    def test_malformed_text_is_counted_and_changes_nothing(self, text: str) -> None:
        protocol = established()
        protocol.receive(text, 0.0)
        assert protocol.counters.malformed == 1
        assert protocol.take_events() == []
        assert protocol.state is GatewayState.ESTABLISHED

    def test_keys_before_ready_are_refused(self) -> None:
        protocol = new_protocol()
        protocol.connected(0.0)
        protocol.receive(description(), 0.0)
        assert protocol.take_events() == []
        assert protocol.state is GatewayState.IDENTIFYING

    @pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x03"])
    def test_short_binary_is_malformed(self, data: bytes) -> None:
        protocol = established()
        protocol.receive(data, 0.0)
        assert protocol.counters.malformed == 1
        assert protocol.seq_ack == 2

    @given(st.one_of(st.binary(max_size=64), st.text(max_size=64)))
    def test_garbage_never_raises(self, data: str | bytes) -> None:
        protocol = established()
        protocol.receive(data, 1.0)
        protocol.timeout(100.0)

    @given(
        st.dictionaries(
            st.sampled_from(["op", "d", "seq"]),
            st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=4),
                    st.dictionaries(
                        st.sampled_from(["ssrc", "ip", "port", "modes", "user_id", "user_ids", "t", "speaking"]),
                        inner,
                        max_size=6,
                    ),
                ),
                max_leaves=12,
            ),
        )
    )
    def test_wild_json_never_raises(self, body: dict[str, Any]) -> None:
        protocol = established()
        protocol.receive(json.dumps(body), 1.0)


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
