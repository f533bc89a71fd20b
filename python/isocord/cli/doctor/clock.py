"""How late packets leave here: the real clock thread sends some to a socket of our own."""

from __future__ import annotations

import contextlib
import queue
import secrets
import socket
import struct
import threading
import time

from ... import _native
from ...connection import lifetime
from ...runtime.values import Record
from .findings import Finding, Status
from .system import clock_policy

_SILENCE = b"\xf8\xff\xfe"
_SSRC = 1
_BOUND = 5.0
_FRAMES_A_SECOND = 50
_LATE = 0.005
"""A quarter of a frame: what jitter buffers take without getting longer."""
_TOO_LATE = 0.040


class Measured(Record):
    """What was measured.

    Attributes:
        stats: of the packets.
        policy: the scheduling policy of the clock thread, or None.
    """

    stats: _native.Stats
    policy: int | None


def measure(seconds: float) -> Measured:
    """Send silence to ourselves for so long, 0.1 to 20 seconds, at 127.0.0.1.

    Raises:
        OSError: no socket can be had.
        TimeoutError: the native threads do not run.
        UdpError: the same.
    """
    lifetime.arrange()
    events: queue.Queue[_native.Event] = queue.Queue()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=_answer, args=(server,), name="isocord-doctor", daemon=True).start()
        connection = _native.Connection(events.put)
        with contextlib.closing(connection):
            connection.open("127.0.0.1", server.getsockname()[1], _SSRC)
            try:
                found = events.get(timeout=_BOUND)
            except queue.Empty:
                found = None
            if not isinstance(found, _native.Discovered):
                raise TimeoutError("datagrams to 127.0.0.1 do not arrive")
            connection.start_session(_native.TRANSPORT_MODES[0], secrets.token_bytes(32))
            connection.allow_unencrypted()
            frames = round(seconds * _FRAMES_A_SECOND)
            track = _native.Track.opus(lookahead=max(1, min(frames, 1_000)))
            track.write_opus([_SILENCE] * frames)
            track.finish()
            connection.play(track)
            # In pieces, so that a Ctrl-C is heard.
            deadline = time.monotonic() + seconds + _BOUND
            while track.wait_end(0.1) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError("packets do not leave")
            return Measured(connection.stats, clock_policy())


def lateness(stats: _native.Stats) -> Finding:
    """What is to be said of it."""
    found = (
        f"p50 {stats.lateness_p50 * 1e3:.2f} ms, p99 {stats.lateness_p99 * 1e3:.2f} ms, "
        f"max {stats.lateness_max * 1e3:.2f} ms of {stats.packets_sent} packets"
    )
    if stats.lateness_p99 <= _LATE:
        return Finding("clock lateness", Status.OK, found)
    status = Status.WARN if stats.lateness_p99 <= _TOO_LATE else Status.FAIL
    return Finding("clock lateness", status, found, "real-time priority, or a machine with more cores or less to do")


def _answer(server: socket.socket) -> None:
    """IP discovery, until the socket is closed."""
    # A closed socket does not wake who waits for it.
    server.settimeout(0.2)
    with contextlib.suppress(OSError):
        while True:
            with contextlib.suppress(TimeoutError):
                datagram, address = server.recvfrom(2_048)
                if len(datagram) == 74 and datagram[:4] == b"\x00\x01\x00\x46":
                    server.sendto(struct.pack(">HHI64sH", 2, 70, _SSRC, b"127.0.0.1", address[1]), address)
