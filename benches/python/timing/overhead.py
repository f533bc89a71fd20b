"""Third part: the CPU of one encoded stream against libopus alone, in one process.

``python -m timing.overhead FOLDER FRAMES ROUNDS`` prints the result as JSON.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isocord import _native

from . import lab
from .sounds import Tune

_SSRC = 0x01020304
_BOUND = 20.0
_LONGEST = 60.0
_FRAME = 0.02
_PACKET = 12 + 320 + 20
"""Bytes of a usual packet: RTP header, Opus at 128 kbit/s, tag and nonce."""
_DRAIN = """
import socket, sys
s = socket.socket(fileno=int(sys.argv[1]))
s.settimeout(60)
while s.recv(2048) != b"end":
    pass
"""


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of CPU for a second of sound; the median of several rounds.

    Attributes:
        libopus: encoding alone, one frame after the other.
        file: the whole process while isocord.AudioFile plays a WAV file.
        pcm: the whole process while a thread in Python writes PCM.
        floor: a thread that sleeps for 20 ms and sends a datagram, over and over.
    """

    libopus: float
    file: float
    pcm: float
    floor: float

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def run(tune: Path, *, frames: int, rounds: int) -> Overhead:
    """Measure in a process of its own.

    Raises:
        JobError: it failed.
    """
    command = [sys.executable, "-m", "timing.overhead", str(tune), str(frames), str(rounds)]
    return Overhead(**lab.run_json(command, core=None, limit=60 + rounds * frames * _FRAME * 6))


class _Line:
    """A native connection to a socket that another process empties."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(_BOUND)
        self._events: queue.Queue[_native.Event] = queue.Queue()
        self.connection = _native.Connection(self._events.put)
        self.connection.open("127.0.0.1", self._socket.getsockname()[1], _SSRC)
        # IP discovery: a request of 74 bytes, an answer with our address in it.
        _, address = self._socket.recvfrom(2048)
        self._socket.sendto(struct.pack(">HHI64sH", 2, 70, _SSRC, b"127.0.0.1", address[1]), address)
        found = self._events.get(timeout=_BOUND)
        if not isinstance(found, _native.Discovered):
            raise TypeError(f"no IP discovery: {found}")
        self.connection.start_session("aead_aes256_gcm_rtpsize", bytes(range(32)))
        self.connection.allow_unencrypted()
        handle = self._socket.fileno()
        self._drain = subprocess.Popen(
            [sys.executable, "-c", _DRAIN, str(handle)], pass_fds=(handle,), stderr=subprocess.DEVNULL
        )

    def play(self, track: _native.Track, feed: Callable[[], None] | None) -> float:
        """Seconds of CPU that the process takes until the track is over."""
        begin = time.process_time()
        self.connection.play(track)
        if feed is not None:
            feed()
        if track.wait_end(_LONGEST) != "finished":
            raise RuntimeError(f"the track has not finished: {track.end}")
        return time.process_time() - begin

    def sleep_and_send(self, count: int, size: int) -> float:
        """Seconds of CPU that the same rhythm takes without any work."""
        data = bytes(size)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(self._socket.getsockname())
            begin, due = time.process_time(), time.monotonic()
            for _ in range(count):
                due += _FRAME
                time.sleep(max(0.0, due - time.monotonic()))
                sender.send(data)
        return time.process_time() - begin

    def close(self) -> None:
        self.connection.close()
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", self._socket.getsockname())
        self._drain.wait(_BOUND)
        self._socket.close()


def _encode_alone(frames: list[bytes]) -> float:
    encoder = _native.OpusEncoder()
    begin = time.process_time()
    for frame in frames:
        encoder.encode(frame)
    return time.process_time() - begin


def _play_file(line: _Line, tune: Tune) -> float:
    return line.play(_native.Track.native(_native.AudioFile(tune.wav)), None)


def _play_pcm(line: _Line, frames: list[bytes]) -> float:
    track = _native.Track.pcm()

    def feed() -> None:
        at = 0
        while at < len(frames):
            room = track.wait_room(_BOUND)
            if not room:
                raise RuntimeError("the track took no frames")
            at += track.write_pcm(b"".join(frames[at : at + room]))
        track.finish()

    return line.play(track, feed)


def main() -> None:
    tune, count, rounds = Tune.at(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    frames = tune.frames()[:count]
    line = _Line()
    _encode_alone(frames)
    figures = [
        (
            _encode_alone(frames),
            _play_file(line, tune),
            _play_pcm(line, frames),
            line.sleep_and_send(len(frames), _PACKET),
        )
        for _ in range(rounds)
    ]
    line.close()
    milliseconds = [statistics.median(column) * 1e3 / (len(frames) * _FRAME) for column in zip(*figures, strict=True)]
    print(json.dumps(dict(zip(("libopus", "file", "pcm", "floor"), milliseconds, strict=True))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
