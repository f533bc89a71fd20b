"""Where on this machine the files of one recording lie that are to be somewhere else."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from ..errors import SinkError
from ..runtime.urls import shown
from . import naming
from .remote import Remote

_CHUNK = 8 << 20
_MOST_CHUNKS = 9_000


class Spool:
    """A folder for what is uploaded to one place, with the names that files have there.

    Raises:
        SinkError: it cannot be made.
    """

    def __init__(self, remote: Remote) -> None:
        # Here, for it is slow to import.
        import tempfile

        self.remote = remote
        prefix = f"isocord-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-"
        try:
            os.makedirs(remote.spool, exist_ok=True)
            self.folder: str = os.path.abspath(tempfile.mkdtemp(prefix=prefix, dir=remote.spool))
        except OSError as error:
            raise SinkError(f"cannot record into {remote.spool!r}, for {remote.url!r}: {error}") from error
        self._there: Any = None

    def path(self, name: str) -> str:
        """The file, folder or template here of what a URL names; its folder is there."""
        if naming.is_template(name):
            return os.path.join(naming.literal(self.folder), name)
        path = os.path.join(self.folder, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def holds(self, path: str) -> bool:
        """Whether a file is in it, or was."""
        return os.path.abspath(path).startswith(self.folder + os.sep)

    def files(self) -> Iterator[str]:
        """What lies in it."""
        for folder, _, names in os.walk(self.folder):
            yield from (os.path.join(folder, name) for name in names)

    def size(self) -> int:
        """Bytes of what lies in it."""
        total = 0
        for path in self.files():
            # It may be uploaded meanwhile.
            with contextlib.suppress(OSError):
                total += os.path.getsize(path)
        return total

    def shown(self, path: str) -> str:
        """The URL of a file as it may be shown."""
        return f"{shown(self.remote.root)}{self._name(path)}"

    def send(self, path: str) -> None:
        """Upload a file; takes as long as it takes."""
        there, address = self._open(path)
        known = inspect.signature(there.put_file).parameters
        # What is held in memory meanwhile: a library's own choice may be hundreds of megabytes.
        chunk = max(_CHUNK, os.path.getsize(path) // _MOST_CHUNKS + 1)
        bounds = {"chunksize": chunk, "max_concurrency": 1}
        bounds = {name: value for name, value in bounds.items() if name in known}
        try:
            there.put_file(path, address, **bounds)
        except FileNotFoundError:
            # Some file systems have folders, and others would first have to be asked whether they do.
            _make_folder(there, there._parent(address))
            there.put_file(path, address, **bounds)

    def remove(self, path: str) -> None:
        """Remove what was uploaded of a file."""
        there, address = self._open(path)
        with contextlib.suppress(FileNotFoundError):
            there.rm_file(address)

    def reconnect(self) -> None:
        """What is connected is no good: another connection next time."""
        self._there = None

    def tidy(self) -> None:
        """Remove the folders in which nothing lies."""
        for folder, _, _ in os.walk(self.folder, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.folder).replace(os.sep, "/")

    def _open(self, path: str) -> tuple[Any, str]:
        import fsspec

        address = self.remote.address(self._name(path))
        if self._there is None:
            # Kept by nobody else, for keys are in it.
            options = {"skip_instance_cache": True, **self.remote.storage_options}
            self._there, _ = fsspec.core.url_to_fs(address, **options)
        return self._there, self._there._strip_protocol(address)


def _make_folder(there: Any, folder: str) -> None:
    # The first is a bucket, which nobody asked for: its name may well be wrong.
    if "/" not in folder.strip("/") or there.isdir(folder):
        return
    _make_folder(there, there._parent(folder))
    with contextlib.suppress(FileExistsError):
        there.mkdir(folder, create_parents=False)
