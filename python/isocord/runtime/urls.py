"""URLs as they may be shown: without what is told in confidence."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

_URL = re.compile(r"(?i)[a-z][a-z0-9.+-]*(::[a-z][a-z0-9.+-]*)*://")
_LINK = re.compile(r"(?i)(https?:/|[a-z][a-z0-9.+-]*://)/*")
"""Of those with one slash paths are made, by mistake."""
_ADDRESS = re.compile(r"[^:@/]*(:\d+)?")


def is_url(target: object) -> bool:
    """Whether it is text that says how to get to another file system."""
    return isinstance(target, str) and _URL.match(target) is not None


def shown(url: str) -> str:
    """The URL without user, password and query."""
    scheme, there, rest = url.partition("://")
    return f"{scheme}{there}{without_user(rest.partition('?')[0])}"


def without_user(rest: str) -> str:
    """What follows the scheme, without user and password."""
    first = rest.partition("/")[0]
    # A password may hold what should have been quoted.
    is_address = _ADDRESS.fullmatch(first) is not None
    return rest if is_address else rest.rpartition("@")[2]


def file_name(source: str | os.PathLike[str]) -> str | None:
    """What a file is called that tells no title: the last part of its path, and of a URL that has none its host."""
    text = os.fsdecode(source)
    link = _LINK.match(text)
    if link is None:
        return os.path.basename(text) or None
    try:
        url = urlsplit(shown(f"url://{text[link.end() :]}"))
    except ValueError:
        return None
    return url.path.rstrip("/").rpartition("/")[2] or url.hostname
