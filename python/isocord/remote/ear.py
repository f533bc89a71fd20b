"""What a seat at a media node brings its bot: what users say, and what leaves the seat's connection itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from .. import _native
from ..hearing.tap import Tap
from .line import Line
from .messages import Heard, ListenerIsOver

_CAPACITY = 4096
_BATCH = 1 << 20
"""Bytes of sound in one message; a longer utterance has one of its own."""
_LOOK = 0.1
"""Seconds between two looks at what has left: nobody is woken for it."""


class Ear:
    """What users say, on its way from a native queue to the bot; from the loop, or from a thread where a loop can watch
    no file.

    Args:
        line: to the bot.
        number: what the bot calls it.
        queue: of frames or utterances.
        own: what leaves the connection, if that is to be brought as well.
    """

    def __init__(self, line: Line, number: int, queue: Any, own: _native.OwnVoice | None) -> None:
        self._about = (line.seat, number)
        self._queue = queue
        self._say = line.speaker()
        self._own = own
        self._timer: asyncio.TimerHandle | None = None
        file = queue.watch(_CAPACITY, newest=False) if hasattr(queue, "watch") else None
        Tap(queue, self, file)
        if own is not None:
            self._look(own)

    def put(self, items: list[Any]) -> None:
        """There is more."""
        dropped: int = getattr(self._queue, "dropped", 0)
        for batch in _batches(items):
            self._say(Heard(*self._about, batch, dropped, self._queue.late))

    def end(self) -> None:
        """No more comes."""
        self._say(ListenerIsOver(*self._about))

    # The gateway thread.

    def close(self) -> None:
        """Nobody listens any more."""
        self.last()
        self._queue.close()

    def last(self) -> None:
        """Nothing leaves any more, and what is heard ends by itself."""
        if self._timer is not None:
            self._timer.cancel()
        own, self._own = self._own, None
        if own is not None:
            self._bring(own)

    def _look(self, own: _native.OwnVoice) -> None:
        self._bring(own)
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look, own)

    def _bring(self, own: _native.OwnVoice) -> None:
        if packets := own.take():
            self.put(list(packets))


def _batches(items: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Frames, news of who speaks, or utterances with their numbers, no more at once than is good for a link."""
    batch: list[Any] = []
    size = 0
    for item in items:
        more = _most_bytes(item)
        if batch and size + more > _BATCH:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield tuple(batch)


def _most_bytes(item: Any) -> int:
    """How much it may be, without a copy of it: 48 kHz of f32."""
    if isinstance(item, tuple):
        _, said = item
        return int(said.end - said.start) * int(said.channels) * 4
    return item.samples * item.channels * 4 if isinstance(item, _native.HeardFrame) else 0
