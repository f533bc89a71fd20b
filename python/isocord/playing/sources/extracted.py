"""What yt-dlp has found, as :class:`isocord.AudioFile` asks for it."""

from __future__ import annotations

import asyncio
import http.cookies
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ...errors import AudioFileError
from ...runtime.callbacks import bot_loop

_log = logging.getLogger("isocord.playing")

Info: TypeAlias = Mapping[str, Any]
Resolve: TypeAlias = Callable[[], "Info | Awaitable[Info | None] | None"]

_PATIENCE = 30.0
"""Seconds that a resolver's coroutine may take."""
_PROTOCOLS = ("http", "https", "m3u8", "m3u8_native")
_WORDS = ("title", "album", "uploader", "channel", "thumbnail", "webpage_url", "description", "release_date", "genre")
"""What of an info dict becomes a tag, under the same name."""


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
    said = {word: str(info[word]) for word in _WORDS if info.get(word)}
    artist = info.get("artist") or ", ".join(map(str, info.get("artists") or ())) or info.get("uploader")
    if artist:
        said["artist"] = str(artist)
    duration = info.get("duration")
    known = isinstance(duration, int | float) and duration > 0 and not info.get("is_live")
    fresh = None if resolve is None else Fresh(resolve)
    return Extracted(url, headers, said, float(duration) if known and duration else None, fresh)


def _first(info: Info) -> Info:
    """Of a playlist, or a search, its first entry."""
    for _ in range(8):
        if not isinstance(info, Mapping):
            raise TypeError(f"an info dict of yt-dlp's is wanted, not {type(info).__name__}")
        if "entries" not in info:
            return info
        info = next((entry for entry in info["entries"] or () if entry), {"url": None})
    raise AudioFileError("the info dict is a playlist of playlists: extract one of its entries")


def _request(info: Info) -> tuple[str, dict[str, str]]:
    """The URL of the best that can be played, and the headers that belong to it."""
    chosen = [info] if info.get("url") and _is_playable(info) else []
    # Several formats were chosen, to be put together: the one that is nothing but sound will do.
    parts = sorted(filter(_is_playable, info.get("requested_formats") or ()), key=_rank, reverse=True)
    others = sorted(filter(_is_playable, info.get("formats") or ()), key=_rank, reverse=True)
    found = next(iter([*chosen, *parts, *others]), None)
    if found is None:
        what = info.get("_type") or info.get("protocol") or "no format with sound"
        raise AudioFileError(f"the info dict names nothing that isocord can play over HTTP ({what}); was it processed?")
    url = str(found["url"])
    headers = {
        str(name): str(value) for name, value in (found.get("http_headers") or info.get("http_headers") or {}).items()
    }
    cookies = _cookies(found.get("cookies") or info.get("cookies"), url)
    if cookies and not any(name.lower() == "cookie" for name in headers):
        headers["Cookie"] = cookies
    return url, headers


def _is_playable(made: Info) -> bool:
    """Whether a format holds sound that comes over HTTP."""
    url = made.get("url")
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        return False
    return made.get("acodec") != "none" and made.get("protocol", "https") in _PROTOCOLS


def _rank(made: Info) -> tuple[bool, float, float]:
    """Nothing but sound is better than a film; then what has more bits for its sound, then for all."""
    pure = made.get("vcodec") == "none"
    total = float(made.get("tbr") or 0)
    return pure, float(made.get("abr") or 0), total if pure else -total


def _cookies(text: object, url: str) -> str:
    """The header for cookies that yt-dlp tells in the form of Set-Cookie."""
    if not isinstance(text, str):
        return ""
    host = urlsplit(url).hostname or ""
    try:
        jar = http.cookies.SimpleCookie(text)
    except http.cookies.CookieError:
        return ""

    def belongs(cookie: http.cookies.Morsel[str]) -> bool:
        domain = cookie["domain"].lstrip(".").lower()
        return not domain or host == domain or host.endswith(f".{domain}")

    return "; ".join(f"{cookie.key}={cookie.coded_value}" for cookie in jar.values() if belongs(cookie))


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
        except Exception:
            _log.exception("The resolver of an AudioFile failed")
            return None

    def _wait(self, awaitable: Awaitable[Info | None]) -> Info | None:
        loop = self._loop
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
