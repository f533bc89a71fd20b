#!/usr/bin/env python3
"""A soak: seeded random faults in a row, encrypted end to end, while the bot plays and records.

The fake Discord is a process of its own, so that what is counted at the end is the bot's. Exit status 1 if something
leaked or does not go on. With ``--stock`` the same faults happen to py-cord's own client, with davey and PyNaCl
installed; it plays only, for py-cord 2.8.1 cannot record. Where it has lost its call, the soak reconnects it and
counts.

    python benches/python/soak.py [--faults 200] [--seed 1] [--stock] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import discord as pycord
from memory import Memory
from numbered import Numbered, number_of

import isocord
from isocord.runtime.thread import gateway_thread
from isocord.testing import FakeDiscordProcess, GuildSpec, random_script, tone, write_wav

CONNECT_LIMIT = 30.0
SILENCE_LIMIT = 10.0
"""Seconds without a frame after which py-cord's own client is taken for lost."""
CALM_LIMIT = 30.0
LONGEST = 900.0
"""Seconds after which no more faults are staged, for reconnecting by hand may take long."""
_MOST_FRAMES = 1_000_000
APART = (0.3, 2.0)
"""Seconds from one fault to the next, at random."""


class Tally(pycord.sinks.Sink):
    """Counts what is recorded and keeps nothing, so that memory can be compared."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: Any, user: Any) -> None:
        self.writes += 1


class Ears:
    """What the listeners have heard of the song."""

    def __init__(self, discord: FakeDiscordProcess) -> None:
        self._listeners = [
            discord.listen("General", user="alice", only=discord.bot.id),
            discord.listen("Music", user="carol", only=discord.bot.id),
        ]
        self._last_ns = 0
        # One byte a frame, made once: what this bench remembers must not look like a leak.
        self._heard = bytearray(_MOST_FRAMES)
        self._begin = 0
        self._end = 0
        self.frames = 0
        self.unopened = 0
        self.pauses: list[float] = []

    async def take(self) -> int:
        """Take what has come since the last time; gives the number of frames."""
        arrivals = []
        for listener in self._listeners:
            arrivals += await asyncio.to_thread(listener.take)
        song = sorted((a.time_ns, a.opus) for a in arrivals if a.opus is not None and len(a.opus) > 5)
        self.unopened += sum(a.opus is None for a in arrivals)
        for when, opus in song:
            if self._last_ns and when - self._last_ns > 100_000_000:
                self.pauses.append((when - self._last_ns) / 1e9)
            self._last_ns = max(self._last_ns, when)
            number = number_of(opus) % _MOST_FRAMES
            self.frames += not self._heard[number]
            self._heard[number] = 1
            self._begin, self._end = min(self._begin or number, number), max(self._end, number)
        return len(song)

    def forget(self) -> None:
        """Begin to count anew."""
        self._heard[:] = bytes(_MOST_FRAMES)
        self._begin = self._end = self.frames = 0
        self.pauses.clear()
        self.unopened = 0

    @property
    def silent_for(self) -> float:
        return (time.time_ns() - self._last_ns) / 1e9

    @property
    def lost(self) -> int:
        return self._end - self._begin + 1 - self.frames if self.frames else 0


def leftovers() -> dict[str, int]:
    """What of the process could leak."""
    gc.collect()
    kinds: Counter[str] = Counter()
    # The loop's own pool of threads, which this bench and the HTTP client use, grows with use up to its bound.
    pooled = sum(thread.name.startswith("asyncio_") for thread in threading.enumerate())
    for name in os.listdir("/proc/self/fd"):
        # One is the listing's own, which is gone by now.
        with contextlib.suppress(OSError):
            kinds["sockets" if os.readlink(f"/proc/self/fd/{name}").startswith("socket:") else "other fds"] += 1
    tasks = len(asyncio.all_tasks())
    with contextlib.suppress(RuntimeError):
        thread = gateway_thread()
        tasks += len(asyncio.all_tasks(thread.loop))
    return {
        **kinds,
        "threads": threading.active_count() - pooled,
        "native threads": len(os.listdir("/proc/self/task")) - pooled,
        "tasks": tasks,
    }


class Soak:
    """One run."""

    def __init__(self, discord: FakeDiscordProcess, bot: Any, ears: Ears, *, stock: bool) -> None:
        self.discord, self.bot, self.ears, self.stock = discord, bot, ears, stock
        self.voice: Any = None
        self.source = Numbered()
        self.sink = Tally()
        self.happened: Counter[str] = Counter()
        self.impossible = 0
        self.by_hand = 0
        self.memory = Memory()

    @property
    def guild(self) -> Any:
        return self.bot.guilds[0]

    async def connect(self) -> None:
        channel = next(channel for channel in self.guild.voice_channels if channel.name == "General")
        options = {} if self.stock else {"cls": isocord.VoiceClient}
        self.voice = await asyncio.wait_for(channel.connect(**options), CONNECT_LIMIT)
        self.voice.play(self.source)
        if not self.stock:
            self.voice.start_recording(self.sink, None)

    async def run(self, faults: int, seed: int) -> None:
        """Let the faults happen, one after the other."""
        before, began = 0.0, time.monotonic()
        for number, (when, mishap) in enumerate(random_script(faults, seed=seed, apart=APART)):
            await asyncio.sleep(when - before)
            before = when
            if self.stock:
                await self._mend()
            if await asyncio.to_thread(self.discord.stage, mishap):
                self.happened[str(mishap)] += 1
            else:
                self.impossible += 1
            await self.ears.take()
            if number % max(faults // 20, 1) == 0:
                self.memory.take()
                print(f"fault {number + 1} of {faults}", file=sys.stderr, flush=True)
            if time.monotonic() - began > LONGEST:
                print(f"stopped after {LONGEST} s", file=sys.stderr, flush=True)
                return

    async def _mend(self) -> None:
        """What a bot's author has to do where the client does not: throw it away and connect anew."""
        await self.ears.take()
        lost = not self.voice.is_connected() or not self.voice.is_playing()
        if not lost and self.ears.silent_for < SILENCE_LIMIT:
            return
        self.by_hand += 1
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.voice.disconnect(force=True), CONNECT_LIMIT)
        with contextlib.suppress(Exception):
            await self.connect()

    async def goes_on(self) -> bool:
        """Whether, once the dust has settled, the song is heard and the recording grows."""
        deadline = time.monotonic() + CALM_LIMIT
        while time.monotonic() < deadline:
            await self.ears.take()
            written = self.sink.writes
            await asyncio.sleep(1.0)
            heard = await self.ears.take()
            if heard >= 40 and self.voice.is_connected() and (self.stock or self.sink.writes > written + 25):
                return True
        return False


