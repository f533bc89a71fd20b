"""What a server can put into a message: numbers at their bounds, any JSON in any field, more than a message holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.gateway.protocol.messages import DEEPEST, LONGEST_TEXT, PARSERS, Op, SessionDescription, read_json
from isocord.gateway.protocol.protocol import Credentials, GatewayProtocol, GatewayState

U16, U32, U64 = 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
HUGE = 10**400

BODIES: dict[int, dict[str, Any]] = {
    Op.HELLO: {"heartbeat_interval": 10_000},
    Op.READY: {"ssrc": 7, "ip": "10.0.0.1", "port": 50_000, "modes": ["a"]},
    Op.SESSION_DESCRIPTION: {"mode": "a", "secret_key": [1] * 32, "dave_protocol_version": 1},
    Op.SPEAKING: {"user_id": "8", "ssrc": 9, "speaking": 1},
    Op.CLIENTS_CONNECT: {"user_ids": ["8"]},
    Op.CLIENT_DISCONNECT: {"user_id": "8"},
    Op.DAVE_PREPARE_TRANSITION: {"transition_id": 1, "protocol_version": 1},
    Op.DAVE_EXECUTE_TRANSITION: {"transition_id": 1},
    Op.DAVE_PREPARE_EPOCH: {"protocol_version": 1, "epoch": 1},
}
HIGHEST = [
    (Op.READY, "ssrc", 0, U32),
    (Op.READY, "port", 1, U16),
    (Op.SESSION_DESCRIPTION, "dave_protocol_version", 0, U16),
    (Op.SPEAKING, "user_id", 0, U64),
    (Op.SPEAKING, "ssrc", 0, U32),
    (Op.SPEAKING, "speaking", 0, U32),
    (Op.CLIENT_DISCONNECT, "user_id", 0, U64),
    (Op.DAVE_PREPARE_TRANSITION, "transition_id", 0, U16),
    (Op.DAVE_PREPARE_TRANSITION, "protocol_version", 0, U16),
    (Op.DAVE_EXECUTE_TRANSITION, "transition_id", 0, U16),
    (Op.DAVE_PREPARE_EPOCH, "protocol_version", 0, U16),
    (Op.DAVE_PREPARE_EPOCH, "epoch", 0, U64),
]

ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([HUGE, -HUGE, U16 + 1, U32 + 1, U64 + 1, 2**63]),
        st.floats(),
        st.text(max_size=30),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=8), inner, max_size=5)),
    max_leaves=12,
)


def established() -> GatewayProtocol:
    protocol = GatewayProtocol(Credentials(1, 2, "session", "token"), max_dave_version=1)
    protocol.connected(0.0)
    for op in (Op.HELLO, Op.READY):
        protocol.receive(json.dumps({"op": op, "d": BODIES[op]}), 0.0)
    protocol.select_protocol("1.2.3.4", 5, "a")
    protocol.receive(json.dumps({"op": Op.SESSION_DESCRIPTION, "d": BODIES[Op.SESSION_DESCRIPTION]}), 0.0)
    protocol.take_events()
    protocol.take_outgoing()
    return protocol


def test_every_message_is_among_the_bodies() -> None:
    assert BODIES.keys() == PARSERS.keys()
    for op, body in BODIES.items():
        PARSERS[op](body)


@pytest.mark.parametrize(("op", "field", "lowest", "highest"), HIGHEST)
def test_numbers_are_taken_up_to_their_bounds_and_not_over(op: int, field: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest, str(highest)):
        PARSERS[op](BODIES[op] | {field: value})
    over = (lowest - 1, highest + 1, HUGE, -HUGE, str(highest + 1), "1" * 5000)
    for value in (*over, 1.5, True, [], {}, "", "-1", "1e3", "٣"):
        with pytest.raises(ValueError, match=r"\w"):
            PARSERS[op](BODIES[op] | {field: value})


@pytest.mark.parametrize("interval", [HUGE, 1.7e308, 10**12])
def test_an_endless_heartbeat_interval_is_five_minutes(interval: float) -> None:
    assert PARSERS[Op.HELLO]({"heartbeat_interval": interval}).heartbeat_interval == 300.0  # type: ignore[union-attr]


@pytest.mark.parametrize("interval", [-HUGE, 0, -1, float("nan"), float("inf"), True, "1", None])
def test_a_heartbeat_interval_without_sense_is_refused(interval: Any) -> None:
    with pytest.raises(ValueError, match="interval"):
        PARSERS[Op.HELLO]({"heartbeat_interval": interval})


@given(st.sampled_from(sorted(PARSERS)), st.data())
def test_any_value_in_any_field_is_read_or_refused(op: int, data: st.DataObject) -> None:
    body = dict(BODIES[op])
    for field in data.draw(st.sets(st.sampled_from(sorted(body)), min_size=1)):
        body[field] = data.draw(ANYTHING)
    protocol = established()
    protocol.receive(json.dumps({"op": op, "d": body, "seq": data.draw(ANYTHING)}), 1.0)
    counters = protocol.counters
    assert len(protocol.take_events()) + counters.malformed + counters.misplaced + counters.duplicate >= 1 or (
        protocol.fault is not None
    )
    protocol.timeout(10_000.0)
    assert all(len(message) < 500 for message in protocol.take_outgoing())


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_values_around_a_body_are_survived(op: Any, d: Any, seq: Any) -> None:
    protocol = established()
    protocol.receive(json.dumps({"op": op, "d": d, "seq": seq}), 1.0)
    assert protocol.state is GatewayState.ESTABLISHED


def test_a_number_without_bound_is_not_told_back() -> None:
    protocol = established()
    protocol.receive(f'{{"op":13,"d":{{"user_id":"1"}},"seq":{10**300}}}', 1.0)
    assert protocol.seq_ack == -1
    protocol.receive(f'{{"op":6,"d":{{"t":{10**300}}}}}', 1.0)
    assert protocol.counters.misplaced == 1


def test_what_is_nested_too_deeply_is_not_read() -> None:
    for depth in (DEEPEST, DEEPEST + 1, LONGEST_TEXT // 2):
        text = "[" * depth + "]" * depth
        if depth == DEEPEST:
            read_json(text)
        else:
            with pytest.raises(ValueError, match="message"):
                read_json(text)


@pytest.mark.parametrize("more", ['"' + "[" * 5000 + '"', '"' + '\\"[' * 5000 + '"', ",".join(["[[]]"] * 5000)])
def test_brackets_in_strings_and_beside_each_other_are_not_deep(more: str) -> None:
    assert len(read_json(f"[{more}]")) in (1, 5000)


@pytest.mark.parametrize("text", ['"' * LONGEST_TEXT, '"' + '\\"' * (LONGEST_TEXT // 2 - 1), "{[" + '"\\' * 50_000])
def test_strings_that_never_end_are_looked_through_once(text: str) -> None:
    # Looked through again from each quote they would take hours, and the test its time.
    with pytest.raises(ValueError, match=r"\w"):
        read_json(text + "[" * (DEEPEST + 1))
    with pytest.raises(ValueError, match=r"\w"):
        read_json("[" * DEEPEST + "{" + text[: LONGEST_TEXT - DEEPEST - 1])


def test_a_text_that_is_longer_than_messages_are_is_malformed() -> None:
    protocol = established()
    protocol.receive(json.dumps({"op": 11, "d": {"user_ids": ["1" * 18] * 10_000}}), 1.0)
    assert len(protocol.take_events()) == 1
    protocol.receive(json.dumps({"op": 11, "d": {"user_ids": ["1"] * 10_001}}), 1.0)
    protocol.receive(" " * (LONGEST_TEXT + 1), 1.0)
    assert protocol.counters.malformed == 2


def test_keys_that_nobody_asked_for_are_not_taken() -> None:
    protocol = GatewayProtocol(Credentials(1, 2, "session", "token"))
    protocol.connected(0.0)
    for op in (Op.HELLO, Op.READY, Op.SESSION_DESCRIPTION):
        protocol.receive(json.dumps({"op": op, "d": BODIES[op]}), 0.0)
    assert not any(isinstance(event, SessionDescription) for event in protocol.take_events())
    assert protocol.counters.misplaced == 1
    assert protocol.state is GatewayState.SELECTING


def test_a_second_hello_does_not_put_off_the_verdict_on_a_heartbeat() -> None:
    protocol = established()
    protocol.timeout(10.0)
    for second in range(1, 10):
        protocol.receive(json.dumps({"op": 8, "d": {"heartbeat_interval": 10_000}}), 10.0 + second)
    protocol.timeout(20.0)
    assert protocol.take_outgoing() == []
    assert protocol.fault is not None
