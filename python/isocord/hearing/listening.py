"""Those who listen live: what users say, on its way from the native queue to a task or to a function."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from .. import _native
from .waiting import Waiting

if TYPE_CHECKING:
    from .recording.sink_recording import FrameSource

_log = logging.getLogger(__name__)

Drop = Literal["oldest", "newest"]
_Item = TypeVar("_Item", bound="_native.HeardFrame | _native.SpeakingChanged")

_TAKE_LIMIT = 256
_TAKE_SECONDS = 0.1
_EVENTS_PER_FRAME = 4


class Listening(Generic[_Item]):
    """What users say, as an asynchronous iterator for one task; :meth:`.VoiceClient.listen` makes it.

    It is an asynchronous context manager, too. One that is forgotten closes itself.
    """

    def __init__(self, frames: FrameSource, *, speaking: bool, capacity: int, drop: Drop) -> None:
        self._frames = frames
        self._waiting = _Frames(speaking=speaking, capacity=capacity, drop=drop)
        # The thread must not know the iterator: that could then never be forgotten.
        threading.Thread(target=_pump, args=(frames, self._waiting), name="isocord-listen", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Frames that found no room."""
        return self._waiting.dropped + self._frames.dropped

    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole: for the mixdown, or after silence stood in their place."""
        return self._frames.late

    def close(self) -> None:
        """Stop listening; what waits can still be read. Idempotent."""
        self._frames.close()

    def __aiter__(self) -> Listening[_Item]:
        return self

    async def __anext__(self) -> _Item:
        item: _Item | None = await self._waiting.get()
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> Listening[_Item]:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Its making may have failed half-way.
        if hasattr(self, "_frames"):
            self._frames.close()


class CallbackListening:
    """Calls a function with what users say, on the thread ``isocord-listen``; see :meth:`.VoiceClient.listen_with`.

    It goes on until it is closed, the function raises, or the connection ends.
    """

    def __init__(self, frames: FrameSource, callback: Callable[[Any], object], *, speaking: bool) -> None:
        self._frames = frames
        self._callback = callback
        self._speaking = speaking
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="isocord-listen", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Frames that found no room."""
        return self._frames.dropped

    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole: see :attr:`.Listening.late`."""
        return self._frames.late

    @property
    def is_over(self) -> bool:
        """Whether the function will not be called again."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """Stop listening: from now on no call begins, whatever waits. One that has begun goes on. Idempotent."""
        self._closed = True
        self._frames.close()

    def __enter__(self) -> CallbackListening:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            # What waits when it is closed is taken all the same: then the queue is given back.
            while (items := self._frames.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
                for item in items:
                    if self._closed:
                        break
                    if self._speaking or not _is_event(item):
                        self._callback(item)
        except Exception:
            _log.exception("What listens to the call failed")
        finally:
            self._frames.close()


class _Frames(Waiting[Any]):
    """Frames and news of who speaks. News are kept while frames are dropped."""

    def __init__(self, *, speaking: bool, capacity: int, drop: Drop) -> None:
        super().__init__(capacity)
        self._speaking, self._drop = speaking, drop
        self._frames = 0

    def _take(self) -> Any:
        item = super()._take()
        self._frames -= not _is_event(item)
        return item

    def _put(self, item: Any) -> None:
        if _is_event(item):
            if self._speaking and len(self._items) < self._capacity * (1 + _EVENTS_PER_FRAME):
                self._items.append(item)
            return
        if self._frames >= self._capacity:
            self.dropped += 1
            if self._drop == "newest":
                return
            oldest = next(at for at, waiting in enumerate(self._items) if not _is_event(waiting))
            del self._items[oldest]
            self._frames -= 1
        self._items.append(item)
        self._frames += 1


def _pump(frames: FrameSource, waiting: _Frames) -> None:
    try:
        while (items := frames.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            if items:
                waiting.put(items)
    finally:
        waiting.end()


def _is_event(item: object) -> bool:
    return hasattr(item, "speaking")
