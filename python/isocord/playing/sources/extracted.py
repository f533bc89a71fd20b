"""What yt-dlp has found, as :class:`isocord.AudioFile` asks for it."""

from __future__ import annotations

import asyncio
import http.cookies
import inspect
import logging
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ...errors import AudioFileError
from ...runtime.callbacks import bot_loop
from ...runtime.text import shown

_log = logging.getLogger("isocord.playing")

Info: TypeAlias = Mapping[str, Any]
Resolve: TypeAlias = Callable[[], "Info | Awaitable[Info | None] | None"]

_PATIENCE = 30.0
"""Seconds that a resolver's coroutine may take, where opening the file does not end before."""
_PROTOCOLS = ("http", "https", "m3u8", "m3u8_native")
_WORDS = ("title", "album", "uploader", "channel", "thumbnail", "webpage_url", "description", "release_date", "genre")
"""What of an info dict becomes a tag, under the same name."""
_NAME_OF_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE_OF_HEADER = re.compile(r"[\t -~]*")


@dataclass
class Extracted:
    """What there is to ask for, and what is said of it."""

    url: str
    headers: dict[str, str]
    said: dict[str, str]
    duration: float | None
    fresh: Fresh | None


def extract(info: Info, resolve: Resolve | None = None) -> Extracted:
    """What to play of an info dict of yt-dlp's.

    Raises:
        AudioFileError: nothing in it can be played.
        TypeError: it is no mapping, or resolve cannot be called.
    """
    if resolve is not None and not callable(resolve):
        raise TypeError(f"resolve must be a function that gives an info dict, not {type(resolve).__name__}")
    info = _first(info)
    url, headers = _request(info)
    words = {word: _text(info.get(word)) for word in _WORDS}
    words["artist"] = _text(info.get("artist")) or _artists(info.get("artists")) or words["uploader"]
    said = {word: text for word, text in words.items() if text}
    duration = 0.0 if info.get("is_live") else _number(info.get("duration"))
    fresh = None if resolve is None else Fresh(resolve)
    return Extracted(url, headers, said, duration or None, fresh)


def _text(value: object) -> str:
    """What can be shown of it, with a mark for each half of a character; nothing of what is no text."""
    if type(value) is int and abs(value) < 1 << 64:
        value = str(value)
    # Two halves that belong together, as JSON writes them, become one character.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else ""


def _artists(value: object) -> str:
    several = value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    return ", ".join(filter(None, map(_text, several)))


