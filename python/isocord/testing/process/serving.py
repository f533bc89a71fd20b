"""The process of a :class:`~isocord.testing.FakeDiscordProcess`: one fake Discord that does what its parent asks.

The parent writes a random key to standard input and holds that open as long as it lives; it gets the number of a TCP
port on 127.0.0.1, where it shows that it has the key, and where nobody is let in after it.
"""

from __future__ import annotations

import inspect
import itertools
import os
import pickle
import signal
import socket
import threading
from contextlib import ExitStack, suppress
from io import FileIO
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import Any

from ..bot.replies import Replies
from ..errors import CommandError
from ..fake.discord import FakeDiscord
from ..fake.views import EncryptionView, GatewayView, VoiceSessionView
from ..mishaps.staging import Rehearsal
from ..people.listener import Listener as ListeningUser
from ..people.speaker import Speaker
from .handles import Handle, Method, dumps, loads

STAYS = (ListeningUser, Speaker, VoiceSessionView, EncryptionView, GatewayView, Rehearsal, Replies)
"""What a test uses where it is; everything else goes to it as a copy."""
_TRIES = 10


class Desk:
    """Answers the parent's questions about one running fake Discord, number 0 of what it keeps."""

    def __init__(self, discord: FakeDiscord) -> None:
        self._kept: dict[int, Any] = {0: discord}
        self._numbers = itertools.count(1)

    def answer(self, question: bytes) -> bytes:
        """Do what was asked; errors become answers."""
        try:
            target, verb, name, args, options = loads(question, self._arrive)
            thing = self._kept[target]
            if verb == "set":
                setattr(thing, name, *args)
                return self._told(None)
            found = getattr(thing, name)
            if verb == "call":
                return self._told(found(*args, **options))
            return self._told(Method() if inspect.ismethod(found) and found.__self__ is thing else found)
        except Exception as error:
            # Whatever a question does wrong is the answer to it; the server goes on.
            return _refusal(error)

    def release(self, numbers: list[int]) -> None:
        """The parent holds these no more."""
        for number in numbers:
            self._kept.pop(number, None)

    def _told(self, value: Any) -> bytes:
        try:
            return self._copied(value)
        except (pickle.PicklingError, AttributeError, TypeError):
            # Such as a key of the native core's: it stays, and is used here.
            return dumps((True, value), {type(value): self._keep})

    def _copied(self, value: Any) -> bytes:
        # The server goes on meanwhile: what changes while it is copied is copied again.
        for _ in range(_TRIES):
            with suppress(RuntimeError):
                return dumps((True, value), dict.fromkeys(STAYS, self._keep))
        raise CommandError("it changes all the time and cannot be copied")

    def _keep(self, thing: Any) -> tuple[type[Handle], tuple[int, str]]:
        number = next(self._numbers)
        self._kept[number] = thing
        return Handle, (number, type(thing).__name__)

    def _arrive(self, number: int, kind: str) -> Any:
        return self._kept[number]


def main() -> None:
    # The parent decides when this ends; a Ctrl-C on the terminal is meant for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leash = FileIO(0, closefd=False)
    key = bytes.fromhex(leash.readline().decode("ascii"))
    threading.Thread(target=_end_with_parent, args=(leash,), name="isocord-testing-leash", daemon=True).start()
    with Listener(("127.0.0.1", 0), authkey=key) as listener:
        print(listener.address[1], flush=True)
        connection = _accept(listener)
        _without_delay(connection)
    # A parent that is gone has hung up.
    with connection, suppress(EOFError, OSError):
        _serve(connection)


def _accept(listener: Listener) -> Connection:
    while True:
        # Whoever has not got the key is somebody else.
        with suppress(AuthenticationError, EOFError, OSError):
            return listener.accept()


def _without_delay(connection: Connection) -> None:
    """Send the second half of an answer without waiting for word of the first, which takes a system 40 ms."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as duplicate:
        duplicate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _serve(connection: Connection) -> None:
    with ExitStack() as stack:
        try:
            options = pickle.loads(connection.recv_bytes())  # noqa: S301 - of the parent, as the key has proved.
            desk = Desk(stack.enter_context(FakeDiscord(patch=False, **options)))
        except Exception as error:
            return _send(connection, 0, _refusal(error))
        _send(connection, 0, pickle.dumps((True, None)))
        present = None
        while True:
            number, released, folder = pickle.loads(connection.recv_bytes())  # noqa: S301
            question = connection.recv_bytes()
            if folder not in (None, present):
                # Paths mean here what they mean to the one who asks.
                with suppress(OSError):
                    os.chdir(folder)
                present = folder
            desk.release(released)
            _send(connection, number, desk.answer(question))


def _send(connection: Connection, number: int, answer: bytes) -> None:
    connection.send_bytes(pickle.dumps(number))
    connection.send_bytes(answer)


def _refusal(error: Exception) -> bytes:
    with suppress(Exception):
        data = pickle.dumps((False, error))
        # Some exceptions can be made of their arguments only once.
        pickle.loads(data)  # noqa: S301
        return data
    return pickle.dumps((False, CommandError(f"{type(error).__name__}: {error}")))


def _end_with_parent(leash: FileIO) -> None:
    leash.read(1)
    os._exit(1)


if __name__ == "__main__":
    main()
