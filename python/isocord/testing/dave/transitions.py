"""Transitions of an encrypted call: from "prepare" over everybody's "ready" to "execute".

Source: DAVE protocol whitepaper 1.1, "Protocol Version Changes", opcodes 21, 22, 23.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..ground.eventlog import EventLog

INIT_TRANSITION = 0
"""The transition that members execute at once, without opcodes 23 and 22."""

Execute = Callable[[int, Iterable[int]], None]
"""Called with the transition id and the users of the transition."""


@dataclass(slots=True)
class _Waiting:
    users: set[int]
    execute: Execute
    timer: asyncio.TimerHandle
    ready: set[int] = field(default_factory=set)


class Transitions:
    """The transitions that have been prepared and not executed.

    Args:
        timeout: seconds after which a transition is executed although not all are ready.
        run: runs what a timer wants done.
    """

    def __init__(self, timeout: float, log: EventLog, run: Callable[[Callable[[], None]], None]) -> None:
        self._timeout = timeout
        self._log = log
        self._run = run
        self._last_id = INIT_TRANSITION
        self._waiting: dict[int, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def new_id(self) -> int:
        """The next id, 1 to 65535."""
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    def wait(self, transition_id: int, users: Iterable[int], execute: Execute) -> None:
        """Execute once all ``users`` are ready, or the time is over."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._timeout, self._run, lambda: self._expired(transition_id))
        self._waiting[transition_id] = _Waiting(set(users), execute, timer)
        self._check(transition_id)

    def ready(self, transition_id: int, user_id: int) -> None:
        """Opcode 23 of a user; ids that nobody waits for are ignored."""
        waiting = self._waiting.get(transition_id)
        if waiting is not None and user_id in waiting.users:
            waiting.ready.add(user_id)
            self._check(transition_id)

    def forget(self, user_id: int, transition_id: int | None = None) -> None:
        """Do not wait for a user any more, in one transition or in all."""
        for known in list(self._waiting) if transition_id is None else [transition_id]:
            waiting = self._waiting.get(known)
            if waiting is not None:
                waiting.users.discard(user_id)
                self._check(known)

    def clear(self) -> None:
        """Forget everything."""
        for waiting in self._waiting.values():
            waiting.timer.cancel()
        self._waiting.clear()

    def _check(self, transition_id: int) -> None:
        waiting = self._waiting.get(transition_id)
        if waiting is not None and waiting.ready >= waiting.users:
            self._execute(transition_id)

    def _expired(self, transition_id: int) -> None:
        if transition_id in self._waiting:
            self._log.count("dave_transitions_not_ready")
            self._execute(transition_id)

    def _execute(self, transition_id: int) -> None:
        waiting = self._waiting.pop(transition_id)
        waiting.timer.cancel()
        self._log.count("dave_transitions")
        waiting.execute(transition_id, sorted(waiting.users))
