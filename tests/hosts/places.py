"""File systems that fail: what fsspec would give for a server that is away, slow or full."""

from __future__ import annotations

import threading
from typing import Any

import pytest

fsspec = pytest.importorskip("fsspec")
memory = pytest.importorskip("fsspec.implementations.memory")


class Elsewhere(memory.MemoryFileSystem):  # type: ignore[misc]
    """A store of its own, which notes who uploads; :attr:`fails` decides what becomes of it."""

    protocol = "elsewhere"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    tries: list[str] = []  # noqa: RUF012
    threads: set[str] = set()  # noqa: RUF012

    def __init__(self, password: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.password = password

    @staticmethod
    def fails(path: str, times: int) -> Exception | None:
        """What it raises the so many-th time that this path is uploaded."""
        return None

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        place = str(path).partition("://")[2] or str(path)
        return "/" + place.rpartition("@")[2].strip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        user, at, _ = path.partition("://")[2].rpartition("@")
        return {"password": user.partition(":")[2]} if at else {}

    def put_file(self, lpath: Any, rpath: Any, **options: Any) -> None:
        type(self).tries.append(rpath)
        type(self).threads.add(threading.current_thread().name)
        error = type(self).fails(rpath, type(self).tries.count(rpath))
        if error is not None:
            raise type(error)(f"{error} {rpath} {self.password}")
        super().put_file(lpath, rpath, **options)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> type[Elsewhere]:
    """The class, with nothing in it."""
    fsspec.register_implementation("elsewhere", Elsewhere, clobber=True)
    for name, empty in (("store", {}), ("pseudo_dirs", [""]), ("tries", []), ("threads", set())):
        monkeypatch.setattr(Elsewhere, name, empty)
    return Elsewhere
