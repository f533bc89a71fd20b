"""What a file, or a file object, can make :class:`isocord.AudioFile` do: nothing hangs, and no process ends by it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import isocord

from .wavs import Piecewise, wav


def frames(file: isocord.AudioFile) -> int:
    return sum(1 for _ in iter(file.read, b""))


def test_a_file_object_that_gives_pieces_is_read_to_its_end() -> None:
    assert frames(isocord.AudioFile(Piecewise(wav(), 1_000))) == 100  # type: ignore[arg-type]


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb") as pipe:
            pipe.write(wav())

    thread = threading.Thread(target=write)
    thread.start()
    with open(reading, "rb", buffering=0) as pipe:
        assert frames(isocord.AudioFile(pipe)) == 100
    thread.join()


def test_a_file_object_without_anything_to_read_is_refused() -> None:
    class NotNow(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes | None:
            return None

    with pytest.raises(isocord.AudioFileError, match="nothing to read just now"):
        isocord.AudioFile(NotNow())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such paths")
def test_what_never_ends_is_refused_by_its_path(tmp_path: Path) -> None:
    pipe = tmp_path / "song.mp3"
    os.mkfifo(pipe)
    link = tmp_path / "link.mp3"
    link.symlink_to(pipe)
    for path in [pipe, link, Path("/dev/zero"), Path("/dev/null"), tmp_path]:
        with pytest.raises(isocord.AudioFileError, match="not a regular file"):
            isocord.AudioFile(path)


def test_a_file_of_nothing_but_tags_is_refused_and_says_why() -> None:
    with pytest.raises(isocord.AudioFileError, match="asks for too much: more than 100 ID3 tags"):
        isocord.AudioFile(io.BytesIO(b"ID3\x04\0\0\0\0\0\0" * 2_500_000))


def test_a_closed_file_says_so_and_can_be_closed_again() -> None:
    file = isocord.AudioFile(io.BytesIO(wav()))
    file.read()
    file.close()
    file.close()
    assert (file.position, file.duration) == (0.02, 2.0)
    with pytest.raises(isocord.AudioFileError, match="closed"):
        file.read()


STARVED = """
import io, resource, sys
import isocord
from isocord import _native
from tests.unit.wavs import Piecewise, wav

isocord.AudioFile(io.BytesIO(wav())).read()
sound = wav(2_600.0)
def starve(megabytes):
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + megabytes * 1_000_000, resource.RLIM_INFINITY))

starve(150)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much address space is used")
@pytest.mark.parametrize(
    ("action", "told"),
    [
        # 250 MB that are there already are played without a copy.
        ("print(len(isocord.AudioFile(io.BytesIO(sound)).read()))", "3840"),
        ("isocord.AudioFile(Piecewise(sound, 1_000_000))", "MemoryError"),
        ("_native.DaveSession(None, 2, 3).open(3, sound)", "MemoryError"),
    ],
)
def test_without_memory_there_is_an_exception_and_no_abort(action: str, told: str) -> None:
    script = STARVED + f"try:\n    {action}\nexcept MemoryError:\n    print('MemoryError')\n"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout.strip()) == (0, told), child.stderr
