"""A URL that plays: what is heard when bytes come late, when it is sought in, and when its volume changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import isocord
from isocord import _native
from tests.interop.wire import SILENCE, Server

from .chirps import FRAME, RATE, SECONDS, encode, place, residue
from .web import EVERY, Answer, Request, Web, file, radio, titled

BOUND = 15.0


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


class Stage:
    """A connection to a server of the test's own, and a URL that plays on it."""

    def __init__(self, url: str) -> None:
        self.server = Server("aead_aes256_gcm_rtpsize", bytes(32))
        self.connection = self.server.connect()
        self.file = _native.AudioFile(url, allow_private=True)
        self.track = _native.Track.native(self.file)
        self.connection.play(self.track)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.server.close()

    def hear(self, frames: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The left side of the frames that come next, silence left out."""
        decoder, pieces = _native.OpusDecoder(), []
        while len(pieces) < frames:
            packet = self.server.packet().opus
            if packet != SILENCE:
                pieces.append(np.frombuffer(decoder.decode(packet), "<i2")[::2] / 32_768)
        return np.concatenate(pieces)


def held(data: bytes, at: int, go_on: threading.Event) -> Answer:
    """A file whose server stops in the middle until it is told to go on."""

    def answer(request: Request) -> None:
        start = request.start or 0
        whole = f"bytes {start}-{len(data) - 1}/{len(data)}"
        request.head("206 Partial Content", Content_Length=len(data) - start, Content_Range=whole)
        request.send(data[start : max(at, start)])
        # Who has been to the end of the file comes back for what is missing, and waits too.
        if start <= at:
            go_on.wait(BOUND)
        request.send(data[max(at, start) :])

    return answer


@pytest.mark.parametrize(("suffix", "codec"), [(".mp3", "libmp3lame"), (".opus", "libopus")])
def test_what_comes_late_is_heard_late_and_whole(tmp_path: Path, web: Web, suffix: str, codec: str) -> None:
    data = encode(tmp_path / f"sound{suffix}", codec, 48_000, bit_rate=320_000).read_bytes()
    go_on = threading.Event()
    web.answers["/sound"] = held(data, len(data) // 3, go_on)
    with Stage(web.url("/sound")) as stage:
        sound = stage.hear(40)
        # Until it goes on there is silence, and the thread that sends is not held up.
        while stage.server.packet().opus != SILENCE:
            pass
        assert stage.track.end is None
        go_on.set()
        late = stage.hear(100)
        assert residue(sound[RATE // 4 :], place(sound[RATE // 4 :], RATE // 4)) < 0.2
        at = place(late[RATE // 2 :], 2 * RATE, 2 * RATE)
        assert 1.0 < at / RATE < 4.0
        assert residue(late[RATE // 2 :], at) < 0.2
        assert stage.track.wait_end(BOUND) == "finished"
        assert stage.track.frames_sent == pytest.approx(SECONDS * 50, abs=3)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp3", "libmp3lame"), (".opus", "libopus"), (".webm", "libopus")])
def test_a_seek_while_it_plays_is_heard(tmp_path: Path, web: Web, suffix: str, codec: str) -> None:
    data = encode(tmp_path / f"sound{suffix}", codec, 48_000, bit_rate=128_000).read_bytes()
    web.answers["/sound"] = file(data)
    with Stage(web.url("/sound")) as stage:
        stage.hear(10)
        stage.file.seek(4.0)
        # What passes through begins at a packet, up to 20 ms earlier.
        assert 3.98 <= stage.file.position <= 4.1
        sound = stage.hear(80)[50 * FRAME :]
        assert 4.2 < place(sound, 4.8 * RATE, RATE // 2) / RATE < 5.2
        stage.file.volume = 0.25
        assert stage.track.wait_end(BOUND) == "finished"
        assert stage.file.error is None


def test_a_radio_that_cannot_be_sought_in_plays_on(tmp_path: Path, web: Web) -> None:
    data = encode(tmp_path / "sound.mp3", "libmp3lame", 48_000, bit_rate=128_000).read_bytes()
    web.answers["/radio"] = radio(data)
    with Stage(web.url("/radio")) as stage:
        stage.hear(10)
        with pytest.raises(isocord.AudioFileError, match="front to back"):
            stage.file.seek(1.0)
        stage.hear(10)
        assert stage.track.end is None


def test_a_server_that_dies_ends_what_plays_with_its_error(tmp_path: Path, web: Web) -> None:
    data = encode(tmp_path / "sound.mp3", "libmp3lame", 48_000, bit_rate=128_000).read_bytes()

    def answer(request: Request) -> None:
        if request.number == 0:
            file(data, cut=60_000)(request)
        else:
            request.head("404 Not Found", Content_Length=0)

    web.answers["/sound"] = answer
    with Stage(web.url("/sound?key=secret")) as stage:
        assert stage.track.wait_end(BOUND) == "failed"
        assert "404" in str(stage.file.error)
        assert "secret" not in str(stage.file.error)
        assert stage.track.frames_sent > 100


def test_titles_are_heard_of_as_they_come(tmp_path: Path, web: Web) -> None:
    data = encode(tmp_path / "sound.mp3", "libmp3lame", 48_000, bit_rate=128_000).read_bytes()
    sound = titled(data, {EVERY: "First", 50_000: "Second"})
    web.answers["/radio"] = radio(sound, every=EVERY)

    async def listen(file: _native.AudioFile) -> list[str]:
        told = []
        async for title in file.titles():
            told.append(title)
            if title == "Second":
                file.close()
        return told

    with Stage(web.url("/radio")) as stage:
        told = asyncio.run(asyncio.wait_for(listen(stage.file), BOUND))
    assert told[-1] == "Second"
    assert len(told) == len(set(told)) <= 2
