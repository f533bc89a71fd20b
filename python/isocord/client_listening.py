"""The listening part of :class:`isocord.VoiceClient`: what users say, live."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from . import _native
from .errors import ClientError, ClosedError

if TYPE_CHECKING:
    from .connection import VoiceConnection
    from .hosts import Host
    from .sinks.recording import FrameSource

Drop = Literal["oldest", "newest"]

_TAKE_LIMIT = 256
_TAKE_SECONDS = 0.5
_EVENTS_PER_FRAME = 4


class ListeningSurface:
    """Hears; see :class:`isocord.VoiceClient`."""

    _host: Host
    _connection: VoiceConnection | None

    def is_connected(self) -> bool:
        """Whether sound can leave."""
        raise NotImplementedError

    def listen(
        self,
        *,
        users: Iterable[Any] = (),
        speaking: bool = False,
        opus: bool = False,
        capacity: int = 500,
        drop: Drop = "oldest",
    ) -> Listening:
        """Hear what users say: ``async for frame in voice.listen(): ...``

        Frames are :class:`isocord.HeardFrame`: one user's s16le stereo at 48 kHz, with its place on the clock that all
        users share; where nobody speaks, nothing comes. It goes on over reconnects and moves, and ends with the
        connection or :meth:`Listening.close`. Several may listen at once.

        Args:
            users: members, users or ids to listen to; all if empty.
            speaking: whether :class:`isocord.SpeakingChanged` comes as well when users begin and cease to speak.
            opus: Opus packets as they came instead of decoded sound.
            capacity: frames that may wait for the loop, of all users, 1 to 100,000; 50 are a second of one user.
            drop: which frame goes if no more may wait.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
            ValueError: an option is out of its range.
        """
        if not 1 <= capacity <= 100_000:
            raise ValueError("capacity must be 1 to 100,000 frames")
        if drop not in ("oldest", "newest"):
            raise ValueError('drop must be "oldest" or "newest"')
        wanted = frozenset(int(getattr(user, "id", user)) for user in users)
        connection = self._connection
        if connection is None or not self.is_connected():
            raise self._host.error(ClientError, "Not connected to voice")
        try:
            frames = connection.native.listen(opus=opus)
        except ClosedError as error:
            raise self._host.error(ClientError, "Not connected to voice") from error
        return Listening(frames, users=wanted, speaking=speaking, capacity=capacity, drop=drop)

    @property
    def receive_stats(self) -> _native.ReceiveStats:
        """Counters of what the present connection received, in all and of each user.

        Raises:
            ClientError: ``connect`` has not been called.
        """
        if self._connection is None:
            raise self._host.error(ClientError, "Not connected to voice")
        return self._connection.native.receive_stats


class Listening:
    """What users say, as an asynchronous iterator for one task; :meth:`VoiceClient.listen` makes it.

    It is an asynchronous context manager, too. One that is forgotten closes itself.
    """

    def __init__(
        self, frames: FrameSource, *, users: frozenset[int], speaking: bool, capacity: int, drop: Drop
    ) -> None:
        self._frames = frames
        self._waiting = _Waiting(users, speaking=speaking, capacity=capacity, drop=drop)
        # The thread must not know the iterator: that could then never be forgotten.
        threading.Thread(target=_pump, args=(frames, self._waiting), name="isocord-listen", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Frames that found no room."""
        return self._waiting.dropped + self._frames.dropped

    def close(self) -> None:
        """Stop listening; what waits can still be read. Idempotent."""
        self._frames.close()

    def __aiter__(self) -> Listening:
        return self

    async def __anext__(self) -> _native.HeardFrame | _native.SpeakingChanged:
        item: _native.HeardFrame | _native.SpeakingChanged | None = await self._waiting.get()
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> Listening:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Its making may have failed half-way.
        if hasattr(self, "_frames"):
            self._frames.close()


class _Waiting:
    """A bounded queue from one thread to one task. Speaking events are kept while frames are dropped."""

    def __init__(self, users: frozenset[int], *, speaking: bool, capacity: int, drop: Drop) -> None:
        self._users, self._speaking, self._capacity, self._drop = users, speaking, capacity, drop
        self._lock = threading.Lock()
        self._items: deque[Any] = deque()
        self._frames = 0
        self._ended = False
        self._reader: asyncio.Future[None] | None = None
        self.dropped = 0

    def put(self, items: list[Any]) -> None:
        with self._lock:
            for item in items:
                if not self._users or item.user_id in self._users:
                    self._put(item)
            reader = self._reader if self._items else None
        _wake(reader)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            reader = self._reader
        _wake(reader)

    async def get(self) -> Any:
        """The next item, or None after the end."""
        while True:
            with self._lock:
                if self._reader is not None:
                    raise RuntimeError("another task reads from it already")
                if self._items:
                    item = self._items.popleft()
                    self._frames -= not _is_event(item)
                    return item
                if self._ended:
                    return None
                reader = self._reader = asyncio.get_running_loop().create_future()
            try:
                await reader
            finally:
                with self._lock:
                    self._reader = None

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


def _pump(frames: FrameSource, waiting: _Waiting) -> None:
    try:
        while (items := frames.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            if items:
                waiting.put(items)
    finally:
        waiting.end()


def _is_event(item: object) -> bool:
    return hasattr(item, "speaking")


def _wake(reader: asyncio.Future[None] | None) -> None:
    if reader is not None:
        # The loop may be closed already.
        with contextlib.suppress(RuntimeError):
            reader.get_loop().call_soon_threadsafe(_resolve, reader)


def _resolve(reader: asyncio.Future[None]) -> None:
    if not reader.done():
        reader.set_result(None)
