"""Every format that :class:`isocord.AudioFile` plays, made by PyAV (ffmpeg's libraries), found right to the sample.

The sound is a chirp: its pitch rises all the time, so that a piece of it can be at one place only.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from isocord import _native
from isocord.errors import AudioFileError
from tests.interop.wire import Server

from .chirps import FRAME, RATE, SECONDS, chirp, encode, pcm, place, read_all, residue

# suffix, codec, rate, layout, options of the codec, largest residue
EXACT = [
    (".wav", "pcm_s16le", 8_000, "mono", {}, 0.01),
    (".wav", "pcm_s16le", 44_100, "stereo", {}, 0.01),
    (".wav", "pcm_s24le", 48_000, "stereo", {}, 0.01),
    (".wav", "pcm_f32le", 96_000, "stereo", {}, 0.01),
    (".wav", "pcm_s16le", 192_000, "stereo", {}, 0.01),
    (".wav", "pcm_s16le", 48_000, "5.1", {}, 0.01),
    (".flac", "flac", 22_050, "mono", {}, 0.01),
    (".flac", "flac", 44_100, "stereo", {}, 0.01),
    (".flac", "flac", 96_000, "stereo", {}, 0.01),
    (".flac", "flac", 48_000, "5.1", {}, 0.01),
    (".mp3", "libmp3lame", 44_100, "stereo", {}, 0.05),
    (".mp3", "libmp3lame", 48_000, "mono", {}, 0.05),
    (".mp3", "libmp3lame", 22_050, "stereo", {}, 0.05),
    (".ogg", "vorbis", 44_100, "stereo", {}, 0.1),
    (".ogg", "vorbis", 48_000, "stereo", {}, 0.1),
    (".ogg", "flac", 44_100, "stereo", {}, 0.01),
    (".m4a", "aac", 44_100, "stereo", {}, 0.1),
    (".mp4", "aac", 48_000, "mono", {}, 0.1),
    (".m4a", "alac", 44_100, "stereo", {}, 0.01),
    (".webm", "vorbis", 44_100, "stereo", {}, 0.1),
]


def ident(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


@pytest.mark.parametrize(("suffix", "codec", "rate", "layout", "options", "worst"), EXACT, ids=ident)
def test_decoded_formats_are_right_to_the_sample(
    tmp_path: Path, suffix: str, codec: str, rate: int, layout: str, options: dict[str, str], worst: float
) -> None:
    path = encode(tmp_path / f"sound{suffix}", codec, rate, layout, options, bit_rate=160_000)
    file = _native.AudioFile(path)
    assert not file.is_opus()
    assert not file.passthrough
    assert (file.sample_rate, file.channels) == (rate, {"mono": 1, "stereo": 2, "5.1": 6}[layout])
    # Matroska's duration counts the padding of the last Vorbis packet in.
    slack = 2 * FRAME if suffix == ".webm" else FRAME
    assert file.duration == pytest.approx(SECONDS, abs=max(0.03, slack / RATE))
    sound = read_all(file)
    assert len(sound) == pytest.approx(SECONDS * RATE, abs=slack)
    assert abs(place(sound, 0.0)) <= 1
    assert residue(sound[RATE : 2 * RATE], RATE) < worst
    for seconds in (4.321, 0.0, 1.5):
        file.seek(seconds)
        assert file.position == pytest.approx(seconds, abs=1 / RATE)
        start = seconds * RATE
        piece = read_all(file, 30)
        assert abs(place(piece, start) - start) <= 1
        assert residue(piece[FRAME:], start + FRAME) < worst
    file.close()


@pytest.mark.parametrize("suffix", [".opus", ".ogg", ".webm", ".mkv", ".mp4"])
def test_opus_passes_through(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / f"sound{suffix}", "libopus", bit_rate=128_000)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    file = _native.AudioFile(path)
    assert file.passthrough
    assert (file.codec, file.sample_rate, file.channels) == ("opus", RATE, 2)
    assert file.duration == pytest.approx(SECONDS, abs=0.02)
    server = Server("aead_aes256_gcm_rtpsize", bytes(32))
    connection = server.connect()
    connection.play(_native.Track.native(file))
    assert [packet.opus for packet in server.hear(12)] == packets[:12]
    connection.close()
    server.close()


@pytest.mark.parametrize("suffix", [".opus", ".webm"])
def test_opus_read_by_a_wrapper_is_pcm(tmp_path: Path, suffix: str) -> None:
    file = _native.AudioFile(encode(tmp_path / f"sound{suffix}", "libopus", bit_rate=128_000))
    assert not file.is_opus()
    for seconds in (0.0, 4.321, 0.5):
        file.seek(seconds)
        sound = read_all(file, 30)
        # It starts at the packet that holds the moment; the decoder needs a moment to converge.
        start = file.position * RATE - 30 * FRAME
        assert seconds * RATE - FRAME < start <= seconds * RATE
        assert abs(place(sound[4 * FRAME :], start + 4 * FRAME, 500) - start - 4 * FRAME) <= 1
    file.close()


@pytest.mark.parametrize("frame_duration", ["2.5", "5", "10", "40", "60"])
def test_opus_of_any_frame_length_plays(tmp_path: Path, frame_duration: str) -> None:
    path = encode(tmp_path / "sound.opus", "libopus", options={"frame_duration": frame_duration}, bit_rate=128_000)
    file = _native.AudioFile(path)
    sound = read_all(file)
    assert len(sound) == pytest.approx(SECONDS * RATE, abs=2 * FRAME)
    assert residue(sound[RATE : 2 * RATE], place(sound[RATE:], RATE, 500)) < 0.15
    file.close()


def test_volume_start_and_position(tmp_path: Path) -> None:
    path = encode(tmp_path / "sound.flac", "flac", 44_100)
    file = _native.AudioFile(path, volume=0.5, start=2.0)
    assert file.position == pytest.approx(2.0)
    sound = read_all(file, 50)
    assert file.position == pytest.approx(3.0)
    want = chirp(2.0 + np.arange(len(sound)) / RATE)
    assert float(np.dot(sound, want) / np.dot(want, want)) == pytest.approx(0.5, abs=0.01)
    file.volume = 0.0
    file.read()
    assert not any(pcm(file.read()))
    for bad in (-0.1, math.nan, 1e9):
        with pytest.raises(ValueError, match="volume"):
            file.volume = bad
    with pytest.raises(ValueError, match=r"position|seconds"):
        file.seek(-1.0)
    file.close()


def test_file_objects_and_bytes_in_memory(tmp_path: Path) -> None:
    path = encode(tmp_path / "sound.mp3", "libmp3lame", 44_100, bit_rate=160_000)
    expected = read_all(_native.AudioFile(str(path)))
    with path.open("rb") as handle:
        assert np.array_equal(read_all(_native.AudioFile(handle)), expected)
    assert np.array_equal(read_all(_native.AudioFile(io.BytesIO(path.read_bytes()))), expected)


@pytest.mark.parametrize("codec", [gzip, bz2, lzma], ids=lambda codec: codec.__name__)
def test_compressed_file_objects_play_what_read_gives(tmp_path: Path, codec: Any) -> None:
    # Their fileno() is that of the compressed file.
    path = encode(tmp_path / "sound.wav", "pcm_s16le")
    packed = tmp_path / "sound.wav.packed"
    packed.write_bytes(codec.compress(path.read_bytes()))
    with codec.open(packed) as file:
        sound = read_all(_native.AudioFile(file))
    assert np.array_equal(sound, read_all(_native.AudioFile(path)))


@pytest.mark.parametrize("buffering", [0, -1])
def test_files_of_the_system_are_not_read_into_memory(tmp_path: Path, buffering: int) -> None:
    path = encode(tmp_path / "sound.wav", "pcm_s16le")
    for mode in ("rb", "r+b"):
        with path.open(mode, buffering=buffering) as handle:
            file = _native.AudioFile(handle)
            assert handle.tell() == 0
        assert np.array_equal(read_all(file), read_all(_native.AudioFile(path)))


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = encode(tmp_path / "sound.flac", "flac")
    renamed = path.rename(tmp_path / "sound.mp3")
    assert _native.AudioFile(renamed).codec == "flac"


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"RIFF\0\0\0\0WAVE", b"OggS" + b"\0" * 100, b"ID3\x04" + b"\xff" * 900]
)
def test_what_is_no_sound_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shopping list.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"shopping list\.mp3"):
        _native.AudioFile(path)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"missing\.wav"):
        _native.AudioFile(tmp_path / "missing.wav")
    with pytest.raises(AudioFileError, match="not a regular file"):
        _native.AudioFile(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(AudioFileError, match="not a regular file"):
            _native.AudioFile(tmp_path / "pipe.wav")


@pytest.mark.parametrize(("suffix", "codec"), [(".flac", "flac"), (".mp3", "libmp3lame"), (".ogg", "vorbis")])
def test_a_damaged_middle_is_passed_over(tmp_path: Path, suffix: str, codec: str) -> None:
    # A damaged Ogg page takes all its packets with it; FFmpeg's pages last a second unless told otherwise.
    small_pages = {"page_duration": "100000"} if suffix == ".ogg" else None
    path = encode(tmp_path / f"sound{suffix}", codec, 44_100, container_options=small_pages, bit_rate=160_000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    file = _native.AudioFile(path)
    sound = read_all(file)
    assert file.error is None
    assert len(sound) == pytest.approx(SECONDS * RATE, abs=RATE / 2)
    # The beginning and the end are untouched.
    assert residue(sound[RATE : 2 * RATE], RATE) < 0.15
    tail = place(sound[-RATE:], len(sound) - RATE, 30_000)
    assert residue(sound[-RATE : -RATE // 2], tail) < 0.15
