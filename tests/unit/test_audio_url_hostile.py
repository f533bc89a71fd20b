"""Servers that misbehave: an :class:`isocord.AudioFile` of their URL tells what is wrong, soon, and lets nothing out."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import isocord
from isocord.errors import AudioFileError

from .chirps import encode, read_all
from .web import Answer, Request, Web, file, redirect

BOUND = 15.0
SECRET = "hunter2"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("song") / "sound.mp3", "libmp3lame", 44_100, bit_rate=160_000)


def refused(web: Web, path: str, match: str) -> str:
    with pytest.raises(AudioFileError, match=match) as caught:
        isocord.AudioFile(web.url(path), allow_private=True)
    return str(caught.value)


def only(status: str, **headers: object) -> Answer:
    return lambda request: request.head(status, Content_Length=0, **headers)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (only("404 Not Found"), "404"),
        (only("401 Unauthorized"), "login"),
        (only("403 Forbidden"), "expired"),
        (only("410 Gone"), "expired"),
        (only("500 No"), "the server's"),
        (only("429 Too Many Requests", Retry_After=3600), "too many requests"),
        (only("204 No Content"), "204"),
        (redirect("/loop"), "on and on"),
        (redirect("ftp://127.0.0.1/x"), "only http and https"),
        (redirect("file:///etc/passwd"), "only http and https"),
        (lambda request: request.head("302 Found", Content_Length=0), "nowhere"),
        (lambda request: request.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "HTTP"),
        (lambda request: request.reset(), "connection"),
        (lambda request: request.head("200 OK", X="y" * 100_000), "headers"),
        (lambda request: request.head("200 OK", **{f"X{n}": "y" * 50 for n in range(2_000)}), "headers|HTTP"),
        (file(b""), "empty"),
        (file(b"<html>no sound</html>" * 100, Content_Type="text/html"), "text/html"),
        (file(bytes(100_000)), "knows"),
    ],
    ids=range(18),
)
def test_what_is_no_sound_is_refused_with_what_to_do(web: Web, answer: Answer, match: str) -> None:
    web.answers["/loop"] = answer
    text = refused(web, f"/loop?key={SECRET}", match)
    assert "127.0.0.1" in text
    assert SECRET not in text


def test_packed_bodies_are_refused_by_name(web: Web, song: Path) -> None:
    web.answers["/song"] = file(gzip.compress(song.read_bytes()), ranges=False, Content_Encoding="gzip")
    refused(web, "/song", "Content-Encoding")
    assert web.requests[0].headers["accept-encoding"] == "identity"


def test_private_addresses_are_refused_unless_they_are_allowed(web: Web, song: Path) -> None:
    web.answers["/song"] = file(song.read_bytes())
    for host in ("127.0.0.1", "localhost", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"):
        with pytest.raises(AudioFileError, match="allow_private"):
            isocord.AudioFile(f"http://{host}:{web.port}/song")
    assert web.requests == []


def test_a_dead_server_is_told_within_a_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(AudioFileError, match="refused"):
        isocord.AudioFile(f"http://127.0.0.1:{port}/song.mp3", allow_private=True)
    with pytest.raises(AudioFileError, match="name"):
        isocord.AudioFile("http://no-such-host.invalid/song.mp3")


def silent(request: Request) -> None:
    request.stopped.wait(BOUND)


def slowly(request: Request) -> None:
    request.head("200 OK", Content_Length=1_000_000)
    while not request.stopped.wait(0.2):
        request.send(b"\xff")


@pytest.mark.parametrize("answer", [silent, slowly], ids=["silent", "slow"])
def test_a_server_that_takes_its_time_is_given_up(web: Web, answer: Answer) -> None:
    web.answers["/song"] = answer
    refused(web, "/song", "longer than 10 s|silent")


def test_a_length_that_is_too_long_is_told_after_all_has_been_heard(web: Web, song: Path) -> None:
    data = song.read_bytes()

    def answer(request: Request) -> None:
        start = request.start or 0
        total = len(data) + 5_000
        whole = f"bytes {start}-{total - 1}/{total}"
        request.head("206 Partial Content", Content_Length=total - start, Content_Range=whole)
        request.send(data[start:])

    web.answers["/song"] = answer
    there = isocord.AudioFile(web.url("/song"), allow_private=True)
    heard = []
    with pytest.raises(AudioFileError, match=f"byte {len(data)} of {len(data) + 5_000}"):
        while True:
            heard.append(there.read())
            assert heard[-1]
    assert len(heard) >= 6 * 50 - 5


def test_a_length_that_is_corrected_is_the_end(web: Web, song: Path) -> None:
    data = song.read_bytes()

    def answer(request: Request) -> None:
        start = request.start or 0
        if start >= len(data):
            request.head("416 Range Not Satisfiable", Content_Range=f"bytes */{len(data)}", Content_Length=0)
            return
        total = len(data) + 5_000
        request.head("206 Partial Content", Content_Length=total - start, Content_Range=f"bytes {start}-{total - 1}/{total}")
        request.send(data[start:])

    web.answers["/song"] = answer
    there = isocord.AudioFile(web.url("/song"), allow_private=True)
    assert len(read_all(there)) == pytest.approx(len(read_all(isocord.AudioFile(song))), abs=2_000)


def test_too_many_requests_are_waited_out(web: Web, song: Path) -> None:
    def answer(request: Request) -> None:
        if request.number in (0, 2):
            request.head("429 Too Many Requests", Retry_After=1, Content_Length=0)
        else:
            file(song.read_bytes(), cut=30_000)(request)

    web.answers["/song"] = answer
    there = isocord.AudioFile(web.url("/song"), allow_private=True)
    assert np.array_equal(read_all(there), read_all(isocord.AudioFile(song)))


def test_a_body_without_end_is_not_read_for_ever(web: Web) -> None:
    sent = 0

    def answer(request: Request) -> None:
        nonlocal sent
        request.head("200 OK")
        while not request.stopped.is_set():
            request.send(bytes(65_536))
            sent += 65_536

    web.answers["/song"] = answer
    refused(web, "/song", "song")
    assert sent < 300 << 20


def test_secrets_are_in_no_name_and_no_error(web: Web, song: Path) -> None:
    web.answers[f"/{SECRET}/song.mp3"] = file(song.read_bytes(), cut=100)
    url = web.url(f"/{SECRET}/song.mp3?key={SECRET}").replace("://", f"://me:{SECRET}@")
    headers = {"Authorization": SECRET}
    for allow_private in (False, True):
        with pytest.raises(AudioFileError) as caught:
            read_all(isocord.AudioFile(url, headers=headers, allow_private=allow_private))
        assert SECRET not in str(caught.value)
    web.answers[f"/{SECRET}/song.mp3"] = file(song.read_bytes())
    there = isocord.AudioFile(url, headers=headers, allow_private=True)
    assert SECRET not in repr(there)
    assert f"http://127.0.0.1:{web.port}/.../song.mp3" in repr(there)
    there.close()
    with pytest.raises(AudioFileError) as caught:
        there.seek(1.0)
    assert SECRET not in str(caught.value)


def test_headers_that_none_may_have_are_refused_without_their_value(web: Web) -> None:
    for headers in ({"X-Key": f"{SECRET}\r\nHost: x"}, {"X Key": SECRET}):
        with pytest.raises(ValueError, match="header") as caught:
            isocord.AudioFile(web.url("/song"), headers=headers, allow_private=True)
        assert SECRET not in str(caught.value)


def test_closing_ends_what_waits_for_the_server(web: Web, song: Path) -> None:
    data = song.read_bytes()

    def answer(request: Request) -> None:
        request.head("200 OK", Content_Length=len(data))
        request.send(data[:60_000])
        silent(request)

    web.answers["/song"] = answer
    there = isocord.AudioFile(web.url("/song"), allow_private=True)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            while there.read():
                pass
        except AudioFileError as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    there.close()
    thread.join(BOUND)
    assert not thread.is_alive()
    assert "closed" in str(failed[0])
