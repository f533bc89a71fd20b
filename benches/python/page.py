#!/usr/bin/env python3
"""The page of the documentation that holds the figures, made from what the benches wrote.

    python benches/python/page.py [--figures DIR] [--page FILE]

``make bench`` runs the benches with ``--json`` into ``docs/figures`` and then this.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Row = Sequence[object]

HEAD = """# Benchmarks

What the benches of the repository measured, in one run each, on two shared cores that others used meanwhile. A figure
by itself says little, for machines differ; it is compared with what stands beside it, from the same minute.
`make bench` measures again and renews this page.
"""
STREAMS = """## Thousands of streams

`cargo run --release -p isocord-benches --example streams`: what each stream costs beside the least that it could. For
packets that pass through that is a *bare* loop of absolute sleep and `send()` on as many sockets, in as few slots and
as urgent as ours. *sealed* is such a loop that also encrypts each packet twice, as calls want it, with all that it
takes side by side in memory: nobody can send for less. For encoded sound it is libopus, called for 13 frames every 260
ms, when caches are cold, without any socket; to send comes on top of it. Ratios are medians of neighbouring
measurements; all processes have the same two cores, and the sink takes its share. *ring* is packets that lie ready:
the clock alone. *sources* are written in Python. *before* is an older build, in the same turns. Below is how many one
core or two can do; beyond that streams have gaps, or simpler encoding.

"""
FAULTS = """
## Faults

200 random faults in a row, encrypted, while the bot plays (`benches/python/soak.py`): isocord came back from all by
itself, with 25 s of pause in all and none longer than 0.8 s. py-cord's client had to be reconnected by hand 44 times,
with 668 s of pause (`--stock`).

## In Rust

`cargo bench` measures the parts, most of them beside libopus in turns: a packet on its way out and in, DAVE, the mixer,
each filter, and how late the clock thread wakes. What they cost stands where it matters, in [Filters](filters.md),
[Mixer](mixer.md), [Broadcast](broadcast.md) and [Architecture](architecture.md).
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures", metavar="DIR")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", metavar="FILE")
    options = parser.parse_args()
    options.page.write_text(page(options.figures), "utf-8")
    return 0


def page(folder: Path) -> str:
    """The page; benches that wrote nothing have no section."""
    text = [HEAD]
    sections = {
        "send_timing.json": sending,
        "first_packet.json": connecting,
        "reconnect_many.json": reconnecting,
        "receive.json": recording,
        "latency.json": assistants,
    }
    for name, section in sections.items():
        path = folder / name
        if path.exists():
            text.append(section(json.loads(path.read_text("utf-8"))))
        if section is sending and (folder / "streams.txt").exists():
            text.append(STREAMS + (folder / "streams.txt").read_text("utf-8"))
    return "\n".join([*text, FAULTS.lstrip("\n")])


