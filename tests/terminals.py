"""A command of isocord in a terminal, as its user sees it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo terminals are Unix's", allow_module_level=True)

import fcntl
import pty
import struct
import termios

pyte = pytest.importorskip("pyte")

ROWS, COLUMNS = 40, 120
OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
"""Makes its terminal the one whose keys reach the process."""


class Terminal:
    """A Python program in a terminal of its own; a context, at whose end it is over."""

    def __init__(self, code: str, **environment: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL + code],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """What stands on the screen."""
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def shows(self, condition: Callable[[str], object], limit: float = 60.0) -> str:
        """Wait until what stands there is so."""
        deadline = time.monotonic() + limit
        while not condition(text := self.text):
            if time.monotonic() > deadline or not self._reader.is_alive():
                assert condition(self.text), f"it shows:\n{self.text}"
            time.sleep(0.02)
        return text

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def ends(self) -> int:
        """Wait for its end; gives the exit status."""
        status = self.process.wait(60)
        self._reader.join(15)
        return status

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.ends()
        os.close(self._master)

    def _read(self) -> None:
        # The system says so when the other end is closed.
        with contextlib.suppress(OSError):
            while some := os.read(self._master, 65_536):
                with self._lock:
                    self._stream.feed(some)
