"""How long a test of a bot waits for its beginning: the fake Discord, and a bot that is ready with its commands.

    python benches/python/testing_start.py [--runs 10]

The bot library is whichever is installed; importing it is not counted, for a bot does that anyway. The first run is
one of a fresh interpreter, the others are what each further test of a suite costs. Each time is the processor's and the
wall's: on a quiet machine both are about the same.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import logging
import statistics
import time
from typing import Any

LIBRARY = next(name for name in ("discord", "disnake", "nextcord") if importlib.util.find_spec(name))


def make_bot(library: Any) -> Any:
    """A bot with a command, where commands are the library's own business; else one with none."""
    commands = importlib.import_module(f"{LIBRARY}.ext.commands")
    bot = commands.Bot("!", intents=library.Intents.default())
    if hasattr(bot, "slash_command"):

        @bot.slash_command(description="Does nothing.")
        async def nothing(inter): ...  # disnake wants its own type there, or none

    return bot


class Watch:
    """Times since the last look: the processor's and the wall's, in seconds."""

    def __init__(self) -> None:
        self._last = (time.process_time(), time.perf_counter())

    def look(self) -> tuple[float, float]:
        before, self._last = self._last, (time.process_time(), time.perf_counter())
        return self._last[0] - before[0], self._last[1] - before[1]


async def run(library: Any) -> list[tuple[float, float]]:
    """Until the fake is there, until the bot is ready, and until both are gone."""
    watch = Watch()
    testing = importlib.import_module("isocord.testing")
    async with testing.FakeDiscord() as discord:
        parts = [watch.look()]
        bot = make_bot(library)
        watch.look()
        async with discord.running(bot):
            parts.append(watch.look())
    return [*parts, watch.look()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    logging.disable()
    library = importlib.import_module(LIBRARY)
    importlib.import_module(f"{LIBRARY}.ext.commands")
    first, *others = [asyncio.run(run(library)) for _ in range(max(runs, 2))]
    medians = [tuple(map(statistics.median, zip(*part, strict=True))) for part in zip(*others, strict=True)]
    print(f"{LIBRARY} {library.__version__}, processor / wall:  the fake is there   the bot is ready   both are gone")
    for name, parts in (("first", first), ("median of the others", medians)):
        print(f"{name:>32}  " + "  ".join(f"{cpu:8.3f} / {wall:5.3f} s" for cpu, wall in parts))


if __name__ == "__main__":
    main()
