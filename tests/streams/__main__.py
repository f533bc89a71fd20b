"""URLs from real servers: nginx with ranges and limits, icecast2 with ffmpeg as its source. Prints figures.

make streams-test
"""

from __future__ import annotations

import resource
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

import isocord
from tests.unit.chirps import RATE, Samples, encode, pcm, read_all

from .servers import icecast, missing, nginx, running

FORMATS = [
    (".mp3", "libmp3lame", 44_100),
    (".flac", "flac", 44_100),
    (".opus", "libopus", 48_000),
    (".ogg", "flac", 44_100),
    (".m4a", "aac", 44_100),
    (".webm", "libopus", 48_000),
]
FEEDS = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3", "-content_type", "audio/mpeg"],
    "aac": ["-c:a", "aac", "-b:a", "128k", "-f", "adts", "-content_type", "audio/aac"],
    "vorbis": ["-c:a", "libvorbis", "-f", "ogg", "-content_type", "application/ogg"],
    "opus": ["-c:a", "libopus", "-b:a", "96k", "-f", "ogg", "-content_type", "application/ogg"],
}


def url(address: str) -> isocord.AudioFile:
    return isocord.AudioFile(address, allow_private=True)


def tell(what: str, began: float, more: str = "") -> None:
    print(f"{what:<48} {time.monotonic() - began:6.2f} s  {more}", flush=True)


def same(address: str, path: Path, seeks: tuple[float, ...] = ()) -> None:
    """The URL gives what the file does, before and after seeks."""
    there, here = url(address), isocord.AudioFile(path)
    for seconds in (None, *seeks):
        if seconds is not None:
            there.seek(seconds)
            here.seek(seconds)
        if not np.array_equal(read_all(there), read_all(here)):
            raise AssertionError(f"{address} differs from its file after a seek to {seconds}")
    there.close()


def files(folder: Path) -> None:
    root = folder / "root"
    root.mkdir()
    paths = [encode(root / f"sound{suffix}", codec, rate, bit_rate=128_000) for suffix, codec, rate in FORMATS]
    (folder / "nginx").mkdir()
    with nginx(folder / "nginx", root) as server:
        for path in paths:
            began = time.monotonic()
            same(f"{server}/{path.name}", path, (3.1, 0.5))
            tell(f"nginx, ranges, {path.suffix}", began)
        song = paths[0]
        for place_, what in (
            ("slow", "48 KiB/s"),
            ("narrow", "one connection at a time"),
            ("few", "a request a second, else 429"),
        ):
            began = time.monotonic()
            same(f"{server}/{place_}/{song.name}", song, (3.1,))
            tell(f"nginx, {what}", began)
        began = time.monotonic()
        there = url(f"{server}/whole/{song.name}")
        assert not there.seekable, "without ranges there is no seeking"
        assert np.array_equal(read_all(there), read_all(isocord.AudioFile(song)))
        tell("nginx, no ranges", began)
        many(f"{server}/{song.name}", song)


def many(address: str, path: Path, count: int = 50) -> None:
    """Many streams at once, and what they cost."""
    expected = read_all(isocord.AudioFile(path))
    wrong: list[str] = []

    def read() -> None:
        there = url(address)
        if not np.array_equal(read_all(there), expected):
            wrong.append(repr(there))
        there.close()

    memory, cpu, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), time.monotonic()
    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / count
    spent = (time.process_time() - cpu) / count / 6.0
    tell(f"nginx, {count} at once", began, f"{grown:.0f} KiB each, {spent * 1000:.1f} ms of CPU a second of sound")


def heard(there: isocord.AudioFile, seconds: float) -> Samples:
    return np.concatenate([pcm(there.read()) for _ in range(int(seconds * 50))])


def tone(sound: Samples, at: float) -> float:
    """How much of the sound is not a sine of this pitch."""
    turns = 2 * np.pi * at * np.arange(len(sound)) / RATE
    basis = np.stack([np.sin(turns), np.cos(turns)])
    fit = basis.T @ (basis @ sound / (len(sound) / 2))
    return float(np.linalg.norm(sound - fit) / np.linalg.norm(sound))


def feed(port: int, mount: str, options: list[str], pitch: int) -> list[str]:
    target = f"icecast://source:hackme@127.0.0.1:{port}/{mount}"
    source = ["-re", "-f", "lavfi", "-i", f"sine=frequency={pitch}:sample_rate=44100"]
    return ["ffmpeg", "-loglevel", "quiet", *source, "-ac", "2", *options, target]


def wait(what: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError("it took too long")
        time.sleep(0.2)


def radios(folder: Path) -> None:
    with icecast(folder) as port:
        for mount, options in FEEDS.items():
            address = f"http://127.0.0.1:{port}/{mount}"
            with running(feed(port, mount, options, 440)):
                wait(lambda address=address: on_air(address))  # type: ignore[misc]
                began = time.monotonic()
                there = url(address)
                opened = time.monotonic() - began
                sound = heard(there, 3.0)
                rest = tone(sound[RATE:], 440)
                assert rest < 0.1, f"{mount}: {rest:.3f} of it is no sine"
                assert (there.duration, there.seekable) == (None, False)
                if mount == "mp3":
                    retitle(port, mount, "One+-+Two")
                    while there.title != "One - Two":
                        there.read()
            # The source goes, and another one comes back: the radio goes on, a sixth higher.
            with running(feed(port, mount, options, 733)):
                began = time.monotonic()
                while tone(piece := heard(there, 0.5), 733) > 0.2:
                    assert len(piece)
                gap = time.monotonic() - began
                tell(f"icecast, {mount}", began, f"opened in {opened:.2f} s, a new source is heard after {gap:.1f} s")
            there.close()


def on_air(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.read(1))
    except OSError:
        return False


def retitle(port: int, mount: str, title: str) -> None:
    address = f"http://127.0.0.1:{port}/admin/metadata?mode=updinfo&mount=/{mount}&song={title}"
    request = urllib.request.Request(address, headers={"Authorization": "Basic c291cmNlOmhhY2ttZQ=="})
    urllib.request.urlopen(request, timeout=5).close()


def main() -> None:
    if lacking := missing():
        sys.exit(f"not installed: {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files(Path(folder))
        radio = Path(folder) / "icecast"
        radio.mkdir()
        radios(radio)
    print("make streams-test: all of it was heard")


if __name__ == "__main__":
    main()
