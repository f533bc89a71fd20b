"""A bot in a process of its own, whose connection goes on at a media node when it is killed: run by tests.

It is told where Discord is, and the nodes or the Ray cluster; it tells as JSON what it found when it joined, and
answers each line with how often the class beside its sound was asked. With ``leave`` it leaves.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import isocord
from isocord.remote import NodeAddress, resumable, run_beside, voice_client
from isocord.testing.patching import patched

from .. import loops

Where = list[NodeAddress] | str


class Counts:
    """Hums where it is carried, and knows how often it was asked."""

    def __init__(self, voice: Any, wav: bytes) -> None:
        self.times = 0
        mixer = isocord.Mixer(endless=True)
        mixer.play(isocord.AudioFile(io.BytesIO(wav)), loop=True)
        voice.play(mixer)

    async def again(self) -> int:
        self.times += 1
        return self.times


class Waits:
    """Hums where it is carried, once a file is there."""

    def __init__(self, voice: Any, wav: bytes, word: Path) -> None:
        self.voice, self.wav, self.word = voice, wav, word
        self.waiting = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while not self.word.exists():
            await asyncio.sleep(0.01)
        Counts(self.voice, self.wav)

    def ready(self) -> bool:
        return not self.waiting.done()


class Bot:
    """That process, as a test sees it."""

    def __init__(self, discord: Any, where: Where, wav: bytes, resume: float = 30.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from tests.hosts import resuming; resuming.main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(base64.b64encode(pickle.dumps((discord.addresses, discord.token, where, wav, resume))).decode())

    async def joined(self) -> dict[str, Any]:
        """What it found."""
        return await self._answer()

    async def again(self) -> int:
        """How often the class was asked."""
        self._say("again")
        return int(await self._answer())

    async def leave(self) -> None:
        """Have it leave."""
        self._say("leave")
        assert await self._answer() == "left"

    def close(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    async def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), 30))


@contextlib.asynccontextmanager
async def _surfaces(where: Where, resume: float) -> AsyncIterator[Any]:
    """What a Ray cluster has, also of nodes without Ray."""
    if isinstance(where, str):
        from isocord.ray import Cluster

        async with Cluster(where, resources={"isocord": 1}, nodes=0, resume=resume) as cluster:
            await cluster.ready()
            yield cluster
    else:
        made = voice_client(where, resume=resume)
        yield SimpleNamespace(VoiceClient=made, run_beside=run_beside, resumable=partial(resumable, where))


async def _run(token: str, where: Where, wav: bytes, resume: float) -> None:
    async with _surfaces(where, resume) as cluster:
        await _bot(token, cluster, wav)


async def _bot(token: str, cluster: Any, wav: bytes) -> None:
    from .world import library, until

    bot = library.Client(intents=library.Intents.default())
    running = asyncio.create_task(bot.start(token))
    await until(lambda: bot.is_ready() and bot.guilds)
    waiting = await cluster.resumable(bot.user.id)
    channel = next(channel for channel in bot.guilds[0].voice_channels if channel.name == "General")
    voice = await channel.connect(cls=cluster.VoiceClient, timeout=30.0)
    counts = cluster.run_beside(voice, Counts, wav)
    starts = await counts.started()
    print(json.dumps({"resumable": waiting == [channel.id], "found": counts.found, "starts": starts}), flush=True)
    while await asyncio.to_thread(sys.stdin.readline) == "again\n":
        print(json.dumps(await counts.again()), flush=True)
    await voice.disconnect()
    print(json.dumps("left"), flush=True)
    await bot.close()
    await asyncio.wait([running], timeout=15)


def main() -> None:
    """Run it."""
    loops.use()
    addresses, *rest = pickle.loads(base64.b64decode(sys.stdin.readline()))
    with patched(addresses):
        asyncio.run(_run(*rest))
