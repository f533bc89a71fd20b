"""Sound that is written while it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _native

if TYPE_CHECKING:
    from typing_extensions import Buffer


class StreamSource(_native.StreamSource):
    """Sound that is written while it plays: speech as a synthesiser makes it. A source like any other::

        stream = isocord.StreamSource(sample_rate=24_000)
        voice.play(stream)
        async for chunk in synthesiser.speak("Hello"):
            await stream.write(chunk)
        stream.flush()
        await stream.drained()

    It may play for as long as the bot is in the call: nothing is sent while nothing is written, the first frame of what
    comes then leaves in the next slot of 20 ms, and :meth:`clear` ends a turn but not the stream. Chunks are of any
    size and may be cut anywhere, also in the middle of a sample: the rest of it is expected at the beginning of the
    next chunk. It is resampled natively, and no step of its way out needs the GIL.

    Sound that ends because nothing more is there goes out within 2 ms, and comes up within 2.5: silence without a
    click. Unless :meth:`flush` or :meth:`finish` has said that all was written, that is counted in :attr:`starved`.

    All methods may be called from any thread; what is awaited belongs to the running loop of asyncio. One writer at a
    time is meant: pieces of chunks that do not fit at once would mix. It plays once, in one place.

    Args:
        sample_rate: of what is written, 1,000 to 384,000 Hz.
        channels: interleaved, 1 to 64; more than two are mixed down to stereo.
        format: "s16" or "f32", little-endian; floats beyond -1.0 to 1.0 are cut.
        prebuffer: seconds that have to be there for the sound to begin; a frame of 20 ms at least, unless
            :meth:`flush` or :meth:`finish` says that it is all. A writer that is no faster than the sound, with chunks
            that come now early, now late, wants 0.06 or so.
        capacity: seconds that may wait, 0.1 to 600; :meth:`write` waits for room. At most half a second more is on its
            way out already.
        on_starve: what follows when it has run dry. "silence": sound goes on with the first frame that is there.
            "hold": it is held until ``prebuffer`` is there again, so that a slow writer tears no word to pieces.
        volume: 0.0 to 16.0; 1.0 leaves the sound as it is.

    Raises:
        ValueError: an option is out of its range.
    """

    async def write(self, pcm: Buffer) -> None:
        """Write sound: bytes, or a buffer (a NumPy array, say) of bytes or of samples in the stream's format.

        Waits for room. If it is cancelled meanwhile, a part may have been written.

        Raises:
            StreamError: it is finished, or not played any more; also while it waits.
            TypeError: it is no buffer, or one of other samples.
        """
        data = self._bytes(pcm)
        written = self._push(data, 0)
        while written < len(data):
            await self._room(len(data) - written)
            written += self._push(data, written)

    async def drained(self) -> None:
        """Wait until nothing that was written is still to be heard: it has left, or was cleared.

        Raises:
            StreamError: it is not played any more, and not all has left.
        """
        await self._drained()
