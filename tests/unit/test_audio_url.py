"""An :class:`isocord.AudioFile` of a URL: what plays, what is sought, and what comes of servers that misbehave."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import isocord
from isocord.errors import AudioFileError

from .chirps import RATE, SECONDS, encode, read_all, residue
from .web import Request, Web, file, redirect

FORMATS = [
    (".wav", "pcm_s16le", 44_100),
    (".flac", "flac", 44_100),
    (".mp3", "libmp3lame", 44_100),
    (".ogg", "vorbis", 44_100),
    (".opus", "libopus", 48_000),
    (".m4a", "aac", 44_100),
    (".webm", "libopus", 48_000),
    (".mp4", "libopus", 48_000),
]


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


def sound(path: Path, suffix: str, codec: str, rate: int) -> Path:
    return encode(path / f"sound{suffix}", codec, rate, bit_rate=160_000)


@pytest.mark.parametrize(("suffix", "codec", "rate"), FORMATS, ids=str)
def test_a_url_plays_as_its_file_does(tmp_path: Path, web: Web, suffix: str, codec: str, rate: int) -> None:
    path = sound(tmp_path, suffix, codec, rate)
    web.answers["/sound"] = file(path.read_bytes())
    there, here = isocord.AudioFile(web.url("/sound"), allow_private=True), isocord.AudioFile(path)
    assert (there.codec, there.container, there.duration) == (here.codec, here.container, here.duration)
    assert (there.seekable, there.passthrough) == (True, here.passthrough)
    for seconds in (None, 3.2, 0.5):
        if seconds is not None:
            there.seek(seconds)
            here.seek(seconds)
        assert there.position == pytest.approx(here.position, abs=0.02)
        assert np.array_equal(read_all(there), read_all(here))
    assert there.error is None


@pytest.mark.parametrize(("suffix", "codec", "rate"), FORMATS, ids=str)
def test_a_server_without_ranges_plays_from_front_to_back(
    tmp_path: Path, web: Web, suffix: str, codec: str, rate: int
) -> None:
    path = sound(tmp_path, suffix, codec, rate)
    if suffix in (".m4a", ".mp4"):
        path = encode(tmp_path / f"fast{suffix}", codec, rate, container_options={"movflags": "faststart"})
    web.answers["/sound"] = file(path.read_bytes(), ranges=False)
    there = isocord.AudioFile(web.url("/sound"), allow_private=True)
    assert not there.seekable
    with pytest.raises(AudioFileError, match="byte ranges"):
        there.seek(1.0)
    with pytest.raises(AudioFileError, match="byte ranges"):
        isocord.AudioFile(web.url("/sound"), allow_private=True, start=1.0)
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(path)))


def test_pythons_own_server_plays(tmp_path: Path) -> None:
    path = sound(tmp_path, ".mp3", "libmp3lame", 44_100)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            there = isocord.AudioFile(f"http://127.0.0.1:{server.server_port}/sound.mp3", allow_private=True)
            assert np.array_equal(read_all(there), read_all(isocord.AudioFile(path)))
        finally:
            server.shutdown()


@pytest.mark.parametrize(("suffix", "codec", "rate"), FORMATS[1:5], ids=str)
def test_a_connection_that_breaks_again_and_again_is_not_heard(
    tmp_path: Path, web: Web, suffix: str, codec: str, rate: int
) -> None:
    path = sound(tmp_path, suffix, codec, rate)
    web.answers["/sound"] = file(path.read_bytes(), cut=20_000, ETag='"one"')
    there = isocord.AudioFile(web.url("/sound"), allow_private=True)
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(path)))
    later = [request for request in web.asked("/sound") if request.start]
    assert later
    assert {request.headers.get("if-range") for request in later} == {'"one"'}


def test_a_server_without_ranges_that_breaks_is_passed_over_from_its_start(tmp_path: Path, web: Web) -> None:
    path = sound(tmp_path, ".flac", "flac", 44_100)
    data = path.read_bytes()

    def answer(request: Request) -> None:
        request.head("200 OK", Content_Length=len(data))
        request.send(data[: 30_000 * (request.number + 1)])
        request.reset()

    web.answers["/sound"] = answer
    there = isocord.AudioFile(web.url("/sound"), allow_private=True)
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(path)))


def test_a_file_that_was_replaced_is_not_gone_on_with(tmp_path: Path, web: Web) -> None:
    data = sound(tmp_path, ".flac", "flac", 44_100).read_bytes()

    def answer(request: Request) -> None:
        file(data, cut=30_000 if request.number == 0 else None, ETag=f'"{request.number}"')(request)

    web.answers["/sound"] = answer
    there = isocord.AudioFile(web.url("/sound"), allow_private=True)
    with pytest.raises(AudioFileError, match="replaced on its server"):
        read_all(there)


def test_a_seek_asks_for_what_is_far_and_not_for_what_is_there(tmp_path: Path, web: Web) -> None:
    data = encode(tmp_path / "sound.wav", "pcm_s16le").read_bytes()
    at = data.index(b"data") + 8
    body = data[at:] * 10
    long = data[: at - 4] + len(body).to_bytes(4, "little") + body
    long = long[:4] + (len(long) - 8).to_bytes(4, "little") + long[8:]
    web.answers["/sound"] = file(long)
    there = isocord.AudioFile(web.url("/sound"), allow_private=True)
    before = len(web.requests)
    read_all(there, 25)
    there.seek(0.75)
    assert residue(read_all(there, 25), 3 * RATE // 4) < 0.01
    assert len(web.requests) == before
    there.seek(9 * SECONDS + 2.0)
    assert residue(read_all(there, 25), 2 * RATE) < 0.01
    assert len(web.requests) > before
    assert (web.requests[-1].start or 0) > 8 * len(data)


def test_where_a_url_leads_is_followed(tmp_path: Path, web: Web) -> None:
    path = sound(tmp_path, ".mp3", "libmp3lame", 44_100)
    web.answers["/sound"] = file(path.read_bytes())
    web.answers["/a/b"] = redirect("../c?x=1", "307 Temporary Redirect")
    web.answers["/c"] = redirect(web.url("/sound"))
    there = isocord.AudioFile(web.url("/a/b"), allow_private=True)
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(path)))


def test_another_host_gets_nothing_that_was_meant_for_the_first(tmp_path: Path, web: Web) -> None:
    data = sound(tmp_path, ".mp3", "libmp3lame", 44_100).read_bytes()
    secrets = {"Authorization": "Bearer one", "Cookie": "two", "X-Token": "three", "User-Agent": "a bot"}
    with Web() as other:
        other.answers["/sound"] = file(data)
        web.answers["/same"] = redirect("/away")
        web.answers["/away"] = redirect(other.url("/sound"))
        isocord.AudioFile(web.url("/same"), allow_private=True, headers=secrets).close()
        for path in ("/same", "/away"):
            sent = web.asked(path)[0].headers
            assert {name: sent.get(name.lower()) for name in secrets} == secrets
        sent = other.asked("/sound")[0].headers
        assert [sent.get(name.lower()) for name in secrets] == [None, None, None, "a bot"]
        # A user and a password in the URL are headers as well.
        login = web.url("/same").replace("://", "://me:secret@")
        isocord.AudioFile(login, allow_private=True).close()
        assert web.asked("/away")[-1].headers["authorization"] == "Basic bWU6c2VjcmV0"
        assert "authorization" not in other.asked("/sound")[-1].headers
