"""What users say, on its way from a media node to whoever listens here: what a native queue is for sound that comes
here."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _native
from .messages import Listen, ToSeat

_CAPACITY = 4096
_ON_ITS_WAY = 2.0


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
        self._bell: tuple[int, int] | None = None
        self._lost = self._earlier = self._late = self._earlier_late = self._dropped = 0

    def take(self, max: int, timeout: float) -> list[Any] | None:
        """At most ``max`` items, waiting up to ``timeout`` seconds for the first; None once closed and empty."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout)
            if not self._items:
                return None if self._closed else []
            taken = [self._items.popleft() for _ in range(min(max, len(self._items)))]
            if self._bell is not None and not self._items and not self._closed:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._bell[0], 64)
            return taken

    def watch(self, capacity: int, *, newest: bool) -> int | None:
        """A file that can be read from while :meth:`take` has something to give; None where a loop can watch none."""
        if sys.platform == "win32":
            return None
        with self._changed:
            if self._bell is None:
                self._bell = os.pipe()
                for end in self._bell:
                    os.set_blocking(end, False)
                if self._items or self._closed:
                    self._ring()
            return self._bell[0]

    def _ring(self) -> None:
        self._changed.notify_all()
        if self._bell is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._bell[1], b"!")

    def __del__(self) -> None:
        for end in getattr(self, "_bell", None) or ():
            os.close(end)

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
            self._ring()
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
            self._ring()

    def end(self) -> None:
        """No more comes."""
        with self._changed:
            self._closed = True
            self._ring()


class RelayedRecording:
    """A recording that is written here of what a node hears; to the node it is a listener.

    Args:
        number: what it is called between bot and node.
        recording: takes the frames of all users: whoever is left out may be allowed later.
        own_voice: whether it takes what leaves the connection as well.
    """

    def __init__(self, number: int, recording: _native.Recording, *, own_voice: bool) -> None:
        self.number = number
        self._recording = recording
        self._shape = {"form": recording.form, "own_voice": own_voice}
        self._over_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is recorded, not even what is still on its way."""
        if not self._recording.is_over:
            return False
        now = time.monotonic()
        self._over_at = self._over_at or now
        return now - self._over_at > _ON_ITS_WAY

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
        return _native.SpeakingChanged(item.user_id, item.speaking, max(0, item.position + shift))
    if isinstance(item, tuple):
        number, said = item
        times = (
            max(0, said.start + shift),
            max(0, said.end + shift),
            said.captured,
            said.ended,
            said.sample_rate,
            said.channels,
        )
        return number, _native.Utterance(said.user_id, said.pcm, *times)
    return _native.HeardFrame(
        item.user_id,
        max(0, item.position + shift),
        item.samples,
        item.kind,
        item.data,
        sample_rate=item.sample_rate,
        channels=item.channels,
        level=item.level,
        speech=item.speech,
        received_ns=item.received_ns,
        captured=item.captured,
    )
