"""A bot of whichever library this interpreter has, logged in to a fake Discord whose members speak."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import io
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

import isocord
from isocord.hosts import Host, host_of

pytest.importorskip("cryptography")
np = pytest.importorskip("numpy")
testing = pytest.importorskip("isocord.testing")
encode_pcm = importlib.import_module("isocord.testing.wire.opus").encode_pcm

LIBRARY = next((name for name in ("discord", "disnake", "nextcord", "hikari") if importlib.util.find_spec(name)), None)
if LIBRARY is None:
    pytest.skip("no bot library is installed", allow_module_level=True)
library = importlib.import_module("tests.hosts.hikari_names" if LIBRARY == "hikari" else LIBRARY)
has_sources = pytest.mark.skipif(LIBRARY == "hikari", reason="hikari has no audio sources of its own")
joins_with_isocord = pytest.mark.skipif(
    LIBRARY == "hikari", reason="hikari joins by itself before it asks for a connection; test_hikari.py has its like"
)
RATE = 48_000
TONES = {"alice": 440.0, "bob": 1000.0, "carol": 2500.0}


async def until(condition: Callable[[], object], limit: float = 15.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        await asyncio.sleep(0.005)


class Tone(library.AudioSource):  # type: ignore[misc, name-defined]
    """Some frames of a constant, then the end or an error; it notes who reads it."""

    def __init__(self, frames: int = 10_000, error: Exception | None = None) -> None:
        self.left = frames
        self.error = error
        self.cleaned = 0
        self.readers: set[str] = set()

    def read(self) -> bytes:
        self.readers.add(threading.current_thread().name)
        if self.left <= 0:
            if self.error is not None:
                raise self.error
            return b""
        self.left -= 1
        return b"\x10\x20" * 1920

    def cleanup(self) -> None:
        self.cleaned += 1

    def __del__(self) -> None:
        pass


class World:
    """A bot and its fake Discord, and the events that it dispatched."""

    def __init__(self, discord: Any, bot: Any) -> None:
        self.discord, self.bot = discord, bot
        self.events: list[tuple[str, tuple[Any, ...]]] = []

    @property
    def host(self) -> Host:
        """What isocord knows of the library."""
        return host_of(getattr(self.bot, "app", self.bot))

    @property
    def guild(self) -> Any:
        return self.bot.guilds[0]

    def channel(self, name: str = "General") -> Any:
        return next(channel for channel in self.guild.voice_channels if channel.name == name)

    async def connect(self, cls: type = isocord.VoiceClient, name: str = "General", **options: Any) -> Any:
        options.setdefault("timeout", 30.0)
        return await self.channel(name).connect(cls=cls, **options)

    def phases(self) -> list[isocord.Phase]:
        return [args[1].phase for name, args in self.events if name == "voice_connection_state_update"]

    def speak(self, seconds: float, *names: str) -> list[Any]:
        """Each says its tone, all from the same moment on."""
        speakers = [self.discord.speak("General", user=name) for name in names]
        begin_speaking(speakers, seconds, names)
        return speakers


@asynccontextmanager
async def hikari_running(discord: Any, bot: Any) -> AsyncIterator[None]:
    """What stands for hikari's bot makes one when it has the token."""
    running = asyncio.create_task(bot.start(discord.token))
    await until(lambda: bot.is_ready() and bot.guilds)
    yield
    await bot.close()
    await asyncio.wait([running], timeout=15)
    if running.done() and not running.cancelled():
        running.exception()


@asynccontextmanager
async def logged_in(**options: Any) -> AsyncIterator[World]:
    """A bot that is logged in to a Discord with these options; at the end none of our threads is left."""
    async with testing.FakeDiscord(**options) as discord:
        bot = library.Client(intents=library.Intents.default())
        made = World(discord, bot)
        dispatch = bot.dispatch

        def noting(event: str, *args: Any, **kwargs: Any) -> None:
            made.events.append((event, args))
            dispatch(event, *args, **kwargs)

        bot.dispatch = noting
        async with hikari_running(discord, bot) if LIBRARY == "hikari" else discord.running(bot):
            yield made
        ours = [thread for thread in threading.enumerate() if thread.name in ("isocord-sink", "isocord-listen")]
        for thread in ours:
            thread.join(15)
        assert not [thread for thread in ours if thread.is_alive()]


def begin_speaking(speakers: Sequence[Any], seconds: float, names: Sequence[str]) -> None:
    """All say their tones from the same moment on: encoding takes a while, and is done before."""
    tones = [list(encode_pcm(testing.tone(TONES[name], seconds), "auto")) for name in names]
    for speaker, packets in zip(speakers, tones, strict=True):
        speaker.play_opus(packets)


async def spoken(*speakers: Any) -> None:
    """Until all of them have said what they say."""
    await until(lambda: all(speaker.sent > 0 and not speaker.is_playing for speaker in speakers))


async def spoken_for(speaker: Any, seconds: float) -> None:
    """Until so much has been said, or more."""
    await until(lambda: speaker.sent >= seconds * 50)


def received(voice: Any, speaker: Any) -> int:
    """Packets of a speaker's that have come to the bot."""
    user = voice.receive_stats.users.get(speaker.user_id)
    return 0 if user is None else int(user.received)


async def heard(voice: Any, speaker: Any, packets: int) -> None:
    """Until so many more packets have come to the bot: on a busy machine that may be long after they were said."""
    wanted = received(voice, speaker) + packets
    await until(lambda: received(voice, speaker) >= wanted)


def wave_file(pcm: bytes) -> bytes:
    """A WAV of this sound: stereo, s16le, at 48 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setparams((2, 2, RATE, 0, "NONE", ""))
        opened.writeframes(pcm)
    return file.getvalue()


def share(pcm: Any, frequency: float) -> float:
    """Share of the sound's energy within 5 Hz of a tone."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(float) * np.hanning(len(pcm)))) ** 2
    at = np.fft.rfftfreq(len(pcm), 1 / RATE)
    return float(spectrum[np.abs(at - frequency) < 5].sum() / spectrum.sum())
