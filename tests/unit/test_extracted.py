""":meth:`isocord.AudioFile.from_info`: with info dicts of yt-dlp itself, from pages on 127.0.0.1, and with odd ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocord
from isocord.errors import AudioFileError
from isocord.playing.sources.extracted import extract
from isocord.runtime.callbacks import remember

from .chirps import encode, read_all
from .web import Request, Web, file

PAGE = """<html><head><title>A song of ours</title><meta property="og:title" content="A song of ours"></head>
<body><audio src="/media/song.mp3"></audio></body></html>"""


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("song") / "song.mp3", "libmp3lame", 44_100, bit_rate=160_000)


def look_up(url: str) -> dict[str, Any]:
    yt_dlp = pytest.importorskip("yt_dlp")
    with yt_dlp.YoutubeDL({"quiet": True, "no_warnings": True, "proxy": "", "cachedir": False}) as ydl:
        info: dict[str, Any] = ydl.extract_info(url, download=False)
        return info


def html(text: str) -> Any:
    return file(text.encode(), Content_Type="text/html; charset=utf-8")


def expired(request: Request) -> None:
    request.head("403 Forbidden", Content_Length=0)


@pytest.mark.parametrize("page", [True, False])
def test_what_yt_dlp_finds_on_a_page_plays(web: Web, song: Path, page: bool) -> None:
    web.answers["/watch"] = html(PAGE)
    web.answers["/media/song.mp3"] = file(song.read_bytes(), Content_Type="audio/mpeg")
    info = look_up(web.url("/watch" if page else "/media/song.mp3"))
    there = isocord.AudioFile.from_info(info, allow_private=True)
    assert there.title == info["title"]
    assert info["title"].startswith("A song of ours" if page else "song")
    assert there.tags["webpage_url"] == info["webpage_url"]
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(song)))
    # The headers that yt-dlp has used are sent.
    agents = {request.headers["user-agent"] for request in web.asked("/media/song.mp3")}
    assert (info.get("http_headers") or info["formats"][0]["http_headers"])["User-Agent"] in agents


def test_a_page_that_is_private_is_refused(web: Web, song: Path) -> None:
    web.answers["/media/song.mp3"] = file(song.read_bytes(), Content_Type="audio/mpeg")
    with pytest.raises(AudioFileError, match="private"):
        isocord.AudioFile.from_info({"url": web.url("/media/song.mp3")})


FORMATS = [
    {"url": "https://host.example/film", "acodec": "mp4a", "vcodec": "avc1", "abr": 192, "tbr": 2_000},
    {"url": "https://host.example/good", "acodec": "opus", "vcodec": "none", "abr": 160, "http_headers": {"A": "good"}},
    {"url": "https://host.example/poor", "acodec": "opus", "vcodec": "none", "abr": 48},
    {
        "url": "https://host.example/dash",
        "acodec": "opus",
        "vcodec": "none",
        "abr": 320,
        "protocol": "http_dash_segments",
    },
    {"url": "https://host.example/silent", "acodec": "none", "vcodec": "vp9", "tbr": 9_000},
    {"url": "rtmp://host.example/rtmp", "acodec": "aac", "vcodec": "none", "abr": 400},
]


def test_the_best_format_with_sound_is_chosen() -> None:
    info = {"formats": FORMATS, "http_headers": {"A": "all"}, "title": "x"}
    best = extract(info)
    assert (best.url, best.headers) == ("https://host.example/good", {"A": "good"})
    # What yt-dlp has chosen comes first, and of two formats the one that is nothing but sound.
    assert extract({**info, **FORMATS[2]}).url == "https://host.example/poor"
    assert extract({**info, "requested_formats": [FORMATS[4], FORMATS[2]]}).url == "https://host.example/poor"
    films = [{**FORMATS[0], "url": "https://host.example/large", "tbr": 8_000}, FORMATS[0]]
    assert extract({"formats": films}).url == "https://host.example/film"
    assert extract({"_type": "playlist", "entries": iter([None, info])}).url == "https://host.example/good"
    for bad in ({"formats": FORMATS[4:]}, {"entries": []}, {"_type": "url", "url": "abc"}, {}):
        with pytest.raises(AudioFileError, match="nothing that isocord can play"):
            extract(bad)
    with pytest.raises(TypeError, match="info dict"):
        extract("https://host.example/song.mp3")  # type: ignore[arg-type]


def test_what_is_said_comes_from_the_dict() -> None:
    info = {
        "url": "https://a.example/x",
        "title": "Song",
        "uploader": "Label",
        "duration": 12,
        "thumbnail": "https://a.example/t",
    }
    found = extract(info)
    assert found.said == {"title": "Song", "uploader": "Label", "artist": "Label", "thumbnail": "https://a.example/t"}
    assert found.duration == 12.0
    assert extract({**info, "artist": "Ada"}).said["artist"] == "Ada"
    assert extract({**info, "artists": ["Ada", "Ben"]}).said["artist"] == "Ada, Ben"
    assert extract({**info, "is_live": True}).duration is None


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"title": "cut \ud83d"}, {"title": "cut \ufffd"}),
        ({"title": "\ud83d!"}, {"title": "\ufffd!"}),
        ({"title": "whole \ud83d\ude00"}, {"title": "whole \U0001f600"}),
        ({"title": 1979}, {"title": "1979"}),
        ({"title": ["a"], "uploader": {}, "artist": True}, {}),
        ({"title": 10**5_000}, {}),
        ({"artists": 5.5}, {}),
        ({"artists": "Ada"}, {"artist": "Ada"}),
        ({"artists": ["Ada", None, ["x"], "Ben"]}, {"artist": "Ada, Ben"}),
    ],
)
def test_odd_words_are_shown_as_far_as_they_can_be(web: Web, song: Path, odd: dict[str, Any], said: object) -> None:
    web.answers["/song"] = file(song.read_bytes())
    there = isocord.AudioFile.from_info({"url": web.url("/song"), **odd}, allow_private=True)
    assert {key: there.tags[key] for key in ("title", "artist", "uploader") if key in there.tags} == said


@pytest.mark.parametrize("odd", [10**400, "n/a", float("nan"), float("inf"), -3, [5], None])
def test_an_odd_duration_is_none(odd: object) -> None:
    assert extract({"url": "https://a.example/x", "duration": odd}).duration is None


@pytest.mark.parametrize(
    "formats",
    [[None, 5, "a", FORMATS[2]], [{**FORMATS[2], "abr": "n/a", "tbr": []}], ({**FORMATS[2], "protocol": None},)],
)
def test_odd_formats_are_passed_by(formats: object) -> None:
    assert extract({"formats": formats, "requested_formats": 7}).url == "https://host.example/poor"
    assert extract({"entries": [5, None, {"formats": formats}]}).url == "https://host.example/poor"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"url": "https://a.example/\ud83d"}, "half of a character"),
        ({"http_headers": [("a", "b")]}, "must be a dict, not list"),
        ({"http_headers": {"X": None}}, "X of the info dict must be text, not NoneType"),
        ({"http_headers": {"X": "secret\r\nEvil: 1"}}, "X of the info dict has a value"),
        ({"http_headers": {"A B": "c"}}, "a name that no header may have: A B"),
        ({"http_headers": {5: "c"}}, "a name that no header may have: 5"),
        ({"url": None, "entries": 5}, "nothing that isocord can play"),
        ({"url": None, "formats": [None]}, "nothing that isocord can play"),
    ],
)
def test_what_is_needed_has_to_be_right(bad: dict[str, Any], told: str) -> None:
    with pytest.raises(AudioFileError, match=told) as raised:
        isocord.AudioFile.from_info({"url": "https://a.example/x", **bad})
    assert "secret" not in str(raised.value)


def test_numbers_are_headers_too_and_odd_cookies_are_none() -> None:
    info = {"url": "https://a.example/x", "http_headers": {"X": 5, "Y": ""}, "cookies": 'a="\ud83d"; b=2'}
    headers = extract(info).headers
    assert (headers["X"], headers["Y"]) == ("5", "")
    # Half a character in a report ends the run of tests.
    can_be_sent = headers.get("Cookie", "").isascii()
    assert can_be_sent


def test_cookies_are_for_the_host_that_they_are_for() -> None:
    cookies = "a=1; Domain=.a.example; Path=/; Secure; b=2; Domain=b.example; c=3"
    assert extract({"url": "https://www.a.example/x", "cookies": cookies}).headers == {"Cookie": "a=1; c=3"}
    assert extract({"url": "https://b.example/x", "cookies": cookies}).headers == {"Cookie": "b=2; c=3"}
    own = {"url": "https://b.example/x", "cookies": cookies, "http_headers": {"cookie": "mine"}}
    assert extract(own).headers == {"cookie": "mine"}


def test_an_expired_url_is_found_again(web: Web, song: Path) -> None:
    web.answers["/old"] = expired
    web.answers["/new"] = file(song.read_bytes())
    asked: list[int] = []

    def resolve() -> dict[str, Any]:
        asked.append(threading.get_ident())
        return {"url": web.url("/new"), "http_headers": {"X-Token": "fresh"}}

    there = isocord.AudioFile.from_info({"url": web.url("/old")}, resolve=resolve, allow_private=True)
    assert len(read_all(there)) == len(read_all(isocord.AudioFile(song)))
    assert len(asked) == 1
    assert asked[0] != threading.get_ident()
    assert web.asked("/new")[0].headers["x-token"] == "fresh"


def test_a_resolver_that_is_awaited_runs_on_the_bots_loop(web: Web, song: Path) -> None:
    """Also one that is asked while the file plays: the connection broke, and the URL has expired since."""
    data = song.read_bytes()

    def once(request: Request) -> None:
        if request.number:
            request.head("410 Gone", Content_Length=0)
        else:
            request.head("200 OK", Content_Length=len(data), Accept_Ranges="bytes")
            request.send(data[: len(data) // 2])
            request.reset()

    web.answers["/old"] = once
    web.answers["/new"] = file(data)
    loops: list[object] = []

    async def resolve() -> dict[str, Any]:
        loops.append(asyncio.get_running_loop())
        return {"url": web.url("/new")}

    async def play() -> int:
        remember(asyncio.get_running_loop())
        info = {"url": web.url("/old")}
        there = await asyncio.to_thread(isocord.AudioFile.from_info, info, resolve=resolve, allow_private=True)
        sound = await asyncio.to_thread(read_all, there)
        assert there.error is None
        assert loops == [asyncio.get_running_loop()]
        return len(sound)

    assert asyncio.run(play()) == len(read_all(isocord.AudioFile(song)))


def test_a_file_from_before_the_first_join_asks_on_the_loop_of_the_join(
    web: Web, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isocord.runtime.callbacks._bot_loop", None)
    data = song.read_bytes()
    joined = threading.Event()

    def breaks(request: Request) -> None:
        if request.number:
            request.head("410 Gone", Content_Length=0)
        else:
            request.head("200 OK", Content_Length=len(data), Accept_Ranges="bytes")
            request.send(data[: len(data) // 2])
            joined.wait(30)
            request.reset()

    web.answers["/old"] = breaks
    web.answers["/new"] = file(data)
    loops: list[object] = []

    async def resolve() -> dict[str, Any]:
        loops.append(asyncio.get_running_loop())
        return {"url": web.url("/new")}

    async def play() -> None:
        info = {"url": web.url("/old")}
        there = await asyncio.to_thread(isocord.AudioFile.from_info, info, resolve=resolve, allow_private=True)
        remember(asyncio.get_running_loop())
        joined.set()
        await asyncio.to_thread(read_all, there)
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(play())


def end_the_interpreter() -> None:
    raise SystemExit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("resolve", "told"),
    [
        (end_the_interpreter, "SystemExit"),
        (interrupt, "KeyboardInterrupt"),
        (lambda: {"url": "https://a.example/x", "http_headers": {"A B": "c"}}, "no header may have"),
        (lambda: {"url": "https://a.example/\ud83d"}, "half of a character"),
    ],
)
def test_whatever_is_wrong_with_a_resolver_is_logged(
    web: Web, resolve: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers["/old"] = expired
    with pytest.raises(AudioFileError, match="403"):
        isocord.AudioFile.from_info({"url": web.url("/old")}, resolve=resolve, allow_private=True)
    assert "The resolver of an AudioFile failed" in caplog.text and told in caplog.text


@pytest.mark.parametrize("kind", ["none", "raises", "awaited"])
def test_a_resolver_that_finds_nothing_leaves_the_refusal(
    web: Web, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers["/old"] = expired

    def resolve() -> Any:
        if kind == "raises":
            raise RuntimeError("no luck")
        return asyncio.sleep(0) if kind == "awaited" else None

    def open_it() -> None:
        with pytest.raises(AudioFileError, match="403"):
            isocord.AudioFile.from_info({"url": web.url("/old")}, resolve=resolve, allow_private=True)

    async def on_the_loop() -> None:
        # It waits for itself to run the coroutine: told, and not waited for.
        open_it()

    if kind == "awaited":
        asyncio.run(on_the_loop())
        assert "call it by asyncio.to_thread" in caplog.text
    else:
        open_it()
        assert ("no luck" in caplog.text) == (kind == "raises")
