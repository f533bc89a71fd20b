"""The test's end of the dialogue with a fake Discord in another process, and the objects that live at the other end."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from ..errors import CommandError, NotRunningError, WaitTimeoutError
from .handles import Handle, Method, dumps, loads

TIMEOUT = 20.0
"""Seconds until a fake that does not answer is given up."""


class Dialogue:
    """Questions to the fake, one at a time, and their answers; for any thread.

    Args:
        connection: to a process that runs :mod:`isocord.testing.process.serving`.

    Attributes:
        methods: what is known to be a method: the name of a class and its own.
    """

    def __init__(self, connection: Connection) -> None:
        self.methods: set[tuple[str, str]] = set()
        self._connection: Connection | None = connection
        self._lock = threading.Lock()
        self._number = 0
        # What nobody here holds any more; finalizers only append to it, for they may run within a question.
        self._released: deque[int] = deque()
        _bound(connection)

    def begin(self, options: bytes) -> None:
        """Have the fake start, with these pickled arguments of :class:`~isocord.testing.FakeDiscord`.

        Raises:
            CommandError: the process has ended.
            WaitTimeoutError: no answer in 20 seconds.
            Exception: whatever the fake raised.
        """
        with self._lock:
            self._result(self._exchange(options))

    def ask(self, verb: str, target: int, name: str, *args: Any, **options: Any) -> Any:
        """Have the fake do something.

        Args:
            verb: ``get``, ``set`` or ``call``.
            target: the fake's number for an object; 0 is the fake itself.
            name: of the object's attribute.

        Raises:
            CommandError: an argument cannot be sent, or the process has ended.
            WaitTimeoutError: no answer in 20 seconds.
            NotRunningError: the dialogue is closed.
            Exception: whatever the fake raised.
        """
        try:
            what = dumps((target, verb, name, args, options), {Remote: self._give})
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise CommandError(
                f"{name}: this cannot be sent to another process: {error}; what can be are values, the faults of "
                "isocord.testing.faults, and functions and classes at the top level of a module"
            ) from None
        folder = None
        with suppress(OSError):
            folder = os.getcwd()
        with self._lock:
            self._number += 1
            released = [self._released.popleft() for _ in range(len(self._released))]
            head = pickle.dumps((self._number, released, folder))
            return self._result(self._exchange(head, what))

    def close(self) -> None:
        """Hang up, which ends the fake; idempotent."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def release(self, number: int) -> None:
        """The object of this number is not needed any more."""
        self._released.append(number)

    def _exchange(self, *messages: bytes) -> bytes:
        connection = self._connection
        if connection is None:
            raise NotRunningError("the fake Discord is not running")
        try:
            for message in messages:
                connection.send_bytes(message)
            while connection.poll(TIMEOUT):
                number, answer = pickle.loads(connection.recv_bytes()), connection.recv_bytes()  # noqa: S301
                if number == self._number:
                    return answer
        except BlockingIOError:
            # In the midst of a message; what would come next cannot be told from its rest.
            self._connection = None
            connection.close()
        except (EOFError, OSError):
            raise CommandError("the fake Discord's process has ended") from None
        raise WaitTimeoutError(f"the fake Discord did not answer within {TIMEOUT} s")

    def _result(self, answer: bytes) -> Any:
        success, value = loads(answer, self._arrive)
        if not success:
            raise value
        return value

    def _arrive(self, number: int, kind: str) -> Remote:
        return Remote(self, number, kind)

    def _give(self, remote: Remote) -> tuple[Callable[..., Any], tuple[int, str]]:
        if remote._dialogue is not self:
            raise TypeError(f"{remote!r} belongs to another fake Discord")
        return Handle, (remote._number, remote._kind)


class Remote:
    """An object in the fake's process: attributes and methods are those of the object."""

    def __init__(self, dialogue: Dialogue, number: int, kind: str) -> None:
        self._dialogue, self._number, self._kind = dialogue, number, kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if (self._kind, name) not in self._dialogue.methods:
            found = self._dialogue.ask("get", self._number, name)
            if not isinstance(found, Method):
                return found
            self._dialogue.methods.add((self._kind, name))
        return partial(_call, self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._dialogue.ask("set", self._number, name, value)

    def __dir__(self) -> list[str]:
        names: list[str] = self._dialogue.ask("call", self._number, "__dir__")
        return names

    def __repr__(self) -> str:
        return f"<{self._kind} {self._number} of a fake Discord in another process>"

    def __eq__(self, other: object) -> Any:
        return other is self or self._dialogue.ask("call", self._number, "__eq__", other)

    def __hash__(self) -> int:
        found: int = self._dialogue.ask("call", self._number, "__hash__")
        return found

    def __del__(self) -> None:
        if self._number:
            self._dialogue.release(self._number)


def _call(remote: Remote, name: str, *args: Any, **options: Any) -> Any:
    return remote._dialogue.ask("call", remote._number, name, *args, **options)


def _bound(connection: Connection) -> None:
    """Send small messages at once, and let no send and no receive of a part of a message take longer than TIMEOUT."""
    seconds = int(TIMEOUT) * 1000 if sys.platform == "win32" else struct.pack("@ll", int(TIMEOUT), 0)
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as duplicate:
        duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            duplicate.setsockopt(socket.SOL_SOCKET, option, seconds)
