"""Classes of the bot that run at this media node, for one seat; on the gateway thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..messages import FromSeat
from .errand_here import ErrandHere
from .messages import Call, EndRun, Failure, Recall, Run, RunIsOver
from .voice import Seated


class Hosting:
    """All that runs here for one connection.

    Args:
        number: of the seat.
        send: says something to the bot, from any thread.
        seat: what it is given.
        allowed: whether this node runs code of bots.
    """

    def __init__(self, number: int, send: Callable[[FromSeat], object], seat: Seated, *, allowed: bool) -> None:
        self._number = number
        self._send = send
        self._seat = seat
        self._allowed = allowed
        self._running: dict[int, ErrandHere] = {}

    def table(self) -> dict[type, Callable[[Any], object]]:
        """What is done about each message."""
        return {
            Run: self._run,
            Call: lambda told: self._with(told.run, lambda errand: errand.call(told)),
            Recall: lambda told: self._with(told.run, lambda errand: errand.recall(told.ticket)),
            EndRun: lambda told: self._with(told.run, ErrandHere.close),
        }

    def close(self) -> None:
        """The connection is over."""
        running, self._running = self._running, {}
        for errand in running.values():
            errand.close()

    def _run(self, message: Run) -> None:
        if refused := self._refusal(message):
            failure = Failure("PermissionError" if not self._allowed else "RuntimeError", refused, "")
            self._send(RunIsOver(self._number, message.run, None, failure))
        elif message.run not in self._running:
            errand = self._running[message.run] = ErrandHere(message, self._seat, self._send, self._forget)
            errand.start()

    def _refusal(self, message: Run) -> str:
        if not self._allowed:
            return "this media node runs no code of bots: MediaNode(runs_code=True) does"
        if message.python != (here := sys.version_info[:2]):
            theirs, ours = (".".join(map(str, version)) for version in (message.python, here))
            return f"the bot runs Python {theirs} and this media node {ours}: code is of one version only"
        return ""

    def _forget(self, run: int) -> None:
        self._seat.thread.call(self._running.pop, run, None)

    def _with(self, run: int, function: Callable[[ErrandHere], object]) -> None:
        if (errand := self._running.get(run)) is not None:
            function(errand)
