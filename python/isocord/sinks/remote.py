"""Somewhere else that recordings are uploaded to: whatever fsspec knows. What it is told in confidence stays here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from ..runtime.urls import is_url, shown, without_user
from . import naming, splitting

_LONGEST = 500
_SHORTEST_SECRET = 3
_MOST_TRIES = 100


class Remote:
    """A URL that recordings are uploaded to, where more has to be said than the URL: a sink's target, or its mixdown.

    What is recorded is written to a folder on this machine first, so that files are as whole and as safe from a crash
    as others. Each is uploaded as it is complete, from a thread of its own, and removed here: with ``split=`` while
    the recording goes on, without at its end. What cannot be uploaded stays in the folder, and
    :attr:`isocord.Report.unsent` has it.

    Args:
        url: as in ``"s3://bucket/calls/{date}/{user}.ogg"``; what a sink's target may be, a directory or a template.
        storage_options: what fsspec's file system is made with: keys, endpoints. Neither these nor a password in the
            URL are in any log, repr or exception of isocord's.
        spool: the folder on this machine, in which each recording makes one of its own; that for temporary files that
            outlive a restart, if None.
        spool_limit: the most that may lie there of one recording, in bytes or as in ``"10 GB"``; more ends it.
        tries: how often a file is tried; after 1 s, 2 s, 4 s and so on up to a minute. What is left is tried once more
            when the recording is over.

    Raises:
        ImportError: fsspec, or what it needs for that URL, is not installed.
        ValueError: there is no file system for the URL, or an option is out of its range.

    Attributes:
        url: without user and password, and whatever follows a question mark.
    """

    def __init__(
        self,
        url: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        spool: str | os.PathLike[str] | None = None,
        spool_limit: int | str = "10 GB",
        tries: int = 6,
    ) -> None:
        self.url: str = shown(url)
        self.storage_options: Mapping[str, Any] = dict(storage_options or {})
        self.spool: str = os.fspath(spool) if spool is not None else _spool()
        self.spool_limit: int = splitting.size(spool_limit)
        self.tries = tries
        if not 1 <= tries <= _MOST_TRIES:
            raise ValueError(f"tries must be 1 to {_MOST_TRIES}, not {tries}")
        if not is_url(url) or "::" in url:
            raise ValueError(f"{self.url!r} is no URL of one file system")
        _check_protocol(url.partition("://")[0], self.url)
        path, mark, query = url.partition("?")
        self._query = mark + query
        self.root: str
        self.name: str
        self.root, self.name = _split(path)
        if ".." in self.name.split("/"):
            raise ValueError(f"{self.url!r} leads out of its folder")
        self._secrets = sorted(set(_secrets(url, self.storage_options)), key=len, reverse=True)

    def __repr__(self) -> str:
        return f"<Remote {self.url!r}>"

    def same_place(self, other: Remote) -> bool:
        """Whether files of both are uploaded in the same way to the same folder."""
        ours, theirs = ((one.root, one._query, one.storage_options, one.spool) for one in (self, other))
        return ours == theirs

    def address(self, name: str) -> str:
        """The URL of a file in it; not to be shown."""
        return f"{self.root}{name}{self._query}"

    def told(self, error: BaseException) -> str:
        """What an error says, without what is secret."""
        text = " ".join(str(error).split())
        for secret in self._secrets:
            if len(secret) < _SHORTEST_SECRET and secret in text:
                # What is left would show where it was.
                text = ""
            text = text.replace(secret, "***")
        return f"{type(error).__name__}: {text}"[:_LONGEST].rstrip(": ")


def _split(path: str) -> tuple[str, str]:
    """The folder that a URL names, up to where a template begins; and the rest."""
    scheme, _, rest = path.partition("://")
    place = without_user(rest)
    start = f"{scheme}://{rest.removesuffix(place)}"
    if not naming.is_template(place):
        folder, slash, name = place.rpartition("/")
        return f"{start}{folder}{slash}", name
    fixed = place[: naming.first_field(place)]
    folder, slash, _ = fixed.rpartition("/")
    return f"{start}{folder}{slash}", place.removeprefix(folder + slash)


def _secrets(url: str, options: Mapping[str, Any]) -> Iterator[str]:
    rest, _, query = url.partition("://")[2].partition("?")
    user = rest.removesuffix(without_user(rest)).removesuffix("@")
    password = user.partition(":")[2]
    values = [query, *(value for _, value in parse_qsl(query)), user, password, *_texts(options)]
    for value in values:
        for form in (value, unquote(value), quote(value, safe=""), quote(value), repr(value)[1:-1]):
            if form:
                yield form


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, str) and not (is_url(value) and shown(value) == value):
        yield value


def _check_protocol(scheme: str, url: str) -> None:
    try:
        import fsspec
    except ImportError as missing:
        raise ImportError(f"{url!r} needs: pip install 'isocord[fsspec]'") from missing
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        raise ValueError(f"there is no file system for {url!r}") from None


def _spool() -> str:
    # What lies in /tmp may lie in memory, and is gone after a restart.
    lasting = "/var/tmp"  # noqa: S108
    # Here, for it is slow to import.
    import tempfile

    return lasting if "TMPDIR" not in os.environ and os.access(lasting, os.W_OK) else tempfile.gettempdir()
