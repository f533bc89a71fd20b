"""Media nodes in processes of their own, for tests to end, to stop and to let go on."""

from __future__ import annotations

import base64
import contextlib
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from isocord.remote import NodeAddress

_PROGRAM = """
import base64, pickle, sys
from isocord.remote import MediaNode
node = MediaNode()
print(base64.b64encode(pickle.dumps(node.address)).decode(), flush=True)
sys.stdin.read()
"""


class NodeProcess:
    """A node; it ends with its standard input, so with the test at the latest."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.address: NodeAddress = pickle.loads(base64.b64decode(line))

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        """Have it stand still."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def media_nodes(count: int) -> Iterator[list[Any]]:
    """So many nodes; they trust the fake Discord that runs now."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(NodeProcess())) for _ in range(count)]
