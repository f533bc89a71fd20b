"""What users say, on its way from a media node to whoever listens here: what a native queue is for sound that comes
here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _native
from .messages import Listen, ToSeat

_CAPACITY = 4096


class RemoteListener:
    """One listener: of frames, or of utterances with their numbers.

    Args:
        number: what it is called between bot and node.
        forget: called once, from any thread, when nobody listens any more.
        utterances: whether what is said is cut.
        shape: what the native side is asked for.
    """

    def __init__(
        self, number: int, forget: Callable[[int], object], *, utterances: bool, shape: dict[str, Any]
    ) -> None:
        self.number = number
        self._forget = forget
        self._utterances = utterances
        self._shape = shape
        self._changed = threading.Condition()
        self._items: deque[Any] = deque()
        self._closed = False
        self._lost = self._earlier = self._late = self._earlier_late = self._dropped = 0

    def take(self, max: int, timeout: float) -> list[Any] | None:
        """At most ``max`` items, waiting up to ``timeout`` seconds for the first; None once closed and empty."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout)
            if not self._items:
                return None if self._closed else []
            return [self._items.popleft() for _ in range(min(max, len(self._items)))]

    def watch(self, capacity: int, *, newest: bool) -> int | None:
        """There is no file to watch: a thread waits."""
        return None

    @property
    def dropped(self) -> int:
        """Items that found no room, here or at the node."""
        return self._lost + self._earlier + self._dropped

    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole."""
        return self._earlier_late + self._late

    def close(self) -> None:
        """Listen no more; what waits can still be taken."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._forget(self.number)

    # The gateway thread.

    def begin(self, seat: int) -> ToSeat:
        """What a node is told that knows nothing of it."""
        self._earlier, self._dropped = self._earlier + self._dropped, 0
        self._earlier_late, self._late = self._earlier_late + self._late, 0
        return Listen(seat, self.number, self._utterances, self._shape)

    def heard(self, items: tuple[Any, ...], dropped: int, late: int, shift: int) -> None:
        """The node brings more; its clock is ``shift`` samples behind this one."""
        with self._changed:
            self._dropped, self._late = dropped, late
            for item in map(partial(placed, shift), items):
                if len(self._items) >= _CAPACITY:
                    self._lost += 1
                else:
                    self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """No more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class RelayedRecording:
    """A recording that is written here of what a node hears; to the node it is a listener.

    Args:
        number: what it is called between bot and node.
        recording: takes the frames.
        users: who is recorded; all if None.
    """

    def __init__(self, number: int, recording: _native.Recording, users: frozenset[int] | None) -> None:
        self.number = number
        self._recording = recording
        self._shape = {"form": recording.form, "users": users}

    @property
    def is_over(self) -> bool:
        """Whether nothing more is recorded."""
        return self._recording.is_over

    def begin(self, seat: int) -> ToSeat:
        """What a node is told that knows nothing of it."""
        return Listen(seat, self.number, False, self._shape)

    def heard(self, items: tuple[Any, ...], dropped: int, late: int, shift: int) -> None:
        """The node brings more; its clock is ``shift`` samples behind this one."""
        self._recording.hear([item for item in items if isinstance(item, _native.HeardFrame)], shift)

    def end(self) -> None:
        """No more comes."""
        self._recording.hear_no_more()


def placed(shift: int, item: Any) -> Any:
    """A frame, news of who speaks, or an utterance with its number, ``shift`` samples later."""
    if isinstance(item, _native.SpeakingChanged):
        return _native.SpeakingChanged(item.user_id, item.speaking, item.position + shift)
    if isinstance(item, tuple):
        number, said = item
        times = (said.start + shift, said.end + shift, said.captured, said.ended, said.sample_rate, said.channels)
        return number, _native.Utterance(said.user_id, said.pcm, *times)
    return item.later(shift)
