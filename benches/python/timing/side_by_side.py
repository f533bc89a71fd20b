"""First part: py-cord's own voice client and isocord, under the same loads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isocord.testing import FakeDiscordProcess

from . import lab
from .gaps import Timing, timing

STOCK, ISOCORD = "py-cord", "isocord"


@dataclass(frozen=True)
class Load:
    """What else the bot does."""

    name: str
    threads: int
    block: bool


IDLE = Load("idle", 0, False)
LOADS = (
    IDLE,
    Load("2 GIL threads", 2, False),
    Load("blocked loop", 0, True),
    Load("both", 2, True),
)
ROWS = (
    (STOCK, "pcm"),
    (ISOCORD, "pcm"),
    (ISOCORD, "file"),
    (ISOCORD, "mixer"),
    (ISOCORD, "queue"),
    (ISOCORD, "broadcast"),
    (STOCK, "opus"),
    (ISOCORD, "opus"),
)


@dataclass(frozen=True)
class Cell:
    """One row of the table. Times are in milliseconds.

    Attributes:
        pinned: whether the bot had one core, and the fake another.
        source: ``pcm`` and ``opus`` are sources of py-cord, the others isocord's, see :meth:`Tune.source`.
        timing: of the packets; None if none came.
        connect: how long ``channel.connect`` took.
        first_packet: from the call of ``channel.connect`` to the first packet's arrival.
        cpu: milliseconds of CPU for a second of sound; only without a load.
        error: why there is no result.
    """

    pinned: bool
    load: str
    client: str
    source: str
    timing: Timing | None = None
    connect: float | None = None
    first_packet: float | None = None
    cpu: float | None = None
    error: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ConnectTimes:
    """How long the connects of one process took, in milliseconds, to their end and to the first packet."""

    client: str
    connects: list[float]
    first_packets: list[float | None]
    error: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def run_cell(pinned: bool, load: Load, client: str, source: str, *, seconds: float, tune: Path) -> Cell:
    """Measure one cell, with a fake and a bot of its own."""
    with lab.on_core(lab.FAKE_CORE if pinned else None):
        fake = FakeDiscordProcess(patch=False, dave_version=0)
        fake.start()
    try:
        listener = fake.listen("General")
        result = lab.run_bot(
            "cell",
            addresses=fake.addresses,
            token=fake.token,
            tune=tune,
            core=lab.BOT_CORE if pinned else None,
            limit=seconds + 100,
            client=client,
            source=source,
            seconds=seconds,
            threads=load.threads,
            block=load.block,
        )
        # Silence frames are what fills a gap, not what was played.
        heard = [a for a in listener.arrivals() if a.time_ns <= result["stop_ns"] and not a.is_silence]
    except lab.JobError as error:
        return Cell(pinned, load.name, client, source, error=str(error))
    finally:
        fake.stop()
    return Cell(
        pinned,
        load.name,
        client,
        source,
        timing=timing([[(a.time_ns, a.seq) for a in heard]], result["stop_ns"]),
        connect=result["connect"] * 1e3,
        first_packet=(heard[0].time_ns - result["begin_ns"]) / 1e6 if heard else None,
        cpu=result["cpu"] * 1e3 if load is IDLE else None,
    )


def run_connects(client: str, rounds: int, *, tune: Path) -> ConnectTimes:
    """Connect several times in one idle bot."""
    with FakeDiscordProcess(patch=False, dave_version=0) as fake:
        listener = fake.listen("General")
        try:
            result = lab.run_bot(
                "connects",
                addresses=fake.addresses,
                token=fake.token,
                tune=tune,
                core=None,
                limit=60 + 65 * rounds,
                client=client,
                rounds=rounds,
            )
        except lab.JobError as error:
            return ConnectTimes(client, [], [], str(error))
        times = [arrival.time_ns for arrival in listener.arrivals()]
    firsts: list[float | None] = []
    for one in result["rounds"]:
        first = next((t for t in times if one["begin_ns"] <= t <= one["stop_ns"]), None)
        firsts.append(None if first is None else (first - one["begin_ns"]) / 1e6)
    return ConnectTimes(client, [one["connect"] * 1e3 for one in result["rounds"]], firsts)
