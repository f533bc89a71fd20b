"""Second part: many streams of isocord at once, each in a guild of its own, with a websocket of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import lab
from .gaps import Timing, timing
from .sink import Sink, Streams

PASSTHROUGH = "passthrough (Opus)"
BROADCAST = "one Broadcast (WAV)"
KINDS = {"file": "encoded (WAV)", "opus-file": PASSTHROUGH, "broadcast": BROADCAST}
"""Source of :class:`timing.sounds.Tune`, and what the table calls it."""


@dataclass(frozen=True)
class Step:
    """One number of streams.

    Attributes:
        timing: of all packets of all streams.
        worst_rate: packets a second of the stream that had least.
        cpu: milliseconds of CPU for a stream-second, everything in the bot's process.
        connection_kb: KiB of memory that each connection took that this step added, websocket and all.
        stream_kb: KiB that each of their streams took on top: source, encoder, ring.
        underruns, missed, send_errors: as isocord counted them since the start.
    """

    kind: str
    streams: int
    timing: Timing | None
    worst_rate: float
    cpu: float
    connection_kb: float
    stream_kb: float
    underruns: int
    missed: int
    send_errors: int

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def run(kind: str, counts: tuple[int, ...], *, seconds: float, tune: Path, scratch: Path) -> list[Step]:
    """Measure one kind of source at rising numbers of streams, in one process.

    Raises:
        JobError: the bot or the sink did not get through.
    """
    with Sink(max(counts), scratch, None) as sink:
        result = lab.run_bot(
            "scale",
            addresses=sink.addresses,
            token=sink.token,
            tune=tune,
            core=None,
            limit=240 + len(counts) * (seconds + 10),
            source=kind,
            counts=counts,
            seconds=seconds,
        )
        heard = sink.heard()
    added = [count - before for count, before in zip(counts, (0, *counts), strict=False)]
    return [_step(kind, *each, heard) for each in zip(counts, added, result["steps"], strict=True)]


def _step(kind: str, count: int, added: int, raw: dict[str, Any], heard: Streams) -> Step:
    windows = [
        [(time, seq) for time, seq in stream if raw["begin_ns"] <= time <= raw["stop_ns"]] for stream in heard.values()
    ]
    windows = [window for window in windows if window]
    # A stream of which nothing came counts as one, too.
    windows += [[] for _ in range(count - len(windows))]
    alone, connected, playing = raw["resident"]
    return Step(
        kind=KINDS[kind],
        streams=count,
        timing=timing(windows, raw["stop_ns"]),
        worst_rate=min(rate(window) for window in windows),
        cpu=raw["cpu"] * 1e3,
        connection_kb=(connected - alone) / added / 1024,
        stream_kb=(playing - connected) / added / 1024,
        underruns=raw["underruns"],
        missed=raw["missed"],
        send_errors=raw["send_errors"],
    )


def rate(window: list[tuple[int, int]]) -> float:
    """Packets a second between the first and the last."""
    return (len(window) - 1) / ((window[-1][0] - window[0][0]) / 1e9) if len(window) > 1 else 0.0
