"""The voice gateway's protocol: which messages are understood, and what becomes of those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.gateway.protocol.messages import (
    ClientDisconnect,
    ClientsConnect,
    ExecuteTransition,
    MlsMessage,
    Op,
    PrepareEpoch,
    PrepareTransition,
    Speaking,
)
from isocord.gateway.protocol.protocol import GatewayState

from .gateway_words import description, established, message, new_protocol


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
