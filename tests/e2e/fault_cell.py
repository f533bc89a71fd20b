"""One cell of the fault matrix: a guild with a voice connection, listeners, and somebody who talks or is silent."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import discord as pycord
import numpy as np
from benches.python.numbered import Numbered, number_of

import isocord
from isocord import Phase
from isocord.testing import Listener, Mishap, MishapKind, Speaker

from .fault_cases import Case, Effect

if TYPE_CHECKING:
    from .fault_matrix import Stage

FRAME = 3840
LIMIT = 15.0
"""Seconds within which everything is to be as it was."""
_HELD = 3
"""Frames of delay at most that a recording makes up for in its jitter buffer."""


class Activity(Enum):
    """What the bot does meanwhile."""

    IDLE = "idle"
    PLAYING = "playing"
    RECORDING = "recording"


@dataclass
class Outcome:
    """What became of one cell.

    Attributes:
        lost: frames that the listener, or the recording, misses; None where nothing was to be heard.
        recovery: seconds until the connection was whole again, or gone for good.
        pause: the listener's longest wait for the next frame, in seconds.
        faults: what is not as it should be.
    """

    lost: int | None = None
    recovery: float = 0.0
    pause: float = 0.0
    registry: str = ""
    faults: list[str] = field(default_factory=list)


class Deaf(isocord.VoiceClient):
    """Joins deafened, for py-cord's ``channel.connect`` cannot say so."""

    async def connect(self, **options: Any) -> None:
        await super().connect(**{**options, "self_deaf": True})


async def until(condition: Callable[[], object], limit: float = LIMIT) -> bool:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True


