"""Classes of the bot that run at this media node, for one seat; on the gateway thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..line import Line
from .errand_here import ErrandHere
from .messages import Call, EndRun, Failure, Recall, Run, RunIsOver, Running
from .voice import Seated


class Hosting:
    """All that runs here for one connection.

    Args:
        line: to the bot.
        seat: what it is given.
        allowed: whether this node runs code of bots.
    """

    def __init__(self, line: Line, seat: Seated, *, allowed: bool) -> None:
        self._line = line
        self._seat = seat
        self._allowed = allowed
        self._running: dict[int, ErrandHere] = {}
        self._left: list[ErrandHere] = []
        self._ended: dict[int, RunIsOver] = {}

    def table(self) -> dict[type, Callable[[Any], object]]:
        """What is done about each message."""
        return {
            Run: self._run,
            Call: lambda told: self._with(told.run, lambda errand: errand.call(told)),
            Recall: lambda told: self._with(told.run, lambda errand: errand.recall(told.ticket)),
            EndRun: self._end,
        }

    def let_go(self) -> None:
        """The bot is gone: what runs goes on, until its next process asks for the same."""
        running, self._running = self._running, {}
        for errand in running.values():
            errand.let_go()
            self._left.append(errand)

    def replaced(self) -> None:
        """Another process of the bot is about to have all of it, and this one is there to be told."""
        for run in self._running:
            failure = Failure("ConnectionError", "another process of this bot has the connection now", "")
            self._line.send(RunIsOver(self._line.seat, run, None, failure))

    def take_over(self, *, same: bool) -> None:
        """A process of the bot is there, which will ask for what it wants; ``same`` if it is the one that was."""
        if not same:
            self._ended.clear()
            for errand in self._left:
                errand.run, errand.is_found = None, True

    def close(self) -> None:
        """The connection is over."""
        running, self._running, left, self._left = self._running, {}, self._left, []
        for errand in (*running.values(), *left):
            errand.close()

    def _run(self, message: Run) -> None:
        if refused := self._refusal(message):
            failure = Failure("PermissionError" if not self._allowed else "RuntimeError", refused, "")
            self._line.send(RunIsOver(self._line.seat, message.run, None, failure))
        elif message.run in self._running:
            return
        elif (ended := self._ended.pop(message.run, None)) is not None:
            self._line.send(RunIsOver(self._line.seat, message.run, ended.value, ended.failure))
        elif (found := self._find(message)) is not None:
            self._left.remove(found)
            self._running[message.run] = found
            found.run = message.run
            if found.is_made:
                self._line.send(Running(self._line.seat, message.run, found=True))
        else:
            errand = self._running[message.run] = ErrandHere(message, self._seat, self._line, self._made, self._over)
            errand.start()

    def _find(self, message: Run) -> ErrandHere | None:
        """What was left that this asks for: of the same process by its number, of another one by the class's name."""
        return next(
            (one for one in self._left if one.run == message.run or (one.run is None and one.name == message.name)),
            None,
        )

    def _refusal(self, message: Run) -> str:
        if not self._allowed:
            return "this media node runs no code of bots: MediaNode(runs_code=True) does"
        if message.python != (here := sys.version_info[:2]):
            theirs, ours = (".".join(map(str, version)) for version in (message.python, here))
            return f"the bot runs Python {theirs} and this media node {ours}: code is of one version only"
        return ""

    def _made(self, errand: ErrandHere) -> None:
        errand.is_made = True
        if errand.run is not None and self._running.get(errand.run) is errand:
            self._line.send(Running(self._line.seat, errand.run, found=errand.is_found))

    def _over(self, errand: ErrandHere, value: Any, failure: Failure | None) -> None:
        was_left = errand in self._left
        self._left = [one for one in self._left if one is not errand]
        if errand.run is None:
            return
        told = RunIsOver(self._line.seat, errand.run, value, failure)
        if self._running.get(errand.run) is errand:
            del self._running[errand.run]
            self._line.send(told)
        elif was_left:
            # Its bot may come back and ask.
            self._ended[errand.run] = told

    def _end(self, message: EndRun) -> None:
        left = (one for one in self._left if one.run == message.run)
        if (errand := self._running.get(message.run) or next(left, None)) is not None:
            errand.close()

    def _with(self, run: int, function: Callable[[ErrandHere], object]) -> None:
        if (errand := self._running.get(run)) is not None:
            function(errand)
