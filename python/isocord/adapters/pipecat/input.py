"""The transport's ears: what users say, as frames for the pipeline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import CancelFrame, EndFrame, StartFrame, UserAudioRawFrame
from pipecat.transports.base_input import BaseInputTransport

from ... import _native

if TYPE_CHECKING:
    from ...hearing.listening import Listening
    from .params import DiscordParams
    from .transport import DiscordTransport


class DiscordInput(BaseInputTransport):
    """Hears; :meth:`DiscordTransport.input` makes it."""

    def __init__(self, transport: DiscordTransport, params: DiscordParams, **options: Any) -> None:
        super().__init__(params, **options)
        self._transport = transport
        self._listening: Listening[Any] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole."""
        return self._listening.late if self._listening is not None else 0

    @property
    def dropped(self) -> int:
        """Frames for which the loop was too slow."""
        return self._listening.dropped if self._listening is not None else 0

    async def start(self, frame: StartFrame) -> None:
        """Begin to hear, and to tell who is there."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        if not self._tasks:
            self._tasks = [self.create_task(follow()) for follow in self._transport.followers()]
        if self._params.audio_in_stream_on_start:
            await self._start_audio_in_streaming()

    async def stop(self, frame: EndFrame) -> None:
        """Hear no more; the bot stays in the channel."""
        await super().stop(frame)
        await self._end()

    async def cancel(self, frame: CancelFrame) -> None:
        """Hear no more; the bot stays in the channel."""
        await super().cancel(frame)
        await self._end()

    async def cleanup(self) -> None:
        """Hear no more, whatever has happened."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._end()

    async def _start_audio_in_streaming(self) -> None:
        if self._listening is None and self._params.audio_in_enabled:
            self._listening = self._transport.listen(self.sample_rate, self._params.audio_in_channels)
            self._tasks.append(self.create_task(self._hear(self._listening)))

    async def _hear(self, listening: Listening[Any]) -> None:
        speaker = ""
        async for item in listening:
            if isinstance(item, _native.HeardFrame):
                frame = UserAudioRawFrame(
                    # In a mixdown it is whoever began to speak last.
                    user_id=str(item.user_id) if item.user_id else speaker,
                    audio=item.data,
                    sample_rate=item.sample_rate,
                    num_channels=item.channels,
                )
                await self.push_audio_frame(frame)
            elif item.speaking:
                speaker = str(item.user_id)
                await self._transport.tell("on_active_speaker_changed", {"id": speaker})

    async def _end(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            await self.cancel_task(task)
        if self._listening is not None:
            self._listening.close()
