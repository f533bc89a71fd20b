"""Lets ``isocord monitor`` watch this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import selectors
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .doors import Door, admits, make_door, path_of
from .snapshot import snapshot
from .speakers import Speakers

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)

INTERVAL = 1.0
MOST_WATCHERS = 8
_PATIENCE = 10
"""Lines that a watcher may leave unread before it is sent away."""
_SEND_BUFFER = 1 << 18
"""Bytes that the system keeps for one; somebody who reads gets lines of any length."""
_JOIN = 2.0
_TOKEN_LIMIT = 128


class Monitor:
    """What :func:`monitor` gives; it closes when the process ends, with :meth:`close`, or as a context.

    A thread of its own, ``isocord-monitor``, tells each watcher a line of JSON once a second. It never waits for one:
    who does not read misses lines and is sent away in the end. While nobody watches, it sleeps.

    Attributes:
        path: the socket, of mode 0600, in a directory that only its user may enter. On Windows a file that names a port
            of 127.0.0.1, and a token without which nothing is told there.
    """

    path: Path

    def __init__(self, door: Door) -> None:
        self.path = door.path
        self._door = door
        self._process = os.getpid()
        self._watchers: list[_Watcher] = []
        self._speakers = Speakers()
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(door.listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="isocord-monitor", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether nobody can watch any more."""
        return self._closing or self._process != os.getpid() or not self._thread.is_alive()

    def close(self) -> None:
        """Send all watchers away and close the socket. Does nothing twice, and nothing in a forked child."""
        if self._closing or self._process != os.getpid():
            return
        self._closing = True
        atexit.unregister(self.close)
        with contextlib.suppress(OSError):
            # The thread may have failed.
            self._wake.send(b"\0")
        self._thread.join(_JOIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<isocord.Monitor {'closed' if self.is_closed else 'open'} path={os.fspath(self.path)!r}>"

    # On its own thread.

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._closing:
                events = self._selector.select(max(0.0, due - time.monotonic()) if self._watchers else None)
                for key, mask in events:
                    if key.fileobj is self._door.listener:
                        if not self._watchers:
                            # The first one gets the first line at once.
                            due = time.monotonic()
                        self._accept()
                    elif isinstance(key.data, _Watcher) and mask & selectors.EVENT_READ:
                        self._heed(key.data)
                    elif isinstance(key.data, _Watcher):
                        self._write(key.data)
                if self._watchers and time.monotonic() >= due:
                    self._tell()
                    due = max(due + INTERVAL, time.monotonic())
        except Exception:
            _log.exception("The monitor has failed: nobody can watch this process any more")
        finally:
            for watcher in list(self._watchers):
                self._dismiss(watcher)
            self._speakers.close()
            self._selector.close()
            for end in (self._wake, self._woken):
                end.close()
            self._door.close()

    def _accept(self) -> None:
        try:
            found, _ = self._door.listener.accept()
        except OSError:
            # It has gone away again, or the process has no more files.
            return
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        watcher = _Watcher(found, admitted=not self._door.token)
        if len(self._watchers) >= MOST_WATCHERS:
            watcher.put(b'{"error": "too many watch already"}\n')
            watcher.write()
            found.close()
            return
        self._watchers.append(watcher)
        self._selector.register(found, selectors.EVENT_READ, watcher)

    def _heed(self, watcher: _Watcher) -> None:
        """A watcher has said its token, or has gone. It has nothing else to say."""
        try:
            said = watcher.socket.recv(_TOKEN_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        watcher.said += said
        if said and not watcher.admitted and len(watcher.said) <= _TOKEN_LIMIT:
            line, ended, _ = watcher.said.partition(b"\n")
            if not ended:
                return
            watcher.admitted = admits(self._door.token, line)
            if watcher.admitted:
                return
        self._dismiss(watcher)

    def _tell(self) -> None:
        if any(watcher.admitted for watcher in self._watchers):
            told = snapshot(self._speakers)
            line = json.dumps(told, allow_nan=False).encode() + b"\n"
        else:
            line = b""
        for watcher in list(self._watchers):
            if watcher.put(line if watcher.admitted else b""):
                self._write(watcher)
            else:
                self._dismiss(watcher)

    def _write(self, watcher: _Watcher) -> None:
        if not watcher.write():
            self._dismiss(watcher)
        else:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if watcher.left else 0)
            self._selector.modify(watcher.socket, events, watcher)

    def _dismiss(self, watcher: _Watcher) -> None:
        self._watchers.remove(watcher)
        self._selector.unregister(watcher.socket)
        watcher.socket.close()
        if not self._watchers:
            self._speakers.close()


class _Watcher:
    """Who watches. One line at most waits for it."""

    def __init__(self, socket: socket.socket, *, admitted: bool) -> None:
        self.socket, self.admitted = socket, admitted
        self.said = b""
        self.left = b""
        self._missed = 0

    def put(self, line: bytes) -> bool:
        """Have it get a line, unless it still has one to read; False if it has missed too many."""
        missed = bool(self.left) or not line
        self._missed = self._missed + 1 if missed else 0
        self.left = self.left or line
        return self._missed < _PATIENCE

    def write(self) -> bool:
        """Write what it takes; False if it has gone."""
        try:
            if self.left:
                self.left = self.left[self.socket.send(self.left) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


_lock = threading.Lock()
_current: Monitor | None = None


def monitor() -> Monitor:
    """Let the same user's ``isocord monitor`` watch this process; :class:`isocord.Monitor` says what that costs.

    Called again it gives the one that is open. Watched, the bot hears who speaks as with ``listen(speaking=True)``.

    Raises:
        OSError: the socket cannot be made: no place for it, or one that belongs to another user.
    """
    global _current
    with _lock:
        if _current is None or _current.is_closed:
            _current = Monitor(make_door(path_of(os.getpid())))
            atexit.register(_current.close)
        return _current


def _after_fork_in_child() -> None:
    # The child has not the thread, and is not who is watched there: the file stays with the parent.
    global _current, _lock
    _lock = threading.Lock()
    left, _current = _current, None
    if left is not None:
        for inherited in (left._door.listener, left._wake, left._woken, *(one.socket for one in left._watchers)):
            with contextlib.suppress(OSError):
                inherited.close()
        left._selector.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
