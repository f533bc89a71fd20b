"""A track that is made here, natively, and whose frames leave at a media node: of a file, a queue, a mixer and whatever
else plays without Python's help.

Frames are made as far ahead as for a track that leaves here, and sent there; what changes until they leave is made
anew and sent again (``rust/io/src/play/relay.rs``). So a node knows nothing of queues and filters, and one that is lost
takes nothing along.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from .. import _native
from ..runtime.handover import weak_handler
from .messages import ForgetTrack, Made, Progress, ToSeat, Track, TrackIsOver

Post = Callable[[Callable[[int], "ToSeat | None"]], object]


class MadeTrack:
    """One track.

    Args:
        number: what it is called between bot and node.
        post: hands a message over to the gateway thread, to be sent if there is a node.
        source: what plays.
        options: how it is encoded.
        lookahead: frames that are made ahead.

    Raises:
        AudioFileError: the source is closed, or plays already.
        ValueError: ``lookahead`` is out of its range.
    """

    def __init__(
        self,
        number: int,
        post: Post,
        source: _native.Playable,
        options: _native.EncoderOptions | None,
        *,
        lookahead: int,
    ) -> None:
        self.number = number
        self._post = post
        self._room = _native.Relay.capacity(lookahead)
        self._track = _native.Track.native(source, options, lookahead=lookahead)
        self._turn = -1
        self._underruns = 0
        self._error: Exception | None = None
        self._interrupted: tuple[int, int, float, float] | None = None
        self._relay = _native.Relay(self._track, lookahead, weak_handler(weakref.WeakMethod(self._shown)))

    # What a player uses.

    def configure(self, options: _native.EncoderOptions) -> None:
        """Encode with these options what has not left."""
        self._track.configure(options)

    @property
    def error(self) -> Exception | None:
        """What ended it early."""
        return self._error or self._track.error

    @property
    def end(self) -> str | None:
        """How it ended, or None."""
        return self._track.end

    @property
    def interrupted(self) -> tuple[int, int, float, float] | None:
        """See :attr:`isocord._native.Track.interrupted`."""
        return self._interrupted

    @property
    def frames_sent(self) -> int:
        """Frames that have left, as far as the node has told."""
        return self._track.frames_sent

    @property
    def waiting(self) -> int:
        """Frames that wait to leave."""
        return self._track.waiting

    @property
    def underruns(self) -> int:
        """Slots that found no frame while one was due."""
        return self._underruns

    def hold(self) -> None:
        """It is paused: the node is told what is the last to leave."""
        self._relay.hold()

    def go_on(self) -> None:
        """It goes on: the node is told with what."""
        self._relay.go_on()

    # The gateway thread.

    def begin(self, seat: int) -> list[ToSeat]:
        """All that a node that knows nothing of it has to be told; frames follow."""
        self._turn = self._relay.begin()
        return [Track(seat, self.number, True, None, self._room)]

    def progress(self, told: Progress | TrackIsOver) -> None:
        """The node tells how far it is."""
        self._underruns = told.underruns
        moves, late = (told.moves, told.late) if isinstance(told, Progress) else (False, 0)
        self._relay.note_left(told.sent, moves, late)

    def is_over(self, told: TrackIsOver) -> None:
        """The node tells that it ended."""
        self.progress(told)
        self._interrupted = told.interrupted
        self.ended(cast("_native.TrackEnd", told.end), told.error)

    def ended(self, end: _native.TrackEnd, error: Exception | None = None) -> None:
        """It is over; the first word counts."""
        if self.end is None:
            self._error = error
        self._relay.end(end)

    def _message(self, turn: int, first: int, more: tuple[Any, ...], seat: int) -> Made | None:
        # What was meant for an earlier node counts from another frame on.
        return Made(seat, self.number, first, *more) if turn == self._turn else None

    # The thread of the relays.

    def _shown(self, turn: int, first: int, frames: list[bytes], rests: bool, is_all: bool) -> None:
        self._post(partial(self._message, turn, first, (tuple(frames), rests, is_all)))

    def __del__(self) -> None:
        # Its making may have failed half-way.
        if hasattr(self, "_relay") and self.end is None:
            number, post = self.number, self._post
            post(lambda seat: ForgetTrack(seat, number))
