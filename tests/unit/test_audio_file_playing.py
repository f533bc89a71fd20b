"""An :class:`isocord.AudioFile` that plays: seeks, volumes, what it tells meanwhile and afterwards, and its errors."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isocord
from isocord import _native
from isocord.errors import AudioFileError
from tests.interop.wire import SILENCE, Server

from .chirps import FRAME, RATE, SECONDS, chirp, encode, place

BOUND = 10.0


class Stage:
    """A connection to a server of the test's own, and a file that plays on it."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.server = Server("aead_aes256_gcm_rtpsize", bytes(32))
        self.connection = self.server.connect()
        self.file = _native.AudioFile(path, **options)
        self.track = _native.Track.native(self.file)

    def play(self) -> None:
        self.connection.play(self.track)

    def hear(self, frames: int) -> Any:
        """The left side of the frames that come next, silence left out."""
        decoder, pieces = _native.OpusDecoder(), []
        while len(pieces) < frames:
            packet = self.server.packet().opus
            if packet != SILENCE:
                pieces.append(np.frombuffer(decoder.decode(packet), "<i2")[::2] / 32_768)
        return np.concatenate(pieces)

    def pause(self) -> None:
        """Pause, and hear it out: five frames of silence follow."""
        self.connection.pause()
        while self.server.packet().opus != SILENCE:
            pass
        assert [packet.opus for packet in self.server.hear(4)] == [SILENCE] * 4

    def close(self) -> None:
        self.connection.close()
        self.server.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return encode(tmp_path / "sound.wav", "pcm_s16le")


@pytest.fixture
def stage(song: Path) -> Iterator[Stage]:
    made = Stage(song)
    yield made
    made.close()


def assert_heard(sound: Any, seconds: float, volume: float) -> None:
    """``sound`` is a piece of the chirp that begins at ``seconds``, as loud as ``volume``."""
    found = place(sound, seconds * RATE)
    assert found == pytest.approx(seconds * RATE, abs=2.5 * FRAME)
    want = chirp((np.arange(len(sound)) + found) / RATE)
    assert float(np.dot(sound, want) / np.dot(want, want)) == pytest.approx(volume, abs=0.05)


# After the first gap the seek waits to be made, after the second it has been made, and nobody has heard it yet.
GAPS = pytest.mark.parametrize("gap", [0.0, 0.02])


@GAPS
@pytest.mark.parametrize("seeks", [(4.0,), (1.0, 5.0, 2.0, 4.0)])
def test_a_volume_after_a_seek_in_a_pause_keeps_the_seek(stage: Stage, seeks: tuple[float, ...], gap: float) -> None:
    stage.play()
    stage.hear(20)
    stage.pause()
    for seconds in seeks:
        stage.file.seek(seconds)
        time.sleep(gap)
        stage.file.volume = 0.3
        assert stage.file.position == seconds
        time.sleep(gap)
    assert (stage.file.position, stage.file.volume) == (4.0, pytest.approx(0.3))
    stage.connection.resume()
    sound = stage.hear(40)
    # A frame or two that were queued may be heard first, where all happens within one.
    assert 4.74 <= stage.file.position <= SECONDS
    # The volume is worked in within a few frames.
    assert_heard(sound[12 * FRAME :], 4.0 + 12 * FRAME / RATE, 0.3)


