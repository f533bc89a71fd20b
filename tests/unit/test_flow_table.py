"""The table of the flow, and that no order of happenings leaves a connection without a way on; in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocord.connection.decisions.actions import CloseSocket, Finish, OpenSocket, SendVoiceState
from isocord.connection.decisions.flow import ConnectionFlow
from isocord.connection.decisions.steps import NOTHING, REFUSED, TRANSITIONS, Happening, Step
from isocord.connection.states import Phase, Reason, VoiceServerUpdate, VoiceStateUpdate
from isocord.gateway.protocol.close_codes import CloseAction, CloseVerdict, classify

from .flow_invariants import TIMEOUT, check

Do = Callable[[ConnectionFlow, float], None]

CODES = [None, 1000, 1001, 4004, 4006, 4009, 4014, 4015, 4021, 4022, 4900, 4999]
HAPPENINGS: dict[str, Do] = {
    "start": lambda flow, now: flow.start(now),
    "move": lambda flow, now: flow.move(200),
    "move back": lambda flow, now: flow.move(100),
    "rejoin": lambda flow, now: flow.rejoin_main_gateway(now),
    "hold": lambda flow, now: flow.hold(now),
    "sent": lambda flow, now: flow.voice_state_sent(now),
    "joined": lambda flow, now: flow.voice_state(VoiceStateUpdate("session", 100), now),
    "joined elsewhere": lambda flow, now: flow.voice_state(VoiceStateUpdate("session", 200), now),
    "another session": lambda flow, now: flow.voice_state(VoiceStateUpdate("session 2", 100), now),
    "maybe left": lambda flow, now: flow.maybe_left(now),
    "server": lambda flow, now: flow.voice_server(VoiceServerUpdate("token", "a:1"), now),
    "another server": lambda flow, now: flow.voice_server(VoiceServerUpdate("token 2", "b:1"), now),
    "server gone": lambda flow, now: flow.voice_server(VoiceServerUpdate("token", None), now),
    "established": lambda flow, now: flow.established(now, resumed=False),
    "resumed": lambda flow, now: flow.established(now, resumed=True),
    "timeout": lambda flow, now: flow.timeout(now),
    "wait": lambda flow, now: flow.timeout(flow.deadline) if flow.deadline is not None else None,
    "stop": lambda flow, now: flow.stop(),
    "left": lambda flow, now: flow.voice_state(VoiceStateUpdate("session", None), now),
}
for resumable in (False, True):
    for code in CODES:

        def lose(flow: ConnectionFlow, now: float, code: Any = code, resumable: bool = resumable) -> None:
            flow.lost(classify(code), now, resumable=resumable)

        HAPPENINGS[f"lost {code} {resumable}"] = lose
HAPPENINGS["unsent"] = lambda flow, now: flow.lost(
    CloseVerdict(CloseAction.REJOIN, None, ""), now, resumable=False, reason=Reason.UNSENT
)
ENDS = {"stop", "left", *(f"lost {code} {resumable}" for code in (1000, 4004, 4021) for resumable in (False, True))}


def test_every_cell_of_the_table_is_named_and_every_name_is_a_method() -> None:
    assert set(TRANSITIONS) == set(Happening)
    for happening, cells in TRANSITIONS.items():
        assert set(cells) == set(Step), happening
        for do in set(cells.values()) - {NOTHING, REFUSED}:
            assert callable(getattr(ConnectionFlow, f"_{do}")), do


def act(flow: ConnectionFlow, ended: list[bool]) -> None:
    actions = flow.take_actions()
    assert len(actions) <= 4
    for action in actions:
        assert isinstance(action, SendVoiceState | OpenSocket | CloseSocket | Finish)
        assert not ended, "nothing follows the end"
        if isinstance(action, Finish):
            ended.append(True)


steps = st.lists(
    st.tuples(
        # Ends are rare, or hardly any story would be long.
        st.one_of(
            st.sampled_from(sorted(set(HAPPENINGS) - ENDS)),
            st.sampled_from(["joined", "server", "established", "resumed", "wait", "lost None True"]),
            st.sampled_from(sorted(HAPPENINGS)),
        ),
        st.sampled_from([0.0, 0.01, 0.3, 1.0, 2.0, 5.0, 20.0]),
    ),
    max_size=60,
)


@settings(max_examples=500, deadline=None)
@given(steps, st.booleans(), st.floats(0.0, 1.0))
def test_there_is_always_a_deadline_or_it_is_established_or_over(
    story: list[tuple[str, float]], reconnect: bool, jitter: float
) -> None:
    flow = ConnectionFlow(100, timeout=TIMEOUT, reconnect=reconnect, jitter=lambda: jitter)
    now = 1000.0
    ended: list[bool] = []
    flow.start(now)
    act(flow, ended)
    check(flow, now)
    for name, pause in story:
        now += pause
        if name == "wait" and flow.deadline is not None:
            now = max(now, flow.deadline)
        HAPPENINGS[name](flow, now)
        act(flow, ended)
        check(flow, now)
    # Left alone, it comes to an end within the time that it has.
    for _ in range(500):
        if flow.deadline is None:
            break
        now = max(now, flow.deadline)
        flow.timeout(now)
        act(flow, ended)
        check(flow, now)
    assert flow.step in (Step.ESTABLISHED, Step.DONE)


def walked(*names: str) -> ConnectionFlow:
    flow = ConnectionFlow(100, timeout=TIMEOUT, reconnect=True, jitter=lambda: 1.0)
    flow.start(1000.0)
    for name in names:
        HAPPENINGS[name](flow, 1000.0)
    return flow


@pytest.mark.parametrize("late", ["established", "resumed"])
@pytest.mark.parametrize(
    "story",
    [
        (),
        ("joined", "server", "established", "server gone"),
        ("joined", "server", "lost None False", "lost None False"),
        ("joined", "server", "established", "lost None True", "lost None True"),
        ("joined", "server", "established", "lost 4014 True"),
    ],
)
def test_news_of_a_session_that_is_gone_does_not_connect(story: tuple[str, ...], late: str) -> None:
    flow = walked(*story)
    step, deadline = flow.step, flow.deadline
    HAPPENINGS[late](flow, 1000.0)
    assert (flow.step, flow.deadline) == (step, deadline)
    assert flow.state.phase is not Phase.CONNECTED
    assert flow.refused == 1


@pytest.mark.parametrize("backed_off", [False, True])
def test_a_new_session_of_the_bots_gateway_leaves_a_resume_its_chance(backed_off: bool) -> None:
    again = ("resumed", "lost None True") if backed_off else ()
    flow = walked("joined", "server", "established", "lost None True", *again, "rejoin")
    assert flow.step is (Step.RETRYING if backed_off else Step.RESUMING)
    assert flow.state.phase is Phase.RESUMING
    if backed_off:
        assert flow.deadline is not None
        flow.timeout(flow.deadline)
    HAPPENINGS["resumed"](flow, 1001.0)
    assert flow.state.phase is Phase.CONNECTED


def test_what_a_server_wrote_is_one_short_line_in_the_state() -> None:
    flow = walked("joined", "server", "established")
    flow.lost(CloseVerdict(CloseAction.REFUSE, 4999, "a\nb\x1b[31m\u202e" + "x" * 100_000), 1.0, resumable=False)
    assert flow.state.detail.startswith("a\\nb\\x1b[31m\\u202ex")
    assert len(str(flow.state)) < 400
    assert str(flow.state).isprintable()
