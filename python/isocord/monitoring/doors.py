"""How a process listens for those who want to watch it, and how they reach it.

Where the system has sockets in the file system, the rights of the file say who may come in. Elsewhere the door is a
port of 127.0.0.1, which anybody on the machine can reach, and a file that only its user may read holds a token to show.
"""

from __future__ import annotations

import abc
import contextlib
import hmac
import json
import os
import secrets
import socket
from pathlib import Path

from . import places

_ANSWER = 2.0
"""Seconds that a connect may take: both ends are on this machine."""
_LONGEST = 4_096


class Door(abc.ABC):
    """Where somebody may come in.

    Attributes:
        path: the file that shows it to the user's other processes.
        listener: what is accepted from; it does not block.
        token: what one has to say first, a line; empty where coming in is enough.
    """

    token: bytes = b""

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self.listener: socket.socket = self._socket()
        try:
            _sweep(path)
            self._open()
        except BaseException:
            self.listener.close()
            raise

    def close(self) -> None:
        """Let nobody in any more, and take the file away."""
        self.listener.close()
        self.path.unlink(missing_ok=True)

    @abc.abstractmethod
    def _socket(self) -> socket.socket: ...
    @abc.abstractmethod
    def _open(self) -> None: ...


class SocketDoor(Door):
    """A Unix socket with mode 0600."""

    def _socket(self) -> socket.socket:
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def _open(self) -> None:
        self.listener.bind(os.fspath(self.path))
        self.path.chmod(0o600)
        _listen(self.listener)


class PortDoor(Door):
    """A port of 127.0.0.1, and a file with mode 0600 that names it and its token."""

    def _socket(self) -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def _open(self) -> None:
        self.listener.bind(("127.0.0.1", 0))
        _listen(self.listener)
        secret = secrets.token_hex(32)
        self.token: bytes = secret.encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"port": self.listener.getsockname()[1], "token": secret}, file)


def make_door(path: Path) -> Door:
    """A door at ``path``.

    Raises:
        OSError: there is one already, or it cannot be made.
    """
    return PortDoor(path) if path.suffix == ".json" else SocketDoor(path)


def admits(token: bytes, said: bytes) -> bool:
    """Whether what was ``said`` opens a door; how long that takes tells nothing of the token."""
    return hmac.compare_digest(token, said)


def knock(path: Path) -> socket.socket:
    """Go in at the door of another process.

    Raises:
        OSError: nobody is there any more, or the file is none of ours.
    """
    if path.suffix == ".json":
        try:
            with path.open("rb") as file:
                told = json.loads(file.read(_LONGEST))
            address, token = ("127.0.0.1", int(told["port"])), str(told["token"]).encode()
        except (ValueError, KeyError, TypeError) as error:
            raise ConnectionRefusedError(f"{path} names no port") from error
        found = socket.create_connection(address, timeout=_ANSWER)
        found.sendall(token + b"\n")
        return found
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.settimeout(_ANSWER)
        found.connect(os.fspath(path))
    except BaseException:
        found.close()
        raise
    return found


def is_open(path: Path) -> bool:
    """Whether somebody listens there. A door that its process left behind is taken away."""
    try:
        knock(path).close()
    except (ConnectionRefusedError, FileNotFoundError):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    except OSError:
        # A process that is stopped, or has no room just now, is there.
        return True
    return True


def _sweep(path: Path) -> None:
    """Take away what an earlier process of this number left behind."""
    if path.exists() and is_open(path):
        raise FileExistsError(f"{path}: another process is watched there")


def _listen(listener: socket.socket) -> None:
    listener.listen(8)
    listener.setblocking(False)


def path_of(process: int) -> Path:
    """Where the door of a process is.

    Raises:
        OSError: there is no safe place for it.
    """
    return places.prepared() / f"{process}{places.ENDING}"