@GAPS
def test_a_volume_after_a_seek_while_it_plays_keeps_the_seek(stage: Stage, gap: float) -> None:
    stage.play()
    stage.hear(20)
    stage.file.seek(4.0)
    time.sleep(gap / 4)
    stage.file.volume = 0.3
    # Some frames may be on their way already: any number, if this thread was held up.
    sound = stage.hear(60)[48 * FRAME :]
    assert 4.2 < place(sound, 4.6 * RATE, RATE // 2) / RATE < 5.0
    assert float(np.abs(sound).max()) == pytest.approx(0.4 * 0.3, abs=0.02)


def test_a_seek_past_the_end_is_the_end(stage: Stage) -> None:
    stage.play()
    stage.hear(5)
    stage.file.seek(SECONDS + 60.0)
    assert stage.file.position == stage.file.duration == SECONDS
    assert stage.track.wait_end(BOUND) == "finished"
    assert stage.file.position == SECONDS


def test_what_it_was_can_be_asked_when_it_has_played(song: Path) -> None:
    stage = Stage(song, start=SECONDS - 0.2, volume=0.7)
    assert stage.file.position == pytest.approx(SECONDS - 0.2)
    stage.play()
    assert stage.track.wait_end(BOUND) == "finished"
    stage.file.cleanup()
    file = stage.file
    assert file.position == file.duration == SECONDS
    assert file.volume == pytest.approx(0.7)
    assert (file.passthrough, file.simplified, file.error) == (False, 0, None)
    with pytest.raises(AudioFileError, match=r"sound\.wav is closed: an AudioFile plays once, open it anew"):
        file.volume = 0.5
    for fails in (lambda: file.seek(0.0), file.read, lambda: _native.Track.native(file)):
        with pytest.raises(AudioFileError, match="open it anew"):
            fails()
    file.close()
    assert file.position == SECONDS
    stage.close()


def test_a_file_that_is_stopped_tells_where(stage: Stage) -> None:
    stage.play()
    stage.hear(20)
    stage.connection.stop()
    assert stage.track.wait_end(BOUND) == "stopped"
    stage.file.close()
    assert stage.file.position == pytest.approx(stage.track.frames_sent * FRAME / RATE)


def test_an_error_says_what_to_do(tmp_path: Path) -> None:
    song = encode(tmp_path / "sound.wav", "pcm_s16le").read_bytes()
    for url in (Path("https://example.com/secret.mp3"), "rtmp://secret/a", "file:///secret"):
        with pytest.raises(AudioFileError, match=r"http and https, given as a str.*FFmpegPCMAudio") as raised:
            isocord.AudioFile(url)
        assert "secret" not in str(raised.value)
    with pytest.raises(AudioFileError, match=r"cannot open songs/missing\.mp3: "):
        isocord.AudioFile("songs/missing.mp3")
    at_its_end = io.BytesIO(song)
    at_its_end.read()
    with pytest.raises(AudioFileError, match=r"\(or was read to its end: seek\(0\) first\)"):
        isocord.AudioFile(at_its_end)
    at_its_end.seek(0)
    assert isocord.AudioFile(at_its_end).duration == SECONDS
    (tmp_path / "sound.pcm").write_bytes(bytes(200_000))
    with pytest.raises(AudioFileError, match=r"sound\.pcm.*\(raw PCM is for PCMAudio\)"):
        isocord.AudioFile(tmp_path / "sound.pcm")


def test_a_name_with_a_colon_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "12:").mkdir()
    encode(tmp_path / "sound.wav", "pcm_s16le").rename(tmp_path / "12:" / "00.wav")
    assert isocord.AudioFile("12:/00.wav").duration == SECONDS
    assert isocord.AudioFile("12:/../12:/00.wav").duration == SECONDS


@pytest.mark.parametrize(
    "public",
    [
        isocord.AudioFile,
        isocord.HeardFrame,
        isocord.SpeakingChanged,
        isocord.Utterance,
        _native.ReceiveStats,
        _native.UserReceiveStats,
    ],
)
def test_what_users_meet_says_what_it_is(public: type) -> None:
    assert public.__doc__
    bare = [name for name in dir(public) if not name.startswith("_") and not getattr(public, name).__doc__]
    assert bare == []


def test_the_documentation_of_a_file_is_the_same_for_type_checkers() -> None:
    stub = Path(isocord.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
    # The stub's lines are indented.
    lines = {line.strip().strip('"') for line in stub.splitlines()}
    for name in ("__doc__", *(name for name in dir(isocord.AudioFile) if not name.startswith("_"))):
        found = getattr(isocord.AudioFile, name)
        text = found if name == "__doc__" else found.__doc__
        assert [line for line in text.splitlines() if line.strip() and line.strip().strip('"') not in lines] == []
