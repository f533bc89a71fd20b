"""CPU and memory of recordings, in a process that does nothing else.

``python -m timing.recording RECORDINGS SPEAKERS SECONDS FOLDER SINK TIMELINE`` prints one JSON object; :func:`run` is
for everybody else.
"""

from __future__ import annotations

import json
import queue
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import isocord
from isocord import _native
from isocord.sinks import FileSink

from . import lab
from .sounds import chord
from .voice_server import KEY, MODE, packets

_BOUND = 20.0
_ROUNDS = 5
_FRAME = 0.020
_SAMPLES = 8


@dataclass(frozen=True)
class Recorded:
    """Recordings at once.

    Attributes:
        recordings: how many.
        speakers: of each.
        sink: what they are written by.
        timeline: whether it is found who speaks when, and how loud.
        packets: how many were received while it was measured.
        lost: packets that did not come.
        dropped: frames that came and are not in the files.
        us_per_packet: microseconds of CPU of the whole process.
        libopus_us: what libopus takes for a packet, one after the other.
        rhythm_us: what it takes if a thread decodes one packet of each speaker every 20 ms: caches are cold then.
        core_percent: CPU of the whole process.
        resident_mb: memory of the process, evenly spread over the recording.
    """

    recordings: int
    speakers: int
    sink: str
    timeline: bool
    packets: int
    lost: int
    dropped: int
    us_per_packet: float
    libopus_us: float
    rhythm_us: float
    core_percent: float
    resident_mb: list[float]

    @property
    def times(self) -> float:
        """CPU as a multiple of libopus's decoding alone."""
        return self.us_per_packet / self.libopus_us

    @property
    def times_rhythm(self) -> float:
        """CPU as a multiple of libopus's decoding alone in the same rhythm."""
        return self.us_per_packet / self.rhythm_us

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "times": self.times, "times_rhythm": self.times_rhythm}


def run(
    speakers: int,
    *,
    seconds: float,
    folder: Path,
    recordings: int = 1,
    sink: str = "WaveSink",
    timeline: bool = False,
) -> Recorded:
    """Measure in a process of its own.

    Raises:
        JobError: it failed.
    """
    job = (str(recordings), str(speakers), str(seconds), str(folder), sink, str(int(timeline)))
    command = [sys.executable, "-m", "timing.recording", *job]
    return Recorded(**lab.run_json(command, core=None, limit=60 + 3 * seconds))


def _decode_alone(opus: list[bytes]) -> float:
    """Microseconds that libopus takes for a packet, the best of some rounds; of which Python is a part of one."""
    best = float("inf")
    for _ in range(_ROUNDS):
        decoder = _native.OpusDecoder()
        begin = time.process_time()
        for packet in opus:
            decoder.decode(packet)
        best = min(best, time.process_time() - begin)
    return best / len(opus) * 1e6


def _decode_in_rhythm(opus: list[bytes], speakers: int, seconds: float) -> float:
    """Microseconds of CPU a packet, wake-ups included."""
    decoders = [_native.OpusDecoder() for _ in range(speakers)]
    slots = max(round(seconds / _FRAME), 1)
    begin, due = time.process_time(), time.monotonic()
    for slot in range(slots):
        due += _FRAME
        time.sleep(max(0.0, due - time.monotonic()))
        for number, decoder in enumerate(decoders):
            decoder.decode(opus[(slot + 7 * number) % len(opus)])
    return (time.process_time() - begin) / (slots * speakers) * 1e6


def _resident() -> float:
    """MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0.0
    return pages * 4096 / 1e6


def _measure(recordings: int, speakers: int, seconds: float, folder: Path, kind: str, timeline: bool) -> Recorded:
    opus = packets(chord(2.0))
    alone = _decode_alone(opus)
    rhythm = _decode_in_rhythm(opus, recordings * speakers, min(seconds, 10.0))
    server = subprocess.Popen(
        [sys.executable, "-m", "timing.voice_server", str(speakers), str(seconds), str(recordings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=lab.environment(),
    )
    assert server.stdin is not None
    assert server.stdout is not None
    connections: list[_native.Connection] = []
    try:
        port = int(server.stdout.readline())
        connections += [_connected(port, speakers) for _ in range(recordings)]
        sinks: list[FileSink] = []
        running = []
        for number, connection in enumerate(connections):
            sinks.append(getattr(isocord.sinks, kind)(folder / str(number), timeline=timeline))
            running.append(sinks[-1].start(connection, sync_start=True))
        server.stdin.write("go\n")
        server.stdin.flush()
        # The first second makes decoders and files.
        time.sleep(1.0)
        begin, begin_cpu, before = time.monotonic(), time.process_time(), _received(connections)
        resident = []
        for _ in range(_SAMPLES):
            resident.append(_resident())
            time.sleep(max(0.1, (seconds - 2.0) / _SAMPLES))
        used, took = time.process_time() - begin_cpu, time.monotonic() - begin
        counted = _received(connections) - before
        for recording in running:
            recording.stop(4_800)
        reports = [recording.wait(_BOUND) for recording in running]
        for report, sink in zip(reports, sinks, strict=True):
            if report is None or len(report.tracks) != speakers or sink.finish(report) is not None:
                raise RuntimeError("a recording is not whole")
        stats = [user for connection in connections for user in connection.receive_stats.users.values()]
        dropped = sum(report.dropped + report.late for report in reports if report is not None)
    finally:
        server.kill()
        server.wait()
        for connection in connections:
            connection.close()
    return Recorded(
        recordings=recordings,
        speakers=speakers,
        sink=kind,
        timeline=timeline,
        packets=counted,
        lost=sum(user.lost for user in stats),
        dropped=dropped,
        us_per_packet=used / max(counted, 1) * 1e6,
        libopus_us=alone,
        rhythm_us=rhythm,
        core_percent=used / took * 100,
        resident_mb=[round(statistics.fmean(resident[at : at + 2]), 2) for at in range(0, _SAMPLES, 2)],
    )


def _connected(port: int, speakers: int) -> _native.Connection:
    """A connection that knows whose stream is whose."""
    events: queue.Queue[_native.Event] = queue.Queue()
    connection = _native.Connection(events.put)
    connection.open("127.0.0.1", port, 1)
    if not isinstance(events.get(timeout=_BOUND), _native.Discovered):
        raise TypeError("no IP discovery")
    connection.start_session(MODE, KEY)
    connection.allow_unencrypted()
    for number in range(speakers):
        connection.assign_ssrc(100 + number, 1 + number)
    return connection


def _received(connections: list[_native.Connection]) -> int:
    return sum(user.received for connection in connections for user in connection.receive_stats.users.values())


def main() -> None:
    recordings, speakers, seconds, folder, kind, timeline = sys.argv[1:]
    job = (int(recordings), int(speakers), float(seconds), Path(folder), kind, timeline == "1")
    print(json.dumps(asdict(_measure(*job))))


if __name__ == "__main__":
    main()
