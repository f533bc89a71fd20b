"""What users say, in one piece: from the native queue, which cuts it, to a task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .. import _native
from .waiting import Waiting, wake

if TYPE_CHECKING:
    from typing_extensions import Self

_TAKE_LIMIT = 256
_TAKE_SECONDS = 0.1

_Item = TypeVar("_Item", bound="_native.Utterance | PartialUtterance")


class UtteranceSource(Protocol):
    """The part of :class:`isocord._native.UtteranceQueue` that is used."""

    def take(self, max: int, timeout: float, /) -> list[tuple[int, _native.Utterance]] | None: ...
    @property
    def late(self) -> int: ...
    def close(self) -> None: ...


class Utterances(Generic[_Item]):
    """What users say, each utterance in one piece, as an asynchronous iterator for one task.

    :meth:`.VoiceClient.utterances` makes it. It is an asynchronous context manager, too. One that is forgotten closes
    itself.
    """

    def __init__(self, source: UtteranceSource, *, partial: bool, capacity: int) -> None:
        self._source = source
        self._waiting: Waiting[Any] = Waiting(capacity)
        # The thread must not know the iterator: that could then never be forgotten.
        pump = _pump_partial if partial else _pump
        threading.Thread(target=pump, args=(source, self._waiting), name="isocord-listen", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Utterances that found no room: the oldest goes."""
        return self._waiting.dropped

    @property
    def late(self) -> int:
        """Frames of 20 ms that came too late to be heard whole, or found no room."""
        return self._source.late

    def close(self) -> None:
        """Stop listening: what is being said ends here, and what waits can still be read. Idempotent."""
        self._source.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Item:
        item: _Item | None = await self._waiting.get()
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Its making may have failed half-way.
        if hasattr(self, "_source"):
            self._source.close()


class PartialUtterance:
    """What a user is saying: ``async for`` gives its sound as it comes, ``await`` the whole :class:`isocord.Utterance`.

    Several tasks may await it, one at a time may iterate; iterating begins with what was said before.
    """

    def __init__(self, first: _native.Utterance) -> None:
        self._first = first
        self._lock = threading.Lock()
        self._parts = [first]
        self._given = 0
        self._readers: set[asyncio.Future[None]] = set()
        self._whole: _native.Utterance | None = None

    @property
    def user_id(self) -> int:
        """Whose."""
        return self._first.user_id

    @property
    def start(self) -> int:
        """Place of its first sample on the clock that all users share, in samples of 48 kHz."""
        return self._first.start

    @property
    def captured(self) -> float:
        """When its first sample was spoken, as ``time.time()`` tells time."""
        return self._first.captured

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self._first.sample_rate

    @property
    def channels(self) -> int:
        """1 or 2."""
        return self._first.channels

    @property
    def ended(self) -> str | None:
        """Why it is over, see :attr:`isocord.Utterance.ended`; None while it goes on."""
        return self._parts[-1].ended

    def __repr__(self) -> str:
        return f"<PartialUtterance user_id={self.user_id} start={self.start} {self.ended or 'going on'}>"

    def __aiter__(self) -> PartialUtterance:
        return self

    async def __anext__(self) -> bytes:
        while True:
            with self._lock:
                fresh = self._parts[self._given :]
                self._given += len(fresh)
                is_over = self._parts[-1].ended is not None
            pcm = b"".join(part.pcm for part in fresh)
            if pcm:
                return pcm
            if is_over:
                raise StopAsyncIteration
            await self._more(self._given)

    def __await__(self) -> Generator[Any, None, _native.Utterance]:
        return self._end().__await__()

    async def _end(self) -> _native.Utterance:
        # Counted before it is looked at: nothing follows the last part, which may come in between.
        known = len(self._parts)
        while self.ended is None:
            await self._more(known)
            known = len(self._parts)
        if self._whole is None:
            last = self._parts[-1]
            pcm = b"".join(part.pcm for part in self._parts)
            self._whole = _native.Utterance(
                self.user_id, pcm, self.start, last.end, self.captured, last.ended, self.sample_rate, self.channels
            )
        return self._whole

    async def _more(self, known: int) -> None:
        """Wait until there are more than so many parts."""
        reader = asyncio.get_running_loop().create_future()
        with self._lock:
            if len(self._parts) > known:
                return
            self._readers.add(reader)
        try:
            await reader
        finally:
            with self._lock:
                self._readers.discard(reader)

    def add(self, part: _native.Utterance) -> None:
        """Take the next part, on the thread that listens."""
        with self._lock:
            self._parts.append(part)
            readers = list(self._readers)
        for reader in readers:
            wake(reader)


def _pump(source: UtteranceSource, waiting: Waiting[_native.Utterance]) -> None:
    try:
        while (parts := source.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            if parts:
                waiting.put([utterance for _, utterance in parts])
    finally:
        waiting.end()


def _pump_partial(source: UtteranceSource, waiting: Waiting[PartialUtterance]) -> None:
    going: dict[int, PartialUtterance] = {}
    try:
        while (parts := source.take(_TAKE_LIMIT, _TAKE_SECONDS)) is not None:
            for number, part in parts:
                utterance = going.get(number)
                if utterance is None:
                    utterance = going[number] = PartialUtterance(part)
                    waiting.put([utterance])
                else:
                    utterance.add(part)
                if part.ended is not None:
                    del going[number]
    finally:
        waiting.end()