async def talk(discord: FakeDiscordProcess, folder: Path) -> None:
    """Bob and dora talk without end, each in a channel."""
    speech = folder / "speech.wav"
    write_wav(speech, tone(440, 20.0))
    speakers = [discord.speak("General", user="bob"), discord.speak("Music", user="dora")]
    while True:
        for speaker in speakers:
            if not await asyncio.to_thread(lambda speaker=speaker: speaker.is_playing):
                await asyncio.to_thread(speaker.play_file, str(speech))
        await asyncio.sleep(0.5)


async def soak(discord: FakeDiscordProcess, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    bot = pycord.Client(intents=pycord.Intents.default())
    running = asyncio.create_task(bot.start(discord.token))
    await asyncio.wait_for(bot.wait_for("ready"), CONNECT_LIMIT)
    talking = asyncio.create_task(talk(discord, folder))
    run = Soak(discord, bot, Ears(discord), stock=options.stock)
    await run.connect()
    # What is made once and kept, such as a second voice server's, is no leak.
    await run.run(min(10, options.faults), options.seed + 1_000_003)
    settled = await run.goes_on()
    run.happened.clear()
    run.ears.forget()
    run.memory.forget()
    run.impossible = run.by_hand = 0
    before, began, cpu = leftovers(), time.monotonic(), time.process_time()
    await run.run(options.faults, options.seed)
    recovered = await run.goes_on()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    after = leftovers()
    deadline = time.monotonic() + 5.0
    while (
        not options.stock and any(after[name] > before.get(name, 0) for name in after) and time.monotonic() < deadline
    ):
        # Sockets that are being closed take a moment.
        await asyncio.sleep(0.2)
        after = leftovers()
    leaked = {name: after[name] - before.get(name, 0) for name in after if after[name] > before.get(name, 0)}
    registered = run.guild.voice_client is run.voice
    stats = None if options.stock else {"resumes": run.voice.stats.resumes, "reconnects": run.voice.stats.reconnects}
    talking.cancel()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(run.voice.disconnect(force=True), CONNECT_LIMIT)
    await bot.close()
    await asyncio.wait([running], timeout=5)
    if running.done() and not running.cancelled():
        # Whatever the library makes of being closed in the midst of something.
        running.exception()
    return {
        "client": f"py-cord {pycord.__version__}" if options.stock else "isocord",
        "faults": sum(run.happened.values()),
        "faults that could not happen": run.impossible,
        "seconds": round(seconds, 1),
        "frames heard": run.ears.frames,
        "frames lost": run.ears.lost,
        "frames that could not be opened": run.ears.unopened,
        "pauses over 0.1 s": len(run.ears.pauses),
        "seconds of pause": round(sum(run.ears.pauses), 1),
        "longest pause": round(max(run.ears.pauses, default=0.0), 2),
        "reconnected by hand": run.by_hand,
        "voice client": stats,
        "recorded frames": run.sink.writes,
        "playing goes on": settled and recovered,
        "registered": registered,
        "leaked": {**leaked, **run.memory.leaks()},
        "left": after,
        "memory MB": run.memory.resident,
        "native MB in use": run.memory.native,
        "Python blocks in use": run.memory.blocks,
        "cpu seconds": round(cpu, 1),
        "by kind": dict(sorted(run.happened.items())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stock", action="store_true", help="py-cord's own client")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    import tempfile

    guild = GuildSpec(members=("alice", "bob", "carol", "dora"))
    with tempfile.TemporaryDirectory(prefix="isocord-soak-") as folder, FakeDiscordProcess(guilds=[guild]) as discord:
        figures = asyncio.run(soak(discord, options, Path(folder)))
    for name, value in figures.items():
        print(f"{name:>32}: {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    kept = figures["playing goes on"] and figures["registered"] and not figures["leaked"]
    return 0 if kept or options.stock else 1


if __name__ == "__main__":
    sys.exit(main())
