"""A fake Discord in a process of its own, for measurements: it does not share the interpreter lock with the bot."""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Client
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import CommandError, NotRunningError, WaitTimeoutError
from ..fake.waiting import Waiting
from ..ground.world import GuildSpec
from ..patching import Addresses, patched
from .remote import Dialogue, Remote

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..fake.control import Control as _Control
else:
    _Control = object

T = TypeVar("T")

_POLL = 0.01
_START_TIMEOUT = 60.0
"""Seconds until a process that has not opened its port is given up; a busy machine may take some to start one."""


class FakeDiscordProcess(Waiting, _Control):
    """As :class:`~isocord.testing.FakeDiscord`, in a process of its own: everything that one can do, this can.

    Participants, voice sessions and rehearsals stay in that process and are used from here; what else comes over is a
    copy, of now. What goes over is pickled: values, the faults of :mod:`isocord.testing.faults`, and functions and
    classes at the top level of a module. A bot of :meth:`.FakeDiscord.running` runs in this process.

    Args:
        guilds: how many guilds, or what each is to contain.
        patch: point the bot libraries of this process at the fake while it runs.
        options: further arguments of :class:`~isocord.testing.FakeDiscord`.

    Example:
        >>> def bench(run_bot):
        ...     with FakeDiscordProcess(guilds=1) as discord:
        ...         listener = discord.listen("General")
        ...         run_bot(discord.token)
        ...         return listener.gaps().off_p99
    """

    def __init__(self, guilds: int | Sequence[GuildSpec] = 1, *, patch: bool = True, **options: Any) -> None:
        Waiting.__init__(self)
        self._patch = patch
        self._options = {"guilds": guilds, **options}
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._discord: Remote | None = None

    def __repr__(self) -> str:
        state = "stopped" if self._process is None else f"running pid={self._process.pid}"
        return f"<FakeDiscordProcess {state}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._running(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._running(), name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(dir(self._discord) if self._discord is not None else ())})

    def start(self) -> None:
        """Start the process and wait until the fake in it runs.

        Raises:
            ValueError: as :class:`~isocord.testing.FakeDiscord` does.
            CommandError: the process ended; its standard error says why.
            WaitTimeoutError: it said nothing for a minute.
        """
        if self._process is not None:
            raise RuntimeError("the fake Discord runs already")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "isocord.testing.process.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _path()},
        )
        try:
            dialogue = _connect(self._process)
            self._stack.callback(dialogue.close)
            dialogue.begin(pickle.dumps(self._options))
            self._discord = Remote(dialogue, 0, "FakeDiscord")
            if self._patch:
                self._stack.enter_context(self.patch())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Put the bot libraries back and end the process; idempotent."""
        process, self._process, self._discord = self._process, None, None
        if process is None:
            return
        # Last in, first out: the bot libraries are put back, then the dialogue is closed, and the fake ends of itself.
        self._stack.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            # The pipe is broken if the process was gone before it had read everything.
            with suppress(OSError):
                pipe.close()

    def patch(self) -> AbstractContextManager[None]:
        """A context that points the bot libraries of this process at the fake; needed only with ``patch=False``."""
        return patched(self.addresses)

    @property
    def pid(self) -> int:
        """The process id, to pin or measure it."""
        self._running()
        assert self._process is not None
        return self._process.pid

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """A new client context that trusts the voice gateway's certificate."""
        return self.addresses.ssl_context()

    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """Ask ``predicate``, in this process, every 10 ms until it gives something true; gives that.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            _check(deadline, timeout, what)
            await asyncio.sleep(_POLL)
        return result

    def wait_until(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """As :meth:`wait_for`; blocks the calling thread.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        self._check_thread()
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            _check(deadline, timeout, what)
            time.sleep(_POLL)
        return result

    def _running(self) -> Remote:
        if self._discord is None:
            raise NotRunningError("the fake Discord is not running")
        return self._discord

    if TYPE_CHECKING:

        @property
        def addresses(self) -> Addresses: ...

        def on_server(self, function: Callable[[], Any]) -> Any: ...

        def _await_on_server(self, coroutine: Any) -> Any: ...


def _connect(process: subprocess.Popen[bytes]) -> Dialogue:
    """A dialogue with a process that is about to open its port."""
    assert process.stdin is not None
    assert process.stdout is not None
    key = secrets.token_bytes(32)
    # What may wait here for ever waits for the process: without it, it fails.
    too_late = threading.Timer(_START_TIMEOUT, process.kill)
    too_late.start()
    try:
        process.stdin.write(key.hex().encode("ascii") + b"\n")
        process.stdin.flush()
        return Dialogue(Client(("127.0.0.1", int(process.stdout.readline())), authkey=key))
    except (OSError, EOFError, ValueError):
        if too_late.finished.is_set():
            raise WaitTimeoutError(f"the fake Discord did not start within {_START_TIMEOUT} s") from None
        raise CommandError("the fake Discord's process has ended") from None
    finally:
        too_late.cancel()


def _path() -> str:
    """This process's module path, for the other to find this package and what it is sent."""
    package = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join(dict.fromkeys([package, *filter(None, sys.path)]))


def _check(deadline: float, timeout: float, what: str) -> None:
    if time.monotonic() >= deadline:
        raise WaitTimeoutError(f"{what or 'the condition'}: not within {timeout} s")