def sending(report: dict[str, Any]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", "py-cord", "isocord"))
    command = "benches/python/send_timing.py" + (" --quick" if machine["run"] == "quick" else "")
    text = [f"## Sending\n\n`{command}`, with arrival times from the kernel; {versions}.\n"]
    for pinned, where in ((True, "The bot on one core, who hears it on another"), (False, "Both free on all cores")):
        cells = [cell for cell in report["cells"] if cell["pinned"] is pinned and cell["timing"]]
        if cells:
            text.append(f"### {where}\n\n{_cells(cells)}")
    text.append(
        "Loads are what the bot does meanwhile: two CPU-bound threads, a loop that is blocked for 250 ms twice a\n"
        "second, or both. *off by* is by how much 99 % of the gaps differ at most from 20 ms.\n"
    )
    if "connects" in report:
        rows = [
            (
                row["client"],
                len(row["connects"]),
                *(_ms(statistics.median(row[key])) for key in ("connects", "first_packets")),
            )
            for row in report["connects"]
            if row["connects"] and row["first_packets"]
        ]
        text.append("### Connecting\n\n" + _table(("client", "times", "connected / ms", "first packet / ms"), rows))
    if "scale" in report:
        rows = [
            (
                row["kind"],
                row["streams"],
                f"{row['worst_rate']:.2f}",
                _ms(row["timing"]["off_p99"]),
                f"{row['cpu']:.2f}",
            )
            for row in report["scale"]
            if row["timing"]
        ]
        head = ("source", "streams", "packets/s of the slowest", "off by / ms", "CPU of each, ms a second")
        text.append("### Many streams in one bot\n\n" + _table(head, rows))
    if "overhead" in report:
        figures = report["overhead"]
        names = {
            "libopus": "libopus alone, one frame after the other",
            "file": "isocord plays a WAV file",
            "pcm": "isocord plays PCM from a thread in Python",
            "floor": "a thread that sleeps for 20 ms and sends a datagram, over and over",
        }
        rows = [
            (text_, f"{figures[name]:.2f}", f"{figures[name] / figures['libopus']:.2f}")
            for name, text_ in names.items()
        ]
        text.append("### One stream beside libopus\n\n" + _table(("what", "CPU, ms a second", "of libopus"), rows))
    return "\n".join(text)


def connecting(report: dict[str, Any]) -> str:
    moments = ("connect()", "first packet", "first encrypted")
    rows = []
    for load, clients in report.items():
        for client, connects in clients.items():
            there = [[one[moment] for one in connects if one[moment] is not None] for moment in moments]
            rows.append(
                (load, client, len(connects), *(_ms(statistics.median(times)) if times else "-" for times in there))
            )
    head = ("load", "client", "times", "connected / ms", "first packet / ms", "first encrypted packet / ms")
    text = (
        "## To the first encrypted packet\n\n"
        "`benches/python/first_packet.py`: from the call of `connect()`, the median; bots of all\n"
        "clients take turns. The libraries' own clients send what comes before the call's key in the clear; isocord\n"
        "sends nothing then. Loads as above.\n\n"
    )
    return text + _table(head, rows)


def reconnecting(report: dict[str, Any]) -> str:
    kinds = ("websockets cut", "sessions gone")
    figures = [name for name in report[kinds[0]] if name != "listeners that hear nothing"]
    rows = [(name, *(report[kind][name] for kind in kinds)) for name in figures]
    made = report["connect"]
    text = (
        "## Reconnecting\n\n`benches/python/reconnect_many.py "
        f"--connections {report['connections']} --playing {report['playing']}`: connections of one process,\n"
        "some of which play, all but a few lost at the same moment. They were made within "
        f"{made['seconds']} s, with {made['cpu seconds']} s\nof CPU. Times are seconds.\n\n"
    )
    return text + _table(("what", *kinds), rows)


def _cells(cells: Iterable[dict[str, Any]]) -> str:
    rows = [
        (
            cell["load"],
            cell["source"],
            cell["client"],
            f"{cell['timing']['rate']:.1f}",
            _ms(cell["timing"]["off_p99"]),
            _ms(cell["timing"]["gap_max"]),
            cell["timing"]["late"],
        )
        for cell in cells
    ]
    head = ("load", "source", "client", "packets/s", "off by / ms", "longest gap / ms", "gaps over 40 ms")
    return _table(head, rows)


def recording(report: dict[str, Any]) -> str:
    rows = [
        (
            row["speakers"],
            f"{row['us_per_packet']:.1f}",
            f"{row['libopus_us']:.1f}",
            f"{row['rhythm_us']:.1f}",
            row["lost"],
        )
        for row in report["recording"]
    ]
    head = ("speakers", "a packet, us", "libopus alone, us", "libopus every 20 ms, us", "lost")
    return (
        "## Recording\n\n`benches/python/receive.py`: CPU of the whole process for each packet that is received,\n"
        "decrypted, decoded and written to a WAV file, beside libopus that only decodes it: one packet after\n"
        "the other, or all speakers' every 20 ms, when caches are cold.\n\n" + _table(head, rows) + _many(report)
    )


def _many(report: dict[str, Any]) -> str:
    rows = [
        (
            row["sink"] + (", with its timeline" if row["timeline"] else ""),
            f"{row['us_per_packet']:.1f}",
            f"{row['core_percent']:.0f} %",
            f"{row['resident_mb'][0]:.0f} to {row['resident_mb'][-1]:.0f}",
            row["lost"],
            row["dropped"],
        )
        for row in report.get("many", ())
    ]
    if not rows:
        return ""
    head = ("sink", "a packet, us", "of a core", "MB", "lost packets", "dropped frames")
    first = report["many"][0]
    return (
        f"\n### {first['recordings']} recordings of {first['speakers']} speakers each in one process\n\n"
        + _table(head, rows)
        + "\n*MB* is the memory of the whole process, at the beginning and at the end of the run. The server that\n"
        "sends it all has the same two cores; what is lost or dropped with a timeline is what they had no time for.\n"
    )


KINDS = {
    "mouth": "mouth: `write()` to the first packet",
    "ear": "ear: the first packet to its sound in Python",
    "beyond": "a packet to Python, beyond the jitter buffer",
    "turn": "turn: the last word to the first packet of the answer",
    "barge_in": "barge-in: the first packet to the bot's last one",
    "reaction": "beyond the speech that it takes",
}


def assistants(report: list[dict[str, Any]]) -> str:
    rows = [
        (figures["load"], text, figures["client"], _ms(statistics.median(figures[kind])), _ms(_p99(figures[kind])))
        for kind, text in KINDS.items()
        for figures in report
        if figures[kind]
    ]
    rows += [
        (figures["load"], "that did not come about", figures["client"], "-", f"{figures['missed']} times")
        for figures in report
        if figures["missed"]
    ]
    return (
        "## Voice assistants\n\n`benches/python/latency.py`, in milliseconds. py-cord tells no ends of speech, so\n"
        "its bot waits 200 ms; its ears have no jitter buffer. Barge-in takes 200 ms of speech: for isocord by its\n"
        "voice activity detector, for py-cord's bot of anything loud.\n\n"
        + _table(("load", "what", "client", "p50", "p99"), rows)
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:,.1f}"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
