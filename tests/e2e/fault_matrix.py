"""The fault matrix: each fault x {idle, playing, recording} x {channel silent, channel talking}, encrypted end to end.

``python -m tests.e2e.fault_matrix`` prints it. All six cells of a fault run at once, in a guild each, with a voice
connection each. What plays is numbered, so that a listener's loss is exact; what is recorded is a tone, so that a gap
is silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import discord as pycord

from isocord.testing import FakeDiscord, GuildSpec, MishapKind, tone
from isocord.testing.wire.opus import encode_pcm

from .fault_cases import CASES, HEARTBEAT, Case
from .fault_cell import Activity, Cell, Outcome, until


class Stage:
    """A fake Discord and a bot that is in all its guilds."""

    def __init__(self, discord: FakeDiscord, bot: pycord.Client) -> None:
        self.discord, self.bot = discord, bot
        kinds = itertools.product(Activity, (False, True))
        self.speech = list(encode_pcm(tone(440, 40.0), "auto"))
        self.cells: list[Cell] = []
        for number, (activity, talking) in enumerate(kinds):
            self.cells.append(Cell(self, number, activity, talking))

    def user(self, guild_id: int, name: str) -> int:
        """A member of this guild only: names repeat in every guild, and a user is in voice once."""
        members = next(guild for guild in self.discord.guilds if guild.id == guild_id).members.values()
        return next(member.id for member in members if member.user.name == name)

    def is_over(self, case: Case, began: float) -> bool:
        """Whether a mishap that is to leave no trace on the voice connection has run its course."""
        match case.mishap.kind:
            case MishapKind.GATEWAY_CUT | MishapKind.GATEWAY_RECONNECT:
                return self.discord.gateway.resumes > self.gateway_resumes
            case MishapKind.ADDRESS_CHANGED:
                return self.discord.counters["discovery_moved"] >= self.moves + len(self.cells)
            case MishapKind.UDP_BLACK_HOLE | MishapKind.UDP_PORT_CLOSED:
                return time.monotonic() > began + case.mishap.lasting
        return True

    async def row(self, case: Case) -> list[Outcome]:
        """All cells of one fault."""
        try:
            return await self._row(case)
        finally:
            # Also of what could not be set up: the next row begins with nothing.
            await asyncio.gather(*(cell.clear() for cell in self.cells))

    async def _row(self, case: Case) -> list[Outcome]:
        set_up = await asyncio.gather(*(cell.set_up(case) for cell in self.cells), return_exceptions=True)
        for failure in filter(None, set_up):
            raise failure
        # What goes wrong goes wrong in a call that is whole: on a busy machine one may have broken meanwhile by itself.
        assert await until(lambda: all(cell.whole() and cell.settled() for cell in self.cells))
        self.gateway_resumes = self.discord.gateway.resumes
        self.moves = self.discord.counters["discovery_moved"]
        last = self.discord.events[-1]
        staged, began = asyncio.Event(), time.monotonic()
        if case.everywhere:
            await asyncio.to_thread(self.discord.stage, case.mishap)
        staged.set()
        outcomes = await asyncio.gather(*(cell.run(case, began, staged) for cell in self.cells))
        events = [entry for entry in self.discord.events if entry.time > last.time]
        for cell, outcome in zip(self.cells, outcomes, strict=True):
            self._judge_chimes(case, cell, outcome, events)
        return outcomes

    @staticmethod
    def _judge_chimes(case: Case, cell: Cell, outcome: Outcome, events: list[Any]) -> None:
        """Leaves and joins are what everybody in the channel hears."""
        asked = [
            entry.data.get("channel_id")
            for entry in events
            if (entry.socket, entry.direction, entry.op) == ("gateway", "received", 4)
            and str(entry.data.get("guild_id")) == str(cell.guild_id)
        ]
        leaves = asked.count(None)
        if leaves > case.leaves:
            outcome.faults.append(f"{leaves} leaves")
        if len(asked) - leaves > case.joins:
            outcome.faults.append(f"{len(asked) - leaves} joins, {case.joins} allowed")


@contextlib.asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """The stage, with a bot that has logged in."""
    guilds = [GuildSpec(f"Guild {number}") for number in range(6)]
    limiter = pycord.gateway.GatewayRatelimiter.__init__
    usual = limiter.__defaults__
    # py-cord holds back what goes beyond 110 messages a minute, as it must with Discord; here there are more.
    limiter.__defaults__ = (100_000, 60.0)
    try:
        async with FakeDiscord(guilds, heartbeat_interval=HEARTBEAT) as discord, _bot(discord) as bot:
            assert await until(lambda: bot.is_ready() and len(bot.guilds) == len(guilds))
            yield Stage(discord, bot)
    finally:
        limiter.__defaults__ = usual


@contextlib.asynccontextmanager
async def _bot(discord: FakeDiscord) -> AsyncIterator[pycord.Client]:
    bot = pycord.Client(intents=pycord.Intents.default())
    running = asyncio.create_task(bot.start(discord.token))
    try:
        yield bot
    finally:
        await bot.close()
        await asyncio.wait([running], timeout=15)
        if running.done() and not running.cancelled():
            # Whatever the library makes of being closed in the midst of something.
            running.exception()


def line(case: Case, outcomes: list[Outcome]) -> str:
    """A row as text: lost frames and recovery of each cell."""

    def text(outcome: Outcome) -> str:
        lost = "-" if outcome.lost is None else str(outcome.lost)
        return f"{lost:>4} {outcome.recovery * 1000:>6.0f}"

    registry = "/".join(sorted({outcome.registry for outcome in outcomes}))
    return f"{case.mishap!s:<26}" + " |".join(text(outcome) for outcome in outcomes) + f" | {registry}"


HEADING = (
    "for each cell: frames lost, recovery in ms; - where there is nothing to hear; last the registry afterwards\n"
    + " " * 26
    + " |".join(
        f"{a.value[:6]:>6}{' +talk' if talking else '':<5}" for a, talking in itertools.product(Activity, (False, True))
    )
)


async def main(names: list[str]) -> int:
    """Print the matrix, or the rows whose name contains one of ``names``; returns the exit status."""
    failed = 0
    print(HEADING)
    async with stage() as set_up:
        for case in CASES:
            if names and not any(name in str(case.mishap) for name in names):
                continue
            outcomes = await set_up.row(case)
            print(line(case, outcomes), flush=True)
            for cell, outcome in zip(set_up.cells, outcomes, strict=True):
                for fault in outcome.faults:
                    failed += 1
                    print(f"    {cell.activity.value}, {'talking' if cell.talking else 'silent'}: {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
