"""A voice connection's decisions in virtual time, told as a story."""

from __future__ import annotations

import pytest

from isocord.connection.decisions.actions import Action, SendVoiceState, Target
from isocord.connection.decisions.flow import ConnectionFlow
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