class Cell:
    """One guild with a voice connection, a listener, somebody who talks or is silent."""

    def __init__(self, stage: Stage, number: int, activity: Activity, talking: bool) -> None:
        self.stage = stage
        self.guild_id = stage.discord.guilds[number].id
        self.activity, self.talking = activity, talking
        self.voice: Any = None
        self.listeners: list[Listener] = []
        self.talker: Speaker | None = None
        self.sink: Any = None
        self.finished = asyncio.Event()

    @property
    def guild(self) -> Any:
        return self.stage.bot.get_guild(self.guild_id)

    def channel_id(self, name: str) -> int:
        channels = self.stage.discord.guilds[self.stage.cells.index(self)].channels.values()
        return next(channel.id for channel in channels if channel.name == name)

    async def set_up(self, case: Case) -> None:
        discord, user = self.stage.discord, self.stage.user
        if not any(channel.name == "General" for channel in self.guild.voice_channels):
            discord.add_channel("General", guild=self.guild_id)
            await until(lambda: any(channel.name == "General" for channel in self.guild.voice_channels))
        members = {name: user(self.guild_id, name) for name in ("alice", "bob", "carol")}
        general = self.channel_id("General")
        self.listeners = [await asyncio.to_thread(discord.listen, general, user=members["alice"])]
        if case.mishap.kind is MishapKind.MOVED:
            music = self.channel_id("Music")
            self.listeners.append(
                await asyncio.to_thread(discord.listen, music, user=members["carol"], only=discord.bot)
            )
        self.talker = await asyncio.to_thread(discord.speak, general, user=members["bob"])
        channel = self.guild.get_channel(general)
        cls = Deaf if self.activity is Activity.IDLE else isocord.VoiceClient
        self.voice = await channel.connect(cls=cls, timeout=30)
        encryption = discord.encryption(general)
        assert encryption is not None
        assert await until(lambda: encryption.settled and self.whole())
        if self.activity is Activity.PLAYING:
            self.voice.play(Numbered())
        elif self.activity is Activity.RECORDING:
            self.finished.clear()
            self.sink = pycord.sinks.WaveSink()
            self.voice.start_recording(self.sink, self._recorded)
        if self.talking:
            await asyncio.to_thread(self.talker.play_opus, self.stage.speech)
        assert await until(lambda: self._going() and self.whole())

    async def _recorded(self, sink: Any) -> None:
        self.finished.set()

    def _going(self) -> bool:
        if self.activity is Activity.PLAYING:
            return len(self.heard()) >= 10
        return not (self.activity is Activity.RECORDING and self.talking) or self._recorded_bytes() > 10 * FRAME

    def heard(self) -> list[tuple[int, int]]:
        """Time in nanoseconds and number of each frame that a listener could open, in order."""
        arrivals = sorted(
            (a for one in self.listeners for a in one.arrivals() if a.opus and len(a.opus) > 5), key=lambda a: a.time_ns
        )
        return [(a.time_ns, number_of(a.opus or b"")) for a in arrivals]

    def _audio(self) -> Any:
        return next(iter(self.sink.audio_data.values()), None) if self.sink is not None else None

    def _recorded_bytes(self) -> int:
        audio = self._audio()
        return 0 if audio is None else int(audio.file.seek(0, 2))

    def whole(self) -> bool:
        session = self.stage.discord.voice_session(self.guild_id)
        return (
            self.voice.state.phase is Phase.CONNECTED
            and session is not None
            and session.has_websocket
            and session.ssrc == self.voice.ssrc
        )

    def settled(self) -> bool:
        """Whether nothing is under way in the call."""
        state = self.stage.discord.bot_voice_state(self.guild_id)
        encryption = (
            None if state is None or state.channel_id is None else self.stage.discord.encryption(state.channel_id)
        )
        return encryption is not None and encryption.settled

    async def run(self, case: Case, began: float, staged: asyncio.Event) -> Outcome:
        """From the mishap to the moment when everything is as it was."""
        outcome, voice, audio = Outcome(), self.voice, self._audio()
        first = len(self.heard())
        resumes, reconnects = voice.stats.resumes, voice.stats.reconnects
        if not case.everywhere:
            began = time.monotonic()
            if not await asyncio.to_thread(self.stage.discord.stage, self._mishap(case), self.guild_id):
                outcome.faults.append("the mishap could not happen")
        await staged.wait()

        def happened() -> bool:
            stats = voice.stats
            match case.effect:
                case Effect.RESUMED:
                    return bool(stats.resumes > resumes)
                case Effect.REPLACED:
                    return bool(stats.reconnects > reconnects)
                case Effect.ENDED:
                    return not voice.is_connected() and self.guild.voice_client is None
            return self.stage.is_over(case, began)

        broken = began
        deadline = began + LIMIT
        while time.monotonic() < deadline:
            if case.effect is Effect.ENDED:
                if happened():
                    break
                broken = time.monotonic()
            elif not self.whole():
                broken = time.monotonic()
            elif happened() and self._flows(first, broken):
                break
            await asyncio.sleep(0.01)
        else:
            outcome.faults.append(f"not as it was after {LIMIT} s: {voice.state}")
        outcome.recovery = max(broken - began, 0.0)
        if case.effect is not Effect.ENDED and not await until(self.settled):
            outcome.faults.append("the encrypted group is not whole")
        await self._judge(case, outcome, audio)
        return outcome

    def _mishap(self, case: Case) -> Mishap:
        if case.mishap.kind is not MishapKind.MOVED:
            return case.mishap
        return Mishap(MishapKind.MOVED, channel=self.channel_id("Music"))

    def _flows(self, first: int, since: float) -> bool:
        """Whether frames come again: 20 of them within the last second, after the connection was last seen broken."""
        if self.activity is not Activity.PLAYING:
            return True
        heard = self.heard()
        fresh = time.time_ns() - int(min(time.monotonic() - since, 1.0) * 1e9)
        return len(heard) >= first + 20 and sum(when > fresh for when, _ in heard[-40:]) >= 20

    async def _judge(self, case: Case, outcome: Outcome, audio: Any) -> None:
        voice, faults = self.voice, outcome.faults
        ended = case.effect is Effect.ENDED
        registered = self.guild.voice_client
        outcome.registry = "none" if registered is None else "same" if registered is voice else "other"
        if outcome.registry != ("none" if ended else "same"):
            faults.append(f"registry: {outcome.registry}")
        if voice.is_connected() == ended:
            faults.append(f"is_connected() is {voice.is_connected()}")
        state = self.stage.discord.bot_voice_state(self.guild_id)
        if not ended and (state is None or state.self_deaf != (self.activity is Activity.IDLE)):
            faults.append(f"the voice state is {state}")
        if self.activity is Activity.PLAYING:
            # What plays learns of the end right after the connection.
            await until(lambda: voice.is_playing() != ended)
            self._judge_playing(outcome)
            if (
                case.mishap.kind is MishapKind.UDP_PORT_CLOSED
                and sys.platform == "linux"
                and not voice.stats.send_errors
            ):
                faults.append("sends that failed were not counted")
            if voice.is_playing() == ended:
                faults.append(f"is_playing() is {voice.is_playing()}")
        elif self.activity is Activity.RECORDING:
            await self._judge_recording(case, outcome, audio)
        allowed = case.lost if self.activity is Activity.PLAYING else case.missed
        if outcome.lost is not None and outcome.lost > allowed:
            faults.append(f"{outcome.lost} frames lost, {allowed} allowed")

    def _judge_playing(self, outcome: Outcome) -> None:
        heard = self.heard()
        numbers = {number for _, number in heard}
        outcome.lost = max(numbers) - min(numbers) + 1 - len(numbers)
        outcome.pause = max(((b - a) / 1e9 for (a, _), (b, _) in itertools.pairwise(heard)), default=0.0)

    async def _judge_recording(self, case: Case, outcome: Outcome, audio: Any) -> None:
        voice, faults = self.voice, outcome.faults
        if case.effect is not Effect.ENDED:
            if not voice.is_recording():
                faults.append("the recording has ended")
            elif self.talking and case.mishap.kind is not MishapKind.MOVED:
                before = self._recorded_bytes()
                if not await until(lambda: self._recorded_bytes() > before + 10 * FRAME):
                    faults.append("the recording does not go on")
                if self._audio() is not audio:
                    faults.append("the recording goes on in another file")
            voice.stop_recording()
        if not await until(self.finished.is_set):
            faults.append("the recording's callback did not come")
        elif self.talking:
            # A talker on a busy machine stalls, too, and what was not said in time cannot be recorded.
            outcome.lost = max(0, self._silent_frames() - self._unsaid_frames())

    def _unsaid_frames(self) -> int:
        """Frames that the talker was late with, as another one in the channel got them."""
        assert self.talker is not None
        times = [arrival.time_ns for arrival in self.listeners[0].arrivals(self.talker.user)]
        assert len(times) > 1
        gaps = np.diff(times) / 20e6
        return round(float((gaps[gaps > _HELD] - 1).sum()))

    def _silent_frames(self) -> int:
        """Frames of silence in the midst of the tone."""
        file = self._audio().file
        file.seek(0)
        with wave.open(file, "rb") as opened:
            pcm = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
        frames = pcm[: len(pcm) // 1920 * 1920].reshape(-1, 1920)
        loud = np.flatnonzero(np.abs(frames).max(axis=1) > 100)
        return int(loud[-1] - loud[0] + 1 - len(loud)) if len(loud) else 0

    async def clear(self) -> None:
        for one in (*self.listeners, *([self.talker] if self.talker else [])):
            await asyncio.to_thread(one.leave)
        if self.voice is not None:
            await self.voice.disconnect(force=True)
        self.listeners, self.talker, self.voice, self.sink = [], None, None, None
