"""Names of files, from a template and from what strangers call themselves."""

from __future__ import annotations

import os
import re
import string
import threading
import unicodedata
from datetime import datetime
from typing import Any

FIELDS = frozenset({"date", "guild", "channel", "user", "user_id", "part"})
SUFFIXES = frozenset(
    {".aac", ".flac", ".m4a", ".mka", ".mkv", ".mp3", ".mp4", ".ogg", ".opus", ".pcm", ".wav", ".webm"}
)
"""Of files with sound."""
_LONGEST = 60
_FORBIDDEN = frozenset('<>:"/\\|?*')
_NAME = re.compile(r"[A-Za-z_]\w*")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def is_template(path: str) -> bool:
    """Whether a path has one of the fields; others with braces in them are taken as they are."""
    return not FIELDS.isdisjoint(_fields(path))


def first_field(path: str) -> int:
    """Where the first of the fields begins."""
    places = (path.find(f"{{{field}{end}") for field in FIELDS for end in ("}", ":", "!"))
    return min(place for place in places if place >= 0)


def literal(path: str) -> str:
    """A template that names just this path."""
    return path.replace("{", "{{").replace("}", "}}")


def check(path: str, *, per_user: bool) -> None:
    """Refuse a path, or a template, that cannot name the files that are meant.

    Raises:
        ValueError: it has an unknown field that is no part of a folder that is there, a wrong format, or nothing that
            tells users apart where it has to.
    """
    fields = _fields(path)
    if not fields & FIELDS:
        # What is no name may be a part of any path, and so may be what is there already.
        fields = {field for field in _fields(_new_part(path)) if _NAME.match(field)}
    if unknown := fields - FIELDS:
        raise ValueError(f"{path!r} has {', '.join(map(repr, sorted(unknown)))}: known are {', '.join(sorted(FIELDS))}")
    if not fields:
        return
    if per_user and not fields & {"user", "user_id"}:
        raise ValueError(f"each user gets a file: {path!r} needs {{user}} or {{user_id}}")
    try:
        path.format(date=_Date(2000, 1, 1), guild="", channel="", user="", user_id=1, part=1)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise ValueError(f"{path!r} cannot name a file: {error}") from error


def _fields(path: str) -> set[str]:
    """What stands in braces; nothing if those are no pairs."""
    try:
        return {field for _, field, _, _ in string.Formatter().parse(path) if field is not None}
    except ValueError:
        return set()


def _new_part(path: str) -> str:
    """What of a path is not there yet."""
    there = path
    while there and not os.path.exists(there) and os.path.dirname(there) != there:
        there = os.path.dirname(there)
    return path.removeprefix(there)


def clean(name: object, otherwise: object) -> str:
    """A name as a part of a file's name on every system: nothing that leads elsewhere, hides or turns letters around.

    Args:
        name: what it is called; strangers choose it.
        otherwise: what it is called if nothing of that is left.
    """
    text = unicodedata.normalize("NFC", str(name or ""))
    letters = ("_" if letter in _FORBIDDEN else letter for letter in text if unicodedata.category(letter)[0] != "C")
    kept = "".join(letters).strip().lstrip(".").rstrip(". ").strip()
    kept = kept.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore").rstrip(". ")
    if not kept:
        return str(otherwise)
    return f"_{kept}" if _RESERVED.match(kept) else kept


class Names:
    """The files of one recording.

    Args:
        template: a path with fields in braces.
        started_at: what ``{date}`` is.
        guild: what ``{guild}`` is.
        channel: what ``{channel}`` is.
    """

    def __init__(self, template: str, started_at: datetime, guild: object, channel: object) -> None:
        self._template = template
        self._has_part = any(field == "part" for _, field, _, _ in string.Formatter().parse(template))
        self._called: dict[int | None, str] = {}
        self._date = _Date.fromtimestamp(started_at.timestamp(), started_at.tzinfo)
        self._guild = clean(getattr(guild, "name", None), getattr(guild, "id", "guild"))
        self._channel = clean(getattr(channel, "name", None), getattr(channel, "id", "channel"))

    def path(self, user_id: int | None, name: str | None, part: int) -> str:
        """The file of a part; its folder is made if need be."""
        path = self._template.format(
            date=self._date,
            guild=self._guild,
            channel=self._channel,
            # The parts of a track have one name, also where it changes or is learned meanwhile.
            user=self._called.setdefault(user_id, clean(name, user_id if user_id is not None else "all")),
            user_id=user_id if user_id is not None else "all",
            part=part,
        )
        if part > 1 and not self._has_part:
            path = numbered(path, f"-{part:03}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        return path


class Given:
    """The paths that one recording writes to, and for whom: no two write to one, in this recording or another of this
    process, until :meth:`release`."""

    def __init__(self) -> None:
        self._paths: dict[str, tuple[object, int]] = {}

    def once(self, path: Any, owner: object, part: int) -> Any:
        """The path, or another like it if it was given already: two users may have one name.

        Args:
            path: where a file is to be.
            owner: a user's id, or what all users' file is called.
            part: its number. Who asks for the same part again has dropped the file that there was.

        Raises:
            ValueError: all of these were given, or another recording writes there.
        """
        if os.path.exists(path) and not os.path.isfile(path):
            # A device or a pipe: another name would be another thing.
            return path
        with _lock:
            first, _ = self._paths.get(_key(path), (owner, part))
            endings = ["", f"-{part:03}"] if first == owner else ["", f"-{owner}", f"-{owner}-{part:03}"]
            for ending in endings:
                found = numbered(os.fspath(path), ending) if ending else path
                key = _key(found)
                if self._paths.get(key, (owner, part)) != (owner, part):
                    continue
                if key in _written and key not in self._paths:
                    raise ValueError(f"another recording writes to {os.fspath(found)!r}")
                _written.add(key)
                self._paths[key] = (owner, part)
                return found
        raise ValueError(f"{os.fspath(path)!r} is written already")

    def release(self) -> None:
        """All are closed: others may write there."""
        with _lock:
            _written.difference_update(self._paths)
            self._paths.clear()


_lock = threading.Lock()
_written: set[str] = set()
"""What recordings of this process write to."""


def _key(path: str | os.PathLike[str]) -> str:
    return os.path.normcase(os.path.realpath(os.fspath(path)))


def numbered(path: str, ending: str) -> str:
    """The path with an ending before its suffix."""
    stem, suffix = os.path.splitext(path)
    return f"{stem}{ending}{suffix}"


class _Date(datetime):
    """A date that names a file unless it is told how."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec or "%Y-%m-%d")
