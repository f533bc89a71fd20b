"""Sound that an asynchronous iterator brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Literal

from ..errors import StreamError
from .stream_source import StreamSource

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PumpedStream(StreamSource):
    """A stream into which an asynchronous iterator is emptied on a loop, and which ends with it.

    Whoever ends the playback closes the iterator: a generator's ``finally`` runs on the loop.
    """

    error: Exception | None
    """What the iterator has raised."""
    _task: asyncio.Task[None] | None

    @classmethod
    def of(
        cls,
        chunks: AsyncIterable[Buffer],
        loop: asyncio.AbstractEventLoop,
        *,
        sample_rate: int,
        channels: int,
        format: Literal["s16", "f32"],
    ) -> PumpedStream:
        """The stream of an iterator whose chunks are of this kind; :meth:`start` begins."""
        stream = cls(sample_rate, channels, format=format)
        stream.error = None
        stream._task = None
        stream._chunks = chunks
        stream._loop = loop
        stream._over = False
        return stream

    _chunks: AsyncIterable[Buffer]
    _loop: asyncio.AbstractEventLoop
    _over: bool

    def start(self) -> None:
        """Begin to empty the iterator; from any thread."""
        self._loop.call_soon_threadsafe(self._begin)

    def cleanup(self) -> None:
        """The playback is over: the iterator is closed."""
        super().cleanup()
        # A loop that is closed runs nothing any more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop)

    def _begin(self) -> None:
        if not self._over:
            self._task = self._loop.create_task(self._pump())

    def _stop(self) -> None:
        self._over = True
        if self._task is not None:
            self._task.cancel()

    async def _pump(self) -> None:
        iterator = aiter(self._chunks)
        try:
            async for chunk in iterator:
                await self.write(chunk)
        except StreamError:
            # Nobody plays it any more.
            pass
        except Exception as error:
            self.error = error
        finally:
            self.finish()
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
