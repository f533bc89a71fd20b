"""The transport's mouth: what the pipeline says, and how much of it was heard."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    MetricsFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.transports.base_output import BaseOutputTransport

from ...errors import StreamError
from ..mouth import Mouth

if TYPE_CHECKING:
    from .params import DiscordParams
    from .transport import DiscordTransport

_DRAIN = 10.0
"""Seconds that the end of what was said is waited for at most: somebody may have paused it."""


class DiscordOutput(BaseOutputTransport):
    """Speaks; :meth:`DiscordTransport.output` makes it."""

    def __init__(self, transport: DiscordTransport, params: DiscordParams, **options: Any) -> None:
        super().__init__(params, **options)
        self._transport = transport
        self._ahead = params.audio_out_ahead_secs
        self._mouth: Mouth | None = None
        # Where what the bot says now began, in what it has said in all.
        self._begun: float | None = None
        # Pipecat numbers frames as they are made: those before this one were interrupted.
        self._fresh = 0
        # What was said until here is not to be interrupted.
        self._sacred = 0.0

    @property
    def heard(self) -> float:
        """Seconds that have left of all that the bot has said, exact to the frame."""
        return self._mouth.heard if self._mouth is not None else 0.0

    def can_generate_metrics(self) -> bool:
        """Yes: :class:`DiscordMetrics`."""
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Know at which rate the bot speaks."""
        await super().setup(setup)
        self._mouth = Mouth(self._transport.play, self.sample_rate, self._params.audio_out_channels, self._ahead)

    async def start(self, frame: StartFrame) -> None:
        """Begin to play what will be written."""
        await super().start(frame)
        if self._mouth is not None and self._params.audio_out_enabled:
            self._mouth.open()
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame) -> None:
        """Say what was written to its end; the bot stays in the channel."""
        await super().stop(frame)
        await self._drain()
        self._close()

    async def cancel(self, frame: CancelFrame) -> None:
        """Be silent at once; the bot stays in the channel."""
        if self._mouth is not None:
            self._mouth.clear()
        await super().cancel(frame)
        self._close()

    async def cleanup(self) -> None:
        """Play no more, whatever has happened."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        self._close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame. Where one interrupts, the sound ends before anybody else learns of it."""
        if not isinstance(frame, InterruptionFrame) or self._mouth is None or self.heard < self._sacred:
            await super().process_frame(frame, direction)
            return
        # What pipecat's own task takes out of its queue meanwhile is older, too.
        self._fresh = sys.maxsize
        self._mouth.clear()
        begun, self._begun = self._begun, None
        await super().process_frame(frame, direction)
        self._fresh = Frame().id
        await self._drain()
        await self._over(begun, interrupted=True)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Say 10 ms or more; returns when no more than ``audio_out_ahead_secs`` of all is unheard.

        Returns:
            Whether it will be heard; what was interrupted meanwhile, or stopped by the bot, will not.
        """
        if self._mouth is None or (frame.interruptible and frame.id < self._fresh):
            return False
        if not frame.interruptible:
            self._sacred = self._mouth.said + frame.num_frames / frame.sample_rate
        try:
            return await self._mouth.say(frame.audio, frame.num_channels)
        except StreamError:
            # Whoever has stopped the sound means the rest of it, too.
            await self.queue_frame(InterruptionFrame())
            await self.push_frame(InterruptionFrame(), FrameDirection.UPSTREAM)
            return False

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Push a frame on. That the bot has stopped is told when the last of it was heard."""
        if isinstance(frame, BotStartedSpeakingFrame) and self._begun is None and self._mouth is not None:
            self._begun = self._mouth.said
        elif isinstance(frame, BotStoppedSpeakingFrame):
            whole = await self._drain()
            begun, self._begun = self._begun, None
            await self._over(begun, interrupted=not whole)
        await super().push_frame(frame, direction)

    async def _drain(self) -> bool:
        """Wait until all was heard; whether it was."""
        if self._mouth is None:
            return True
        self._mouth.flush()
        try:
            await asyncio.wait_for(self._mouth.drained(), _DRAIN)
        except (asyncio.TimeoutError, StreamError):
            return False
        return True

    async def _over(self, begun: float | None, *, interrupted: bool) -> None:
        """What the bot has said from there on is over."""
        if begun is None:
            return
        heard = max(0.0, self.heard - begun)
        if interrupted:
            await self._transport.tell("on_bot_interrupted", heard)
        if self.metrics_enabled:
            await self.push_frame(MetricsFrame(data=[self._transport.metrics(self.name, heard, interrupted)]))

    def _close(self) -> None:
        if self._mouth is not None:
            self._mouth.close()
