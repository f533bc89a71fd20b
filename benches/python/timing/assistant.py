"""Bots that answer and are interrupted: isocord, and py-cord with what its users write around it.

Jobs of :mod:`timing.bot`. Each notes when it does what; who listens in the fake notes when it is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import select
import threading
import time
from collections.abc import Callable
from typing import Any

import discord
import nacl.exceptions
import nacl.secret
import numpy as np

import isocord

RATE = 24_000
MIN_SPEECH = 0.2
"""Seconds of speech that interrupt."""
HANG_OVER = 0.2
"""Seconds without a packet after which py-cord's bot takes it that the user has ended: py-cord's own limit."""
HANG_ON = 1.2
"""Seconds from an interruption until the bot speaks again."""
LOUD = 500.0
_FRAME = 3_840
_PAUSE = 0.3
"""Seconds without sound after which speech is counted anew."""
_SETTLE = 0.5


def tone(seconds: float) -> bytes:
    """What the bot says: s16le mono at 24 kHz."""
    at = np.arange(round(seconds * RATE)) / RATE
    sound: bytes = (12_000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()
    return sound


class Isocord:
    """isocord's own means."""

    def __init__(self, voice: Any) -> None:
        self._voice = voice
        self._stream = isocord.StreamSource(RATE)
        self.first: list[int] = []
        self.beyond: list[float] = []
        self.reactions: list[float] = []

    def open(self) -> None:
        self._voice.play(self._stream)

    async def say(self, pcm: bytes) -> None:
        await self._stream.write(pcm)
        self._stream.flush()

    async def converse(self) -> None:
        """Answer each time that somebody has spoken; note how long what was heard took."""
        begun = False
        answer = tone(0.2)
        async for item in self._voice.listen(sample_rate=16_000, channels=1, speaking=True):
            now = time.time_ns()
            if not isinstance(item, isocord.HeardFrame):
                if not item.speaking:
                    await self.say(answer)
                begun = False
                continue
            if not begun:
                begun = True
                self.first.append(now)
            # Its counters are known a little later than the user.
            user = self._voice.receive_stats.users.get(item.user_id)
            if item.received_ns is not None and user is not None:
                self.beyond.append((now - item.received_ns) / 1e6 - user.delay / 48)

    async def be_interrupted(self) -> None:
        """Speak until somebody does, again and again."""
        speech = tone(20.0)
        while True:
            stream = isocord.StreamSource(RATE, capacity=30)
            stream.write_nowait(speech)
            barge_in = isocord.BargeIn(min_speech=MIN_SPEECH)
            error = await self._voice.play(stream, barge_in=barge_in, wait_finish=True)
            if isinstance(error, isocord.Interrupted):
                self.reactions.append(error.reaction * 1e3)
            await asyncio.sleep(HANG_ON)


class PyCord:
    """py-cord's means, and the glue: a source that is silent while nothing is written, ears with timers."""

    def __init__(self, voice: Any) -> None:
        self._voice = voice
        self._source = Written()
        self.first: list[int] = []
        self.beyond: list[float] = []
        self.reactions: list[float] = []

    def open(self) -> None:
        self._voice.play(self._source)

    async def say(self, pcm: bytes) -> None:
        self._source.write(pcm)

    async def converse(self) -> None:
        """Answer each time that somebody has spoken: when nothing has come for a while."""
        loop = asyncio.get_running_loop()
        answer = tone(0.2)
        waiting: list[asyncio.TimerHandle] = []

        def over() -> None:
            waiting.clear()
            self._source.write(answer)

        def heard(now: int) -> None:
            if waiting:
                waiting.pop().cancel()
            else:
                self.first.append(now)
            waiting.append(loop.call_later(HANG_OVER, over))

        def take(pcm: bytes) -> None:
            if is_loud(pcm):
                loop.call_soon_threadsafe(heard, time.time_ns())

        Ears(self._voice, take)
        await asyncio.Event().wait()

    async def be_interrupted(self) -> None:
        """Speak until somebody has been loud for long enough, again and again."""
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loud, last = 0, 0.0

        def take(pcm: bytes) -> None:
            nonlocal loud, last
            if not is_loud(pcm):
                return
            now = time.monotonic()
            loud, last = 1 if now - last > _PAUSE else loud + 1, now
            if loud == round(MIN_SPEECH / 0.02):
                self._voice.stop()
                loop.call_soon_threadsafe(stopped.set)

        Ears(self._voice, take)
        speech = tone(20.0)
        while True:
            source = Written()
            source.write(speech)
            self._voice.play(source)
            await stopped.wait()
            await asyncio.sleep(HANG_ON)
            stopped.clear()


