"""A track whose frames leave at a media node: what :class:`isocord._native.Track` is for one that leaves here.

A feeder thread writes, the gateway thread sends and hears how far it is. Frames that have not left are kept, so that
another node can go on with them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _native
from ..errors import OpusError
from .messages import Configure, FinishTrack, ForgetTrack, Frames, Progress, ToSeat, Track, TrackIsOver

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PCM_FRAME = 3840
_MAX_PACKET = 1275


def plain(options: _native.EncoderOptions) -> dict[str, Any]:
    """Encoder options as values that pickle."""
    names = ("application", "bitrate", "fec", "expected_packet_loss", "bandwidth", "signal_type", "complexity")
    return {name: getattr(options, name) for name in names}


def sendable(packet: Buffer) -> bytes:
    """An Opus packet that can be sent.

    Raises:
        OpusError: it is empty or over 1,275 bytes.
    """
    data = bytes(memoryview(packet))
    if not 0 < len(data) <= _MAX_PACKET:
        raise OpusError(f"an Opus packet of {len(data)} bytes cannot be sent")
    return data


class RemoteTrack:
    """One track.

    Args:
        number: what it is called between bot and node.
        post: hands a message over to the gateway thread, to be sent if there is a node.
        opus: whether it is fed with Opus packets.
        options: how PCM is encoded.
        lookahead: frames that may be on their way.
    """

    def __init__(
        self,
        number: int,
        post: Callable[[Callable[[int], ToSeat]], object],
        *,
        opus: bool,
        options: _native.EncoderOptions | None,
        lookahead: int,
    ) -> None:
        if not 1 <= lookahead <= 1000:
            raise ValueError("lookahead must be 1 to 1000 frames")
        self.number = number
        self._post = post
        self._opus = opus
        self._options = None if options is None else plain(options)
        self._lookahead = lookahead
        self._changed = threading.Condition()
        self._kept: deque[bytes] = deque()
        self._finished = False
        self._earlier = self._sent = self._written = self._underruns = 0
        self._end: str | None = None
        self._error: Exception | None = None
        self._interrupted: tuple[int, int, float, float] | None = None

    # What a feeder and a player use.

    def configure(self, options: _native.EncoderOptions) -> None:
        """Encode with these options what is not encoded yet."""
        with self._changed:
            self._options = given = plain(options)
        self._post(lambda seat: Configure(seat, self.number, given))

    def wait_room(self, timeout: float) -> int | None:
        """Wait until there is room for half of ``lookahead``, of which no more are on their way: who writes as soon as
        there is any would send a message for each frame or two."""
        enough = max(1, self._lookahead // 2)
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._end is None:
                if (room := self._lookahead - (self._written - self._sent)) >= enough:
                    return room
                left = deadline - time.monotonic()
                if left <= 0:
                    return 0
                self._changed.wait(left)
            return None

    def write_pcm(self, pcm: Buffer) -> int:
        """Queue whole frames of 3,840 bytes; a short last one is padded."""
        data = bytes(memoryview(pcm))
        count = -(-len(data) // _PCM_FRAME)
        data = data.ljust(count * _PCM_FRAME, b"\0")
        return self._write([data[at : at + _PCM_FRAME] for at in range(0, len(data), _PCM_FRAME)])

    def write_opus(self, packets: Sequence[Buffer]) -> int:
        """Queue Opus packets of 20 ms.

        Raises:
            OpusError: a packet is empty or over 1,275 bytes.
        """
        return self._write([sendable(packet) for packet in packets])

    def finish(self) -> None:
        """No more frames will come."""
        with self._changed:
            if self._finished:
                return
            self._finished = True
        self._post(lambda seat: FinishTrack(seat, self.number))

    def wait_end(self, timeout: float) -> str | None:
        """Wait until it is over; None after ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._end is not None, timeout)
            return self._end

    def hold(self) -> None:
        """The node pauses it."""

    def go_on(self) -> None:
        """The node lets it go on."""

    @property
    def error(self) -> Exception | None:
        """What ended it early."""
        return self._error

    @property
    def end(self) -> str | None:
        """How it ended, or None."""
        return self._end

    @property
    def interrupted(self) -> tuple[int, int, float, float] | None:
        """See :attr:`isocord._native.Track.interrupted`."""
        return self._interrupted

    @property
    def frames_sent(self) -> int:
        """Frames that have left, as far as the node has told: it tells every tenth of a second."""
        return self._earlier + self._sent

    @property
    def waiting(self) -> int:
        """Frames that wait to leave."""
        return self._written - self._sent

    @property
    def underruns(self) -> int:
        """Slots that found no frame while one was due."""
        return self._underruns

    def _write(self, frames: list[bytes]) -> int:
        with self._changed:
            if self._end is not None or self._finished:
                return 0
            taken = tuple(frames[: max(0, self._lookahead - (self._written - self._sent))])
            self._written += len(taken)
            self._kept.extend(taken)
        if taken:
            self._post(lambda seat: Frames(seat, self.number, taken))
        return len(taken)

    # The gateway thread.

    def begin(self, seat: int) -> list[ToSeat]:
        """All that a node that knows nothing of it has to be told."""
        with self._changed:
            self._earlier += self._sent
            self._sent = 0
            self._written = len(self._kept)
            told: list[ToSeat] = [Track(seat, self.number, self._opus, self._options, self._lookahead)]
            if self._kept:
                told.append(Frames(seat, self.number, tuple(self._kept)))
            if self._finished:
                told.append(FinishTrack(seat, self.number))
            return told

    def progress(self, told: Progress | TrackIsOver) -> None:
        """The node tells how far it is."""
        with self._changed:
            for _ in range(told.sent - self._sent):
                if self._kept:
                    self._kept.popleft()
            self._sent, self._underruns = told.sent, told.underruns
            self._changed.notify_all()

    def is_over(self, told: TrackIsOver) -> None:
        """The node tells that it ended."""
        self.progress(told)
        self._interrupted = told.interrupted
        self.ended(told.end, told.error)

    def ended(self, end: str, error: Exception | None = None) -> None:
        """It is over; whoever waits is told. The first word counts."""
        with self._changed:
            if self._end is None:
                self._error, self._end = error, end
                self._kept.clear()
            self._changed.notify_all()

    def __del__(self) -> None:
        # Its making may have failed half-way.
        if hasattr(self, "_interrupted") and self._end is None:
            number, post = self.number, self._post
            post(lambda seat: ForgetTrack(seat, number))
