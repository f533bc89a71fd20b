"""The bot's end of the process that speaks with Ray."""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import itertools
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .known import ClusterError

_log = logging.getLogger("isocord.ray")
_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 15.0
_END_LIMIT = 2.0


class Envoy:
    """Keeps such a process running: one that ends is followed by another one.

    Args:
        options: its first line.
        learn: told, on a thread of ours, what it sees.
        troubled: told why there is nothing to see.
    """

    def __init__(
        self,
        options: dict[str, Any],
        learn: Callable[[dict[str, Any]], object],
        troubled: Callable[[str], object],
    ) -> None:
        self._options = json.dumps(options)
        self._learn, self._troubled = learn, troubled
        self._tickets: dict[int, concurrent.futures.Future[str | None]] = {}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[str] | None = None
        self._changed = threading.Condition()
        self._owner = os.getpid()
        self._trouble: str | None = None
        self.closed: bool = False
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._run, name="isocord-ray", daemon=True)
        self._thread.start()

    def wish(self, wish: dict[str, Any]) -> concurrent.futures.Future[str | None]:
        """Have it do something; gives what was wrong, or None.

        Raises:
            ClusterError: it does not run at the moment.
        """
        ticket, done = next(self._numbers), concurrent.futures.Future[str | None]()
        with self._changed:
            if self._process is None:
                raise ClusterError("Ray cannot be spoken with at the moment")
            self._tickets[ticket] = done
            self._write(self._process, json.dumps({**wish, "ticket": ticket}))
        return done

    def close(self) -> None:
        """End it. Idempotent; nothing happens in a forked child."""
        if self._owner != os.getpid():
            return
        atexit.unregister(self.close)
        with self._changed:
            self.closed = True
            process = self._process
            self._changed.notify_all()
        if process is not None:
            _end(process)
        self._thread.join(_END_LIMIT)

    def _run(self) -> None:
        delay = _FIRST_DELAY
        while not self.closed:
            began = time.monotonic()
            try:
                self._serve()
            except Exception as error:
                # Whatever it is, the next one may do better.
                self._troubled(f"{type(error).__name__}: {error}")
            delay = _FIRST_DELAY if time.monotonic() - began > _LONGEST_DELAY else min(delay * 2, _LONGEST_DELAY)
            with self._changed:
                self._changed.wait_for(lambda: self.closed, delay)

    def _serve(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "isocord.ray.scout"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # While the head is away it had better go on to look at the nodes; Ray's own rule is a minute.
            env={_PATIENCE: "3600", **os.environ, "PYTHONPATH": _path()},
            # A Ctrl-C is for the bot, which then ends this one.
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            with self._changed:
                if self.closed:
                    return
                self._process = process
                self._write(process, self._options)
            for line in process.stdout:
                self._take(json.loads(line))
        finally:
            with self._changed:
                self._process = None
                tickets, self._tickets = self._tickets, {}
            for done in tickets.values():
                done.set_result("Ray has ended the process that spoke with it")
            _end(process)
            process.stdout.close()
        if not self.closed:
            _log.info("The process that speaks with Ray has ended with %s; another one follows", process.returncode)
            if self._trouble is None:
                self._troubled(f"Ray has ended the process that speaks with it ({process.returncode})")

    def _take(self, told: dict[str, Any]) -> None:
        if "ticket" not in told:
            if told["trouble"] not in (None, self._trouble):
                _log.warning("Ray: %s", told["trouble"])
            self._trouble = told["trouble"]
            self._learn(told)
        elif (done := self._tickets.pop(told["ticket"], None)) is not None:
            done.set_result(told["error"])

    def _write(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        except OSError:
            # It has ended; whoever reads from it finds out.
            return


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    # What was written last may have found nobody.
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_LIMIT)


def _path() -> str:
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