class Written(discord.AudioSource):
    """What was written, as 48 kHz stereo, and silence."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending = bytearray()

    def write(self, pcm: bytes) -> None:
        with self._lock:
            self._pending += np.repeat(np.frombuffer(pcm, "<i2"), 4).tobytes()

    def read(self) -> bytes:
        with self._lock:
            frame = bytes(self._pending[:_FRAME])
            del self._pending[:_FRAME]
        return frame.ljust(_FRAME, b"\0")


class Ears:
    """Gives what comes to a function, as it comes, without a jitter buffer.

    py-cord 2.8.1 opens no packets of today's encryption, and hands them to its loop without waking it; so this reads,
    opens and decodes them itself, on a thread.
    """

    def __init__(self, voice: Any, take: Callable[[bytes], None]) -> None:
        assert voice.mode == "aead_xchacha20_poly1305_rtpsize"
        self._box = nacl.secret.Aead(bytes(voice.secret_key))
        self._decoder = discord.opus.Decoder()
        self._take = take
        self._socket = voice._connection.socket
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            select.select([self._socket], [], [])
            with contextlib.suppress(nacl.exceptions.CryptoError, discord.opus.OpusError, OSError):
                self._packet(self._socket.recv(4_096))

    def _packet(self, data: bytes) -> None:
        if len(data) < 32 or data[0] >> 6 != 2 or data[1] & 0x7F != 120:
            return
        extended = bool(data[0] & 0x10)
        clear = 12 + 4 * (data[0] & 0x0F) + 4 * extended
        opus = self._box.decrypt(data[clear:-4], data[:clear], data[-4:].ljust(24, b"\0"))
        if extended:
            opus = opus[4 * int.from_bytes(data[clear - 2 : clear], "big") :]
        self._take(self._decoder.decode(opus, fec=False))


def is_loud(pcm: bytes) -> bool:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return bool(len(samples)) and float(np.sqrt(np.mean(samples**2))) > LOUD


MEANS = {"isocord": Isocord, "py-cord": PyCord}


async def speak(voice: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Say something short again and again; note when it was written."""
    means, written = MEANS[job["client"]](voice), []
    means.open()
    sound = tone(0.1)
    await asyncio.sleep(_SETTLE)
    for _ in range(job["rounds"]):
        await asyncio.sleep(0.4 + random.uniform(0, 0.02))
        written.append(time.time_ns())
        await means.say(sound)
    await asyncio.sleep(_SETTLE)
    return {"written": written}


async def listen(voice: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Hear and answer, or be interrupted, for so many seconds."""
    means = MEANS[job["client"]](voice)
    if job["part"] == "turns":
        means.open()
    doing = asyncio.create_task(means.converse() if job["part"] == "turns" else means.be_interrupted())
    if job["part"] == "turns":
        # It can be heard that the bot is ready.
        await asyncio.sleep(_SETTLE)
        await means.say(tone(0.1))
    await asyncio.wait([doing], timeout=job["seconds"])
    if doing.done():
        doing.result()
    return {"first": means.first, "beyond": means.beyond, "reactions": means.reactions}
