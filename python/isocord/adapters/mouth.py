"""What the adapters speak with: a stream that is written to no further ahead than is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..desk.stream_source import StreamSource
from ..errors import StreamError

if TYPE_CHECKING:
    from typing import Any

    Samples = bytes | memoryview[int]

_PIECE = 1.0
"""Seconds that are written in one go; a stream has room for more."""


class Mouth:
    """Speaks for as long as the bot is in the call. All of it belongs to one loop.

    Args:
        play: has a source heard: ``voice.play``, or ``mixer.play``.
        sample_rate: of what is said, in Hz.
        channels: of it, 1 or 2.
        ahead: seconds that may be written before they are heard.
    """

    def __init__(self, play: Callable[[StreamSource], object], sample_rate: int, channels: int, ahead: float) -> None:
        self._play = play
        self._rate, self._channels, self._ahead = sample_rate, channels, ahead
        self._stream: StreamSource | None = None
        self._earlier = 0.0
        self._paused = False
        self._cleared: asyncio.Future[None] | None = None

    @property
    def heard(self) -> float:
        """Seconds of all that was said that have left, exact to the frame."""
        return self._earlier + (self._stream.played if self._stream is not None else 0.0)

    @property
    def said(self) -> float:
        """Seconds of all that was said, heard or not; without what was cleared."""
        return self.heard + (self._stream.unheard if self._stream is not None else 0.0)

    def open(self) -> None:
        """Begin to play, unless it has begun.

        Raises:
            ClientError: the bot is not connected, or plays something else.
        """
        if self._stream is not None:
            return
        stream = StreamSource(self._rate, self._channels)
        if self._paused:
            stream.pause()
        self._play(stream)
        self._stream = stream

    def close(self) -> None:
        """Say no more; what was written is heard to its end, and what is said next begins anew."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._earlier += stream.played
            stream.finish()

    async def say(self, pcm: Samples, channels: int) -> bool:
        """Write samples of 16 bits, and wait until no more than ``ahead`` is unheard.

        Returns:
            Whether it will be heard: False if it was cleared while it waited.

        Raises:
            ClientError: the bot is not connected, or plays something else.
            StreamError: the bot has stopped it; what is said next will be heard.
        """
        before = self._stream
        if before is not None and not _plays(before):
            self.close()
            if before.unheard > 0:
                raise StreamError("what played the stream is over")
        self.open()
        stream = self._stream
        assert stream is not None
        try:
            return await self._write(stream, as_channels(pcm, channels, self._channels))
        except StreamError:
            self.close()
            raise

    async def _write(self, stream: StreamSource, samples: Any) -> bool:
        cleared = self._when_cleared()
        piece = round(_PIECE * self._rate) * self._channels
        for at in range(0, len(samples), piece):
            stream.write_nowait(samples[at : at + piece])
            if stream.unheard > self._ahead:
                await self._pace(stream, cleared)
            if cleared.done():
                return False
        return True

    async def _pace(self, stream: StreamSource, cleared: asyncio.Future[None]) -> None:
        # It fails as soon as the stream is over.
        drained = asyncio.ensure_future(stream.drained())
        try:
            while not cleared.done() and not drained.done() and (ahead := stream.unheard - self._ahead) > 0:
                await asyncio.wait([cleared, drained], timeout=ahead, return_when=asyncio.FIRST_COMPLETED)
            if drained.done():
                drained.result()
        finally:
            drained.cancel()

    def flush(self) -> None:
        """That was all for now."""
        if self._stream is not None:
            self._stream.flush()

    async def drained(self) -> None:
        """Wait until all was heard, or until what was cleared has ended: :attr:`heard` is exact then.

        Raises:
            StreamError: the bot has stopped it.
        """
        if self._stream is not None:
            await self._stream.drained()

    def clear(self) -> float:
        """Forget what has not left, and who waits for that; gives how many seconds nobody heard."""
        unheard = self._stream.clear() if self._stream is not None else 0.0
        if self._cleared is not None:
            self._cleared.set_result(None)
            self._cleared = None
        return unheard

    def pause(self) -> None:
        """Hold the sound from the next frame on."""
        self._paused = True
        if self._stream is not None:
            self._stream.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._paused = False
        if self._stream is not None:
            self._stream.resume()

    def _when_cleared(self) -> asyncio.Future[None]:
        if self._cleared is None:
            self._cleared = asyncio.get_running_loop().create_future()
        return self._cleared


def as_channels(pcm: Samples, given: int, wanted: int) -> Any:
    """Interleaved samples of 16 bits with another number of channels, 1 or 2."""
    samples = np.frombuffer(pcm, "<i2")
    if given == wanted:
        return samples
    if given == 1:
        return np.repeat(samples, wanted)
    return samples.reshape(-1, given).mean(axis=1).astype("<i2").repeat(wanted)


def _plays(stream: StreamSource) -> bool:
    """Whether somebody plays it, or will."""
    try:
        stream.write_nowait(b"")
    except StreamError:
        return False
    return True
