"""The thread ``isocord-gateway``: one asyncio loop for all voice gateways of the process.

Heartbeats, resumes and handshakes run here, so that they go on while the bot's own loop is blocked. The thread is
started by the first connect and stopped when the interpreter exits; after a fork the child starts its own.

Other threads hand work over with :meth:`GatewayThread.call`. What runs on the loop must never wait for another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from .worker import Done, Job, Worker

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_STOP_LIMIT = 2.0
_make_worker = partial(Worker, "isocord-mls")
# asyncio's own, whatever the bot runs on: others cannot be told to read TLS through a small buffer.
if sys.platform == "win32":
    _make_loop = asyncio.ProactorEventLoop
else:

    def _make_loop() -> asyncio.AbstractEventLoop:
        from .selector import SteadySelector

        return asyncio.SelectorEventLoop(SteadySelector())


class GatewayThread:
    """A thread with an asyncio loop; use :func:`gateway_thread` to get the one of the process."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = _make_loop()
        self._pid = os.getpid()
        self._resources: dict[Callable[[], Any], Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closers: set[Callable[[], None]] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="isocord-gateway", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether work can be handed over: not after :meth:`stop`, and not in a forked child."""
        return not self._stopping and self._pid == os.getpid() and self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[..., object], *args: Any) -> bool:
        """Have ``function`` called on the loop, in the order of the calls; False if the thread is gone."""
        if not self.alive:
            return False
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return False
        return True

    def spawn(self, coroutine: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        """Start a task on the loop; only from the thread itself. The thread holds on to it until it is done."""
        task = self.loop.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def resource(self, factory: Callable[[], _T]) -> _T:
        """What ``factory`` makes, made once for this loop; it is closed with the loop. Only from the thread itself."""
        if factory not in self._resources:
            self._resources[factory] = factory()
        made: _T = self._resources[factory]
        return made

    def work(self, job: Job, done: Done) -> None:
        """Have ``job`` done by a thread that may take its time, one job after the other; ``done`` is called here, with
        what it raised or None. Only from the thread itself."""
        self.resource(_make_worker).do(job, done)

    def at_stop(self, closer: Callable[[], None]) -> None:
        """Have ``closer`` called on the loop before it stops; only from the thread itself."""
        self._closers.add(closer)

    def forget(self, closer: Callable[[], None]) -> None:
        """Undo :meth:`at_stop`."""
        self._closers.discard(closer)

    def stop(self, limit: float = _STOP_LIMIT) -> None:
        """Close everything that runs on the loop and end the thread, within ``limit`` seconds."""
        if self._stopping or self._pid != os.getpid():
            return
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(lambda: self.spawn(self._shut_down(limit * 0.75), name="isocord-stop"))
        self._stopping = True
        if not self.is_current:
            self._thread.join(limit)

    async def _shut_down(self, limit: float) -> None:
        for closer in list(self._closers):
            call_safely(closer)
        me = asyncio.current_task()
        waiting = [task for task in self._tasks if task is not me]
        if waiting:
            await asyncio.wait(waiting, timeout=limit)
        for task in self._tasks:
            if task is not me:
                task.cancel()
        for resource in self._resources.values():
            with contextlib.suppress(Exception):
                closing = resource.close()
                if inspect.isawaitable(closing):
                    await asyncio.wait_for(closing, limit)
        self.loop.stop()

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("The task %s of the voice gateway failed", task.get_name(), exc_info=error)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._stopping = True
            with contextlib.suppress(Exception):
                self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


_lock = threading.Lock()
_current: GatewayThread | None = None


def gateway_thread() -> GatewayThread:
    """The gateway thread of this process, started if need be."""
    global _current
    with _lock:
        if _current is None or not _current.alive:
            _current = GatewayThread()
        return _current


def stop_gateway_thread() -> None:
    """Stop the gateway thread of this process, if there is one: the interpreter is about to exit."""
    if _current is not None:
        _current.stop()


def call_safely(function: Callable[[], object]) -> None:
    """Call ``function`` on the way out: what it raises is told in the log, and the rest goes on."""
    try:
        function()
    except Exception:
        _log.exception("isocord could not shut down cleanly")


def _after_fork_in_child() -> None:
    # The child has neither the thread nor the right to the loop's descriptors.
    global _current, _lock
    _lock = threading.Lock()
    _current = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
