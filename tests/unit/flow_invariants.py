"""What holds of a voice connection's decisions after every happening."""

from __future__ import annotations

from isocord.connection.decisions import limits
from isocord.connection.decisions.flow import ConnectionFlow
from isocord.connection.decisions.steps import Step
from isocord.connection.states import Phase

TIMEOUT = 30.0
PHASES = {
    Step.START: {Phase.IDLE},
    Step.JOINING: {Phase.CONNECTING, Phase.RECONNECTING},
    Step.HANDSHAKING: {Phase.CONNECTING, Phase.RECONNECTING},
    Step.ESTABLISHED: {Phase.CONNECTED},
    Step.RESUMING: {Phase.RESUMING},
    Step.RETRYING: {Phase.CONNECTING, Phase.RECONNECTING, Phase.RESUMING},
    Step.AWAITING_SERVER: {Phase.CONNECTING, Phase.RECONNECTING},
    Step.DONE: {Phase.DISCONNECTED},
}


def check(flow: ConnectionFlow, now: float) -> None:
    """Something holds, or something is waited for, within a bound, or it is over; and the state says the same."""
    assert flow.state.phase in PHASES[flow.step], flow.step
    if flow.step is Step.DONE:
        assert flow.deadline is None
        assert (flow.session_id, flow.token, flow.endpoint) == (None, None, None)
    elif flow.step is not Step.ESTABLISHED:
        assert flow.deadline is not None, flow.step
        assert flow.deadline <= now + max(limits.RECONNECT_LIMIT, TIMEOUT)
