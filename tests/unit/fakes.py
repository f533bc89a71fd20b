"""In-memory stand-ins for the native module's connection and tracks, driven by the test instead of a clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from isocord import _native
from isocord.runtime.log import GuildLog

LOG = GuildLog(logging.getLogger("isocord"), 1)


class FakeAudioFile:
    """A native source: it has no feeder thread."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.cleaned = 0

    def cleanup(self) -> None:
        self.cleaned += 1


class FakeTrack:
    """A ring of frames that :meth:`FakeConnection.step` takes from."""

    def __init__(self, kind: str, lookahead: int = 25) -> None:
        self.kind = kind
        self.lookahead = lookahead
        self.frames: list[bytes] = []
        self.batches: list[int] = []
        self.frames_sent = 0
        self.underruns = 0
        self.end: str | None = None
        self.interrupted: tuple[int, int, float, float] | None = None
        self.error: Exception | None = None
        self.finishing = kind == "file"
        self.changed = threading.Condition()

    @staticmethod
    def pcm(options: Any = None, *, lookahead: int = 25) -> FakeTrack:
        return FakeTrack("pcm", lookahead)

    @staticmethod
    def opus(*, lookahead: int = 25) -> FakeTrack:
        return FakeTrack("opus", lookahead)

    @staticmethod
    def native(source: Any, options: Any = None, *, lookahead: int = 25) -> FakeTrack:
        track = FakeTrack("file", lookahead)
        track.error = source.error
        track.frames = [b"f"] * 3
        return track

    @property
    def waiting(self) -> int:
        return len(self.frames)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        with self.changed:
            self.changed.wait_for(condition, timeout)

    def wait_room(self, timeout: float) -> int | None:
        self._wait(lambda: self.end is not None or len(self.frames) < self.lookahead, timeout)
        return None if self.end is not None else self.lookahead - len(self.frames)

    def wait_end(self, timeout: float) -> str | None:
        self._wait(lambda: self.end is not None, timeout)
        return self.end

    def write_pcm(self, pcm: bytes) -> int:
        assert self.kind == "pcm"
        assert len(pcm) % 3840 == 0
        return self._write([pcm[at : at + 3840] for at in range(0, len(pcm), 3840)])

    def write_opus(self, packets: list[bytes]) -> int:
        assert self.kind == "opus"
        return self._write(list(packets))

    def _write(self, frames: list[bytes]) -> int:
        with self.changed:
            if self.end is not None:
                return 0
            self.batches.append(len(frames))
            self.frames += frames
            assert len(self.frames) <= self.lookahead
            self.changed.notify_all()
        return len(frames)

    def finish(self) -> None:
        self.finishing = True

    def end_as(self, end: str) -> None:
        with self.changed:
            if self.end is None:
                self.end = end
            self.changed.notify_all()

    def take(self) -> None:
        with self.changed:
            if self.frames:
                self.frames.pop(0)
                self.frames_sent += 1
            self.changed.notify_all()


class FakeStats:
    """The counters that a connection looks at."""

    def __init__(self) -> None:
        self.packets_sent = self.send_errors = self.withheld = self.underruns = 0


class FakeConnection:
    """Notes the commands; plays when told to."""

    def __init__(self, on_event: Callable[[Any], object]) -> None:
        self.on_event = on_event
        self.commands: list[str] = []
        self.track: FakeTrack | None = None
        self.paused = False
        self.closed = False
        self.opened: list[tuple[str, int, int]] = []
        self.session: tuple[str, bytes] | None = None
        self.packets: list[bytes] = []
        self.ssrcs: dict[int, int] = {}
        self.stats = FakeStats()

    def open(self, host: str, port: int, ssrc: int, *, discovery_timeout: float = 5.0) -> None:
        self.opened.append((host, port, ssrc))
        self.session = None

    def start_session(self, mode: str, secret_key: bytes) -> None:
        self.session = (mode, bytes(secret_key))
        self.commands.append("session")

    def end_session(self) -> None:
        self.session = None
        self.commands.append("session ends")

    def play(self, track: FakeTrack, barge_in: object = None) -> None:
        self.commands.append("play")
        self._end("replaced")
        self.track, self.paused = track, False

    def stop(self) -> None:
        self.commands.append("stop")
        self._end("stopped")

    def pause(self) -> None:
        self.commands.append("pause")
        self.paused = True

    def resume(self) -> None:
        self.commands.append("resume")
        self.paused = False

    def assign_ssrc(self, ssrc: int, user_id: int) -> None:
        self.ssrcs[ssrc] = user_id

    def user_left(self, user_id: int) -> None:
        self.ssrcs = {ssrc: user for ssrc, user in self.ssrcs.items() if user != user_id}

    def send_packet(self, packet: bytes) -> None:
        self.packets.append(packet)

    def close(self) -> None:
        self.closed = True
        self._end("closed")

    def _end(self, end: str) -> None:
        track, self.track = self.track, None
        if track is not None:
            track.end_as(end)
            # Events come on a thread of their own, as they do from the native side.
            threading.Thread(target=self.on_event, args=(FakeTrackEnded(track),), daemon=True).start()

    def step(self, frames: int = 1) -> None:
        """Let ``frames`` slots pass."""
        for _ in range(frames):
            track = self.track
            if track is None or self.paused:
                return
            if track.frames:
                track.take()
            elif track.finishing:
                self._end("finished")

    def play_out(self, limit: float = 5.0) -> None:
        """Let slots pass until what plays is over."""
        wait_until(lambda: self.track is not None, limit)
        track, deadline = self.track, time.monotonic() + limit
        while self.track is track and time.monotonic() < deadline:
            self.step()
            time.sleep(0.0005)
        assert self.track is not track


class FakeDaveSession:
    """A call without end-to-end encryption."""

    def __init__(self, connection: FakeConnection | None, user_id: int, channel_id: int) -> None:
        self.heard: list[tuple[object, ...]] = []

    def session_description(self, version: int) -> list[object]:
        self.heard.append((4, version))
        return []

    def clients_connect(self, user_ids: Sequence[int]) -> list[object]:
        self.heard.append((11, *user_ids))
        return []

    def client_disconnect(self, user_id: int) -> list[object]:
        self.heard.append((13, user_id))
        return []

    def is_brief(self, opcode: int, payload: bytes) -> bool:
        return False

    def take_in(self, opcode: int, payload: bytes, *, more: bool) -> None:
        self.heard.append((opcode, payload))

    def outputs(self) -> list[object]:
        return []


class FakeTrackEnded:
    """The event at the end of a track."""

    def __init__(self, track: FakeTrack) -> None:
        self.track = track
        self.end = track.end


def wait_until(condition: Callable[[], object], limit: float = 5.0) -> None:
    """Wait until ``condition`` holds, and fail if it does not."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        time.sleep(0.001)


def replace_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native module's parts that touch threads and sockets, replaced."""
    monkeypatch.setattr(_native, "Connection", FakeConnection)
    monkeypatch.setattr(_native, "DaveSession", FakeDaveSession)
    monkeypatch.setattr(_native, "Track", FakeTrack)
    monkeypatch.setattr(_native, "TrackEnded", FakeTrackEnded)
    monkeypatch.setattr(_native, "SOURCES", (FakeAudioFile,))
