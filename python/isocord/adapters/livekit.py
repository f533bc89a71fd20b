"""LiveKit Agents on Discord: ears and a mouth for an ``AgentSession``. ``pip install 'isocord[livekit]'``.

voice = await channel.connect(cls=isocord.VoiceClient)
session.input.audio = DiscordAudioInput(voice)
session.output.audio = DiscordAudioOutput(voice)
await session.start(agent)
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from livekit import rtc
from livekit.agents.voice import io

from ..errors import StreamError
from .mouth import Mouth

if TYPE_CHECKING:
    from ..desk.stream_source import StreamSource
    from ..hearing.listening import Listening

_AHEAD = 5.0
"""Seconds of a segment that may be written before they are heard: only its end waits for anything."""
_LOOK = 0.005
_FRAME = 0.02


class DiscordAudioInput(io.AudioInput):
    """What users say, as one unbroken row of frames of 20 ms, silence included; ``frame.userdata["user_id"]`` is whose
    (in a mixdown, of whoever began to speak last).

    It listens while it is attached to a session.

    Args:
        voice: the :class:`isocord.VoiceClient`, connected.
        user: a member, a user or an id: nobody else is heard. Without, all as one.
        sample_rate: 48000, 24000, 16000, 12000 or 8000 Hz.
        channels: 1 or 2.
    """

    def __init__(self, voice: Any, *, user: Any = None, sample_rate: int = 24_000, channels: int = 1) -> None:
        super().__init__(label="Discord")
        self._voice = voice
        self._users = () if user is None else (user,)
        self._rate, self._channels = sample_rate, channels
        self._listening: Listening[Any] | None = None
        self._attached = asyncio.Event()
        self._speaker: int | None = None

    def on_attached(self) -> None:
        """Begin to listen.

        Raises:
            ClientError: the bot is not connected.
        """
        if self._listening is None:
            self._listening = self._voice.listen(
                users=self._users,
                mixdown=not self._users,
                speaking=True,
                fill=True,
                sample_rate=self._rate,
                channels=self._channels,
            )
        self._attached.set()

    def on_detached(self) -> None:
        """Listen no more."""
        self._attached.clear()
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()

    async def __anext__(self) -> rtc.AudioFrame:
        """The next frame; the end comes with that of the connection."""
        while True:
            await self._attached.wait()
            listening = self._listening
            assert listening is not None
            try:
                item = await listening.__anext__()
            except StopAsyncIteration:
                if listening is self._listening:
                    raise
                continue
            if hasattr(item, "speaking"):
                self._speaker = item.user_id if item.speaking else self._speaker
                continue
            userdata = {"user_id": item.user_id or self._speaker}
            return rtc.AudioFrame(item.data, item.sample_rate, item.channels, item.samples, userdata=userdata)


class _State(enum.Enum):
    """Where a segment stands."""

    NONE = enum.auto()
    """There is none."""
    SPOKEN = enum.auto()
    """Its frames come."""
    FLUSHED = enum.auto()
    """All have come, and not all was heard."""
    CLEARED = enum.auto()
    """It is to end, but its frames may still come: none of them is heard."""


class DiscordAudioOutput(io.AudioOutput):
    """What the agent says. ``playback_position`` is exact to the frame, and each segment is finished once.

    It plays while it is attached to a session.

    Args:
        voice: the :class:`isocord.VoiceClient`, connected.
        sample_rate: at which frames come; the session resamples others.
        channels: 1 or 2.
        play: has the agent's voice heard, ``voice.play`` if not given; ``mixer.play`` has it heard over other sound.
    """

    def __init__(
        self,
        voice: Any,
        *,
        sample_rate: int = 24_000,
        channels: int = 1,
        play: Callable[[StreamSource], object] | None = None,
    ) -> None:
        super().__init__(
            label="Discord",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=sample_rate,
        )
        self._mouth = Mouth(play or voice.play, sample_rate, channels, _AHEAD)
        self._state = _State.NONE
        # Places in what was heard in all.
        self._begin = 0.0
        self._run: float | None = None
        self._started = False
        self._following: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def playback_position(self) -> float:
        """Seconds that were heard of the present segment, or of the last one."""
        return self._mouth.heard - self._begin

    def on_attached(self) -> None:
        """Begin to play.

        Raises:
            ClientError: the bot is not connected, or plays something else.
        """
        super().on_attached()
        self._mouth.open()

    def on_detached(self) -> None:
        """Play no more; what was not heard is forgotten."""
        super().on_detached()
        self.clear_buffer()
        self._mouth.close()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Say a frame; returns when no more than 5 s are unheard.

        Raises:
            ClientError: the bot is not connected, or plays something else.
            ValueError: it has another sample rate.
        """
        if frame.sample_rate != self.sample_rate:
            raise ValueError(f"frames come at {self.sample_rate} Hz, and not at {frame.sample_rate}")
        if self._state is _State.CLEARED:
            return
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await super().capture_frame(frame)
        if self._state is _State.NONE:
            self._state, self._begin = _State.SPOKEN, self._mouth.heard
            self._started, self._run = False, self._begin
            self._following = asyncio.create_task(self._follow())
        try:
            await self._mouth.say(frame.data.cast("B"), frame.num_channels)
        except StreamError:
            self._end(interrupted=True)

    def flush(self) -> None:
        """That was the segment."""
        super().flush()
        if self._state is _State.CLEARED:
            self._state = _State.NONE
        elif self._state is _State.SPOKEN:
            self._state = _State.FLUSHED
            self._mouth.flush()
            self._end(interrupted=False)

    def clear_buffer(self) -> None:
        """Be silent from the next frame on. It is told that playback has finished when the last frame has left."""
        self._mouth.clear()
        self._end(interrupted=True)

    def pause(self) -> None:
        """Hold the sound from the next frame on."""
        super().pause()
        self._mouth.pause()
        self._end_run()

    def resume(self) -> None:
        """Let it go on."""
        super().resume()
        self._mouth.resume()
        if self._state in (_State.SPOKEN, _State.FLUSHED) and self._run is None:
            self._run = self._mouth.heard

    async def _follow(self) -> None:
        """Tell when the first frame has left."""
        while self._mouth.heard <= self._begin:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)
        self._start()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self.on_playback_started(created_at=time.time() - max(0.0, self.playback_position - _FRAME))

    def _end_run(self) -> None:
        """Tell of a stretch without a pause in it."""
        run, self._run = self._run, None
        if run is not None and (duration := self._mouth.heard - run) > 0:
            self.on_playback_progressed(started_at=time.time() - duration, offset=run - self._begin, duration=duration)

    def _end(self, *, interrupted: bool) -> None:
        """Have the segment finished when nothing of it is left to be heard."""
        if self._state in (_State.NONE, _State.CLEARED):
            return
        if interrupted:
            self._state = _State.CLEARED if self._state is _State.SPOKEN else _State.NONE
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.create_task(self._finish(interrupted))

    async def _finish(self, interrupted: bool) -> None:
        try:
            await self._mouth.drained()
        except StreamError:
            interrupted = True
        if self._state is _State.FLUSHED:
            self._state = _State.NONE
        if self._following is not None:
            self._following.cancel()
        self._ending = None
        position = self.playback_position
        if position > 0:
            self._start()
        self._end_run()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)
