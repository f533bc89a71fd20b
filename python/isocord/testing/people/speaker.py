"""A participant that speaks, on schedule or with the faults of a bad network."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

from ..faults import Fault
from ..ground.world import User
from ..wire.opus import CodecName, encode_pcm
from ..wire.rtp import SAMPLES_PER_FRAME, SILENCE_FRAME, MediaPacket
from .listener import Listener
from .participants import Stage
from .sounds import load

_FRAME_SECONDS = 0.020
_SILENCE_FRAMES = 5
_KEY_TIMEOUT = 15.0


class Speaker(Listener):
    """Sends sound into a call, and hears as every participant does.

    Args:
        fault: what happens to its packets on the way to the server.
        encoder: which Opus encoder :meth:`play` uses.
        options: ``max_dave_version`` and ``make_member`` of :class:`Participant`.

    Attributes:
        announce: whether opcode 5 (Speaking) goes out before the first packet; switch it off to rehearse SSRCs that
            nobody knows yet.
        sent: packets handed to the network, before faults.
        began_ns: when the first packet of what plays now, or played last, was handed to the network, in nanoseconds
            since 1970; None before.
        unsealed: frames that were not sent, for there was no key of the end-to-end encryption.

    Example:
        >>> async def talk(discord, channel):
        ...     bob = discord.speak(channel, user="bob")
        ...     bob.play(tone(440, 1.0))
        ...     await discord.wait_for(lambda: not bob.is_playing)
    """

    def __init__(
        self,
        user: User,
        ssrc: int,
        stage: Stage,
        *,
        fault: Fault[MediaPacket] | None = None,
        encoder: CodecName = "auto",
        decoder: CodecName = "auto",
        announce: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(user, ssrc, stage, decoder=decoder, **options)
        self.fault = fault
        self.announce = announce
        self.encoder: CodecName = encoder
        self.sent: int = 0
        self.unsealed: int = 0
        self.began_ns: int | None = None
        self.next_seq: int = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._stopped_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_playing(self) -> bool:
        task = self._task
        return task is not None and not task.done()

    def play(self, pcm: bytes) -> None:
        """Speak 48 kHz stereo s16le, in place of what plays now.

        Raises:
            MissingDependencyError: there is no Opus encoder.
        """
        self.play_opus(list(encode_pcm(pcm, self.encoder)))

    def play_file(self, path: str | PathLike[str]) -> None:
        """Speak an audio file.

        Raises:
            MissingDependencyError: PyAV is not installed.
            OSError: the file cannot be read.
        """
        self.play(load(path))

    def play_opus(self, packets: Iterable[bytes]) -> None:
        """Speak Opus packets of 20 ms, in place of what plays now."""
        frames = list(packets)
        self._stage.on_server(lambda: self._start(frames))

    def stop(self) -> None:
        """Stop speaking at once, without the silence frames; idempotent."""
        self._stage.on_server(self._cancel)

    def detach(self) -> None:
        self._cancel()
        super().detach()

    def _start(self, frames: Sequence[bytes]) -> None:
        self._cancel()
        self._task = asyncio.get_running_loop().create_task(self._speak(frames))

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _speak(self, frames: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        await self._wait_for_key()
        if self._stopped_at is not None:
            # RTP time is wall time: it goes on while nothing is said.
            pause = int((loop.time() - self._stopped_at) / _FRAME_SECONDS) * SAMPLES_PER_FRAME
            self._timestamp = (self._timestamp + max(pause, 0)) & 0xFFFFFFFF
        if self.announce:
            self._set_speaking(1)
        due, self.began_ns = loop.time(), time.time_ns()
        try:
            for frame in (*frames, *[SILENCE_FRAME] * _SILENCE_FRAMES):
                await asyncio.sleep(max(0.0, due - loop.time()))
                self._send(frame)
                due += _FRAME_SECONDS
            if self.announce:
                self._set_speaking(0)
        finally:
            # When it should have been: on a busy machine frames may leave late, but their time is that of the schedule.
            self._stopped_at = due

    async def _wait_for_key(self) -> None:
        """Wait until the call has keys, but not for ever: without, :attr:`unsealed` counts what cannot be said."""
        tries = int(_KEY_TIMEOUT / _FRAME_SECONDS)
        while self.frames.seal(SILENCE_FRAME) is None and tries > 0:
            tries -= 1
            await asyncio.sleep(_FRAME_SECONDS)

    def _set_speaking(self, flags: int) -> None:
        if self.call is not None:
            self.call.set_speaking(self, flags)

    def _send(self, frame: bytes) -> None:
        timestamp, sealed = self._timestamp, frame if self.is_unencrypted else self.frames.seal(frame)
        self._timestamp = (timestamp + SAMPLES_PER_FRAME) & 0xFFFFFFFF
        if sealed is None:
            self.unsealed += 1
            return
        packet = MediaPacket(self.user_id, self.ssrc, self.next_seq, timestamp, sealed, time.time_ns())
        self.next_seq = (self.next_seq + 1) & 0xFFFF
        self.sent += 1
        if self.fault is None:
            self._arrive(packet)
            return
        loop = asyncio.get_running_loop()
        for held, out in self.fault(packet):
            if held > 0:
                loop.call_later(held, self._arrive, out)
            else:
                self._arrive(out)

    def _arrive(self, packet: MediaPacket) -> None:
        if self.call is not None:
            self.call.relay(self, packet)
