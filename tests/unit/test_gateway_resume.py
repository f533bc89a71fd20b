"""The voice gateway's protocol, in virtual time: numbered messages, and what a Resume makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isocord.gateway.protocol.close_codes import CloseAction
from isocord.gateway.protocol.messages import (
    ClientDisconnect,
    Hello,
    MlsMessage,
    Op,
    Resumed,
)
from isocord.gateway.protocol.protocol import GatewayState

from .gateway_words import description, established, hello, message, new_protocol, ready, sent


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
