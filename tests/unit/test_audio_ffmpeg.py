"""What nothing but ffmpeg reads: how it sounds, what is told when it fails, what it never gets to read."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest

import isocord
from isocord.errors import AudioFileError, FFmpegError
from isocord.playing.sources.feed import Feed
from tests.interop.wire import Server

from .chirps import FRAME, RATE, SECONDS, encode, place, read_all, residue
from .wavs import wav
from .web import Web, file

FFMPEG = shutil.which("ffmpeg") or ""
BOUND = 10.0

pytestmark = pytest.mark.skipif(not FFMPEG, reason="there is no ffmpeg")
scripts = pytest.mark.skipif(os.name != "posix", reason="what stands before ffmpeg is a script of the shell")

FORMATS = [
    (".ac3", "ac3", "ac3"),
    (".wma", "wmav2", "asf"),
    (".mkv", "ac3", "matroska"),
    (".avi", "ac3", "avi"),
]


class Runs:
    """An ffmpeg on the PATH that writes down which processes it was."""

    def __init__(self, folder: Path, then: str) -> None:
        self._pids = folder / "pids"
        script = folder / "ffmpeg"
        script.write_text(f'#!/bin/sh\necho $$ >> "{self._pids}"\n{then}\n')
        script.chmod(0o755)

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self._pids.read_text().split()]

    def wait_ended(self) -> None:
        """Wait until none of them is there any more, not even as a zombie."""
        deadline = time.monotonic() + BOUND
        for pid in self.pids:
            while is_there(pid):
                assert time.monotonic() < deadline, f"{pid} is left"
                time.sleep(0.005)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> Runs:
    folder.mkdir()
    runs = Runs(folder, then)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return runs


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """The real one."""
    return on_path(tmp_path / "bin", monkeypatch, f'exec "{FFMPEG}" "$@"')


@pytest.fixture
def minute(tmp_path: Path) -> Path:
    """More than is ever decoded ahead."""
    path = tmp_path / "minute.ac3"
    source = ["-f", "lavfi", "-i", "sine=440:duration=60:sample_rate=48000"]
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", *source, "-c:a", "ac3", str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server("aead_aes256_gcm_rtpsize", bytes(32))
    yield made
    made.close()


@pytest.mark.parametrize(("suffix", "codec", "container"), FORMATS)
def test_it_sounds_as_it_should_and_can_be_sought_in(tmp_path: Path, suffix: str, codec: str, container: str) -> None:
    path = encode(tmp_path / f"sound{suffix}", codec, bit_rate=192_000)
    opened = isocord.AudioFile(path)
    assert (opened.codec, opened.container, opened.sample_rate, opened.channels) == (codec, container, RATE, 2)
    assert opened.duration == pytest.approx(SECONDS, abs=0.15)
    sound = read_all(opened)
    assert opened.error is None
    assert len(sound) == pytest.approx(SECONDS * RATE, abs=RATE // 10)
    start = place(sound, 0.0)
    assert abs(start) < RATE // 20
    assert residue(sound[RATE // 4 : 5 * RATE], start + RATE // 4) < 0.05
    again = isocord.AudioFile(path, start=1.0)
    assert place(read_all(again, 50), 1.0 * RATE) == pytest.approx(1.0 * RATE, abs=RATE // 20)
    again.seek(3.0)
    assert again.position == pytest.approx(3.0, abs=0.02)
    assert place(read_all(again, 50), 3.0 * RATE) == pytest.approx(3.0 * RATE, abs=RATE // 20)
    again.close()


@pytest.mark.parametrize("way", ["object", "url"])
def test_what_is_no_file_of_the_system_is_fed_to_it(tmp_path: Path, way: str) -> None:
    path = encode(tmp_path / "sound.wma", "wmav2", bit_rate=192_000)
    with Web() as web:
        web.answers["/sound"] = file(path.read_bytes())
        if way == "url":
            opened = isocord.AudioFile(web.url("/sound"), allow_private=True)
        else:
            opened = isocord.AudioFile(io.BytesIO(path.read_bytes()))
        want = read_all(isocord.AudioFile(path))
        assert np.allclose(read_all(opened), want, atol=1e-4)
        opened.seek(2.0)
        assert place(read_all(opened, 50), 2.0 * RATE) == pytest.approx(2.0 * RATE, abs=RATE // 20)
        opened.close()


def test_probe_tells_of_it_too(tmp_path: Path) -> None:
    found = isocord.probe(encode(tmp_path / "sound.wma", "wmav2", bit_rate=192_000))
    assert (found.codec, found.container) == ("wmav2", "asf")


@scripts
def test_one_that_is_killed_while_it_plays_gives_its_signal_as_the_error(
    runs: Runs, minute: Path, server: Server
) -> None:
    opened = isocord.AudioFile(minute)
    feed = Feed(opened, None, lookahead=25)
    connection = server.connect()
    connection.play(feed.track)
    server.hear(20)
    os.kill(runs.pids[-1], 9)
    # What it has decoded is heard first: some seconds.
    assert feed.track.wait_end(4 * BOUND) == "failed"
    connection.close()
    opened.close()
    for error in (feed.error, opened.error):
        assert isinstance(error, FFmpegError)
        assert error.code == -9
        assert "signal 9" in str(error)


@scripts
def test_who_reads_one_that_is_killed_is_told_as_well(runs: Runs, minute: Path) -> None:
    opened = isocord.AudioFile(minute)
    for reader in (opened, isocord.Filtered(isocord.AudioFile(minute), isocord.filters.Volume(volume=0.5))):
        reader.read()
        os.kill(runs.pids[-1 if reader is not opened else 0], 9)
        with pytest.raises(FFmpegError, match="signal 9") as raised:
            read_all(reader)
        assert raised.value.code == -9
        reader.close()


@scripts
def test_so_does_one_that_ends_with_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minute: Path, server: Server
) -> None:
    said = "echo '[ac3 @ 0x55] [error] the disk is on fire' >&2"
    on_path(tmp_path / "bin", monkeypatch, f"head -c {30 * FRAME * 8} /dev/zero\n{said}\nexit 3")
    feed = Feed(isocord.AudioFile(minute), None, lookahead=25)
    connection = server.connect()
    connection.play(feed.track)
    assert feed.track.wait_end(BOUND) == "failed"
    connection.close()
    error = feed.error
    assert isinstance(error, FFmpegError)
    assert error.code == 3
    assert "the disk is on fire" in str(error)


@scripts
async def test_an_entry_of_a_queue_tells_the_exit_status(runs: Runs, minute: Path) -> None:
    queue = isocord.Queue(minute)
    (entry,) = queue
    events = queue.events()
    while queue.now is None:
        # Who reads does not wait for what is being opened.
        assert queue.read()
        await asyncio.sleep(0.001)
    os.kill(runs.pids[-1], 9)
    await asyncio.to_thread(lambda: all(iter(queue.read, b"")))
    told = [await asyncio.wait_for(anext(events), 15) for _ in range(3)]
    assert [event.kind for event in told] == ["started", "ended", "empty"]
    for error in (told[1].error, entry.error):
        assert isinstance(error, FFmpegError)
        assert error.code == -9


@scripts
@pytest.mark.parametrize("how", ["close", "drop", "seek", "end"])
def test_none_is_left_when_nobody_listens(runs: Runs, minute: Path, how: str) -> None:
    opened: isocord.AudioFile | None = isocord.AudioFile(minute, start=59.0 if how == "end" else 0.0)
    assert opened is not None
    opened.read()
    if how == "drop":
        opened = None
        gc.collect()
    elif how == "seek":
        first = runs.pids
        opened.seek(30.0)
        opened.read()
        assert len(runs.pids) > len(first)
        opened.close()
    elif how == "end":
        read_all(opened)
        assert opened.error is None
    else:
        opened.close()
    runs.wait_ended()


@scripts
@pytest.mark.parametrize("kind", ["concat", "hls", "hls-there"])
@pytest.mark.parametrize("suffix", [".ac3", ".m3u8", ".mp3"])
def test_a_list_has_it_read_no_other_file(tmp_path: Path, runs: Runs, kind: str, suffix: str) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav())
    plain = tmp_path / "plain.wav"
    plain.write_bytes(wav())
    for path in (secret, plain):
        os.utime(path, (1.0, path.stat().st_mtime))
    with Web() as web:
        web.answers["/secret.wav"] = file(wav())
        text = {
            "concat": f"ffconcat version 1.0\nfile {secret.name}\nfile '{secret}'\n",
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
            "hls-there": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{web.url('/secret.wav')}\n#EXT-X-ENDLIST\n",
        }[kind]
        hostile = tmp_path / f"song{suffix}"
        hostile.write_text(text)
        sources: list[Path | IO[bytes]] = [hostile, io.BytesIO(text.encode())]
        for source in sources:
            with pytest.raises(AudioFileError, match="neither can ffmpeg"):
                isocord.AudioFile(source)  # type: ignore[arg-type]
        assert len(runs.pids) == len(sources)
        assert web.requests == []
    runs.wait_ended()
    assert secret.stat().st_atime == 1.0
    plain.read_bytes()
    if plain.stat().st_atime == 1.0:
        pytest.skip("this file system does not tell what was read")


def test_without_it_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "sound.wma", "wmav2", bit_rate=192_000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioFileError, match="install ffmpeg, so that it is on the PATH"):
        isocord.AudioFile(path)
    # What is read here needs none.
    assert read_all(isocord.AudioFile(io.BytesIO(wav()))).any()