def _number(value: Any) -> float:
    """A number above zero, also one that is written as text; 0 of everything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if 0 < number < math.inf else 0.0


def _first(info: Info) -> Info:
    """Of a playlist, or a search, its first entry."""
    for _ in range(8):
        if not isinstance(info, Mapping):
            raise TypeError(f"an info dict of yt-dlp's is wanted, not {type(info).__name__}")
        if "entries" not in info:
            return info
        info = next(_dicts(info["entries"]), {"url": None})
    raise AudioFileError("the info dict is a playlist of playlists: extract one of its entries")


def _dicts(several: object) -> Iterator[Info]:
    """Those that hold something, one at a time: a playlist finds its entries when they are asked for."""
    return (one for one in several if one and isinstance(one, Mapping)) if isinstance(several, Iterable) else iter(())


def _request(info: Info) -> tuple[str, dict[str, str]]:
    """The URL of the best that can be played, and the headers that belong to it."""
    chosen = [info] if _is_playable(info) else []
    # Several formats were chosen, to be put together: the one that is nothing but sound will do.
    parts = sorted(filter(_is_playable, _dicts(info.get("requested_formats"))), key=_rank, reverse=True)
    others = sorted(filter(_is_playable, _dicts(info.get("formats"))), key=_rank, reverse=True)
    found = next(iter([*chosen, *parts, *others]), None)
    if found is None:
        what = shown(info.get("_type") or info.get("protocol") or "no format with sound")
        raise AudioFileError(f"the info dict names nothing that isocord can play over HTTP ({what}); was it processed?")
    url: str = found["url"]
    if _text(url) != url:
        raise AudioFileError("the URL in the info dict holds half of a character")
    headers = _headers(found.get("http_headers") or info.get("http_headers") or {})
    cookies = _cookies(found.get("cookies") or info.get("cookies"), url)
    if cookies and not any(name.lower() == "cookie" for name in headers):
        headers["Cookie"] = cookies
    return url, headers


def _headers(given: object) -> dict[str, str]:
    """What is sent: a server that misses one of them may refuse the rest. Values are secrets."""
    if not isinstance(given, Mapping):
        raise AudioFileError(f"http_headers of the info dict must be a dict, not {type(given).__name__}")
    headers = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME_OF_HEADER.fullmatch(name):
            raise AudioFileError(f"http_headers of the info dict have a name that no header may have: {shown(name)}")
        text = value if isinstance(value, str) else _text(value)
        if not text and value != "":
            raise AudioFileError(f"the header {shown(name)} of the info dict must be text, not {type(value).__name__}")
        if not _VALUE_OF_HEADER.fullmatch(text):
            raise AudioFileError(f"the header {shown(name)} of the info dict has a value that no header may have")
        headers[name] = text
    return headers


def _is_playable(made: Info) -> bool:
    """Whether a format holds sound that comes over HTTP."""
    url = made.get("url")
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        return False
    return made.get("acodec") != "none" and (made.get("protocol") or "https") in _PROTOCOLS


def _rank(made: Info) -> tuple[bool, float, float]:
    """Nothing but sound is better than a film; then what has more bits for its sound, then for all."""
    pure = made.get("vcodec") == "none"
    total = _number(made.get("tbr"))
    return pure, _number(made.get("abr")), total if pure else -total


def _cookies(text: object, url: str) -> str:
    """The header for cookies that yt-dlp tells in the form of Set-Cookie."""
    if not isinstance(text, str):
        return ""
    try:
        host = urlsplit(url).hostname or ""
        jar = http.cookies.SimpleCookie(text)
    except (ValueError, http.cookies.CookieError):
        return ""

    def belongs(cookie: http.cookies.Morsel[str]) -> bool:
        domain = cookie["domain"].lstrip(".").lower()
        return not domain or host == domain or host.endswith(f".{domain}")

    told = (f"{cookie.key}={cookie.coded_value}" for cookie in jar.values() if belongs(cookie))
    return "; ".join(filter(_VALUE_OF_HEADER.fullmatch, told))


class Fresh:
    """Finds a URL again that has expired: calls the bot's function, on whichever thread has met the refusal."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        try:
            self._opened_on: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._opened_on = None
        self._loop = self._opened_on or bot_loop()

    def opened(self) -> None:
        """The file is open, and the loop on which it was opened runs again."""
        self._opened_on = None

    def __call__(self) -> tuple[str, dict[str, str]] | None:
        """The URL and its headers, or None. What fails is logged: the refusal is the source's error then."""
        try:
            found = self._resolve()
            if inspect.isawaitable(found):
                found = self._wait(found)
            return None if found is None else _request(_first(found))
        except BaseException:
            # One that wants to end the interpreter cannot do so from a thread of isocord's.
            _log.exception("The resolver of an AudioFile failed")
            return None

    def _wait(self, awaitable: Awaitable[Info | None]) -> Info | None:
        # A file that was made before the bot joined a channel may be asked when it has.
        loop = self._loop or bot_loop()
        if loop is None:
            return asyncio.run(_within(awaitable))
        if loop is self._opened_on:
            _drop(awaitable)
            raise AudioFileError(
                "resolve cannot be awaited: its loop waits for from_info: call it by asyncio.to_thread"
            )
        within = _within(awaitable)
        try:
            waiting = asyncio.run_coroutine_threadsafe(within, loop)
        except RuntimeError:
            # The loop is closed.
            within.close()
            _drop(awaitable)
            raise
        try:
            return waiting.result(_PATIENCE + 1)
        finally:
            waiting.cancel()


def _drop(awaitable: object) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()


async def _within(awaitable: Awaitable[Info | None]) -> Info | None:
    return await asyncio.wait_for(awaitable, _PATIENCE)
