"""Radios over HTTP: no end, titles between the sound, and connections that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import isocord
from isocord.errors import AudioFileError

from .chirps import RATE, SECONDS, encode, place, read_all, residue
from .web import EVERY, Request, Web, radio, titled


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = encode(tmp_path_factory.mktemp("song") / "sound.mp3", "libmp3lame", 44_100, bit_rate=160_000)
    return path.read_bytes()


@pytest.mark.parametrize("status", ["HTTP/1.0 200 OK", "ICY 200 OK"])
def test_titles_are_told_and_not_heard(web: Web, song: bytes, status: str) -> None:
    titles = {EVERY: "One - First", 60_000: "Two - Don't; stop"}
    web.answers["/radio"] = radio(titled(song, titles), status=status, every=EVERY)
    there = isocord.AudioFile(web.url("/radio"), allow_private=True)
    assert web.requests[0].headers["icy-metadata"] == "1"
    assert (there.duration, there.seekable, there.codec) == (None, False, "mp3")
    with pytest.raises(AudioFileError, match="front to back"):
        there.seek(1.0)
    heard, told = [], []
    for _ in range(5 * 50):
        heard.append(np.frombuffer(there.read(), "<i2")[::2] / 32_768)
        if there.title not in told[-1:]:
            told.append(there.title)
    assert told[-2:] == ["One - First", "Two - Don't; stop"]
    sound = np.concatenate(heard)
    assert residue(sound[RATE : 4 * RATE], place(sound[RATE:], RATE)) < 0.1
    there.close()
    assert there.title == "Two - Don't; stop"


def test_a_radio_that_breaks_goes_on(web: Web, song: bytes) -> None:
    half = len(song) // 2

    def answer(request: Request) -> None:
        parts = {0: (song[:half], lambda request: None), 1: (song[half:], None)}
        part, then = parts.get(request.number, (b"", None))
        radio(titled(part, {EVERY: f"Part {request.number}"}), every=EVERY, then=then)(request)

    web.answers["/radio"] = answer
    there = isocord.AudioFile(web.url("/radio"), allow_private=True)
    sound = read_all(there, int(SECONDS * 50) - 40)
    assert residue(sound[RATE // 2 : 2 * RATE], place(sound[RATE // 2 :], RATE // 2)) < 0.1
    late = sound[4 * RATE : 5 * RATE]
    assert residue(late, place(late, 4 * RATE, 9_000)) < 0.1
    assert there.title == "Part 1"
    there.close()


@pytest.mark.parametrize(
    ("suffix", "codec", "shapes"),
    [
        (".opus", "libopus", [(48_000, "stereo"), (48_000, "mono"), (48_000, "stereo")]),
        (".ogg", "vorbis", [(44_100, "stereo"), (48_000, "stereo"), (44_100, "stereo")]),
        (".ogg", "flac", [(44_100, "stereo"), (48_000, "mono"), (44_100, "stereo")]),
    ],
    ids=["opus", "vorbis", "flac"],
)
def test_an_ogg_radio_is_followed_from_song_to_song(
    tmp_path: Path, web: Web, suffix: str, codec: str, shapes: list[tuple[int, str]]
) -> None:
    songs = [
        encode(tmp_path / f"{number}{suffix}", codec, rate, layout, bit_rate=96_000 + 16_000 * number)
        for number, (rate, layout) in enumerate(shapes)
    ]
    data = b"".join(song.read_bytes() for song in songs)
    web.answers["/radio"] = radio(data, then=lambda request: None)
    (tmp_path / "all").write_bytes(data)
    for file in (isocord.AudioFile(tmp_path / "all"), isocord.AudioFile(web.url("/radio"), allow_private=True)):
        sound = read_all(file, int(3 * SECONDS * 50) - 40)
        for number in range(3):
            at = int((number * SECONDS + 2) * RATE)
            piece = sound[at : at + RATE]
            assert residue(piece, place(piece, 2 * RATE)) < 0.15
        assert file.error is None
        file.close()
