"""``isocord monitor``: a live view of a running bot's voice connections."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..monitoring.watching import found, watch
from . import lateness
from .progress import clock
from .terminal import CannotError, complain, is_read, output

if TYPE_CHECKING:
    from rich.console import Console, Group

_T = TypeVar("_T")

_NOBODY = "no bot of this user can be watched: call isocord.monitor() in it"
_COLUMNS = ("connection", "state", "sent", "came", "p50 ms", "p99 ms", "max ms", "lost", "jitter ms")
"""The three in the middle say how late packets left."""
_MISHAPS = ("underruns", "missed_slots", "send_errors", "withheld", "resumes", "reconnects")
_STYLES = {"connected": "green", "resuming": "yellow", "reconnecting": "yellow", "connecting": "yellow"}
_MOST_SPEAKERS = 8


def run(process: int | None, *, as_json: bool) -> int:
    """Show the bot of this process id, or the only one, until it has gone or a Ctrl-C; returns the exit status."""
    try:
        out = output(as_json=as_json)
        told = _until_interrupted(watch(_door(process)))
        if out is None:
            for line in told:
                print(json.dumps(line), flush=True)
                # Whoever read our lines has had enough.
                if not is_read():
                    return 0
        else:
            _show(told, out)
    except KeyboardInterrupt:
        return 0
    except CannotError as error:
        complain("monitor", error)
        return 2
    except (OSError, ValueError) as error:
        complain("monitor", error)
        return 1
    complain("monitor", "the bot has gone")
    return 0


def _until_interrupted(told: Iterator[_T]) -> Iterator[_T]:
    """What is told until a Ctrl-C; also until one of which the exception came where Python drops it, in a finalizer."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    before: Any = None
    # Outside the main thread nobody is interrupted.
    with contextlib.suppress(ValueError):
        before = signal.signal(signal.SIGINT, ask)
    try:
        for one in told:
            if asked:
                raise KeyboardInterrupt
            yield one
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _door(process: int | None) -> Path:
    doors = found()
    if process is None and len(doors) > 1:
        raise ValueError(f"there are several bots: say --pid with one of {', '.join(map(str, doors))}")
    if not doors:
        raise ValueError(_NOBODY)
    if process is not None and process not in doors:
        raise ValueError(f"{process} cannot be watched, but {', '.join(map(str, doors))} can")
    return doors[process] if process is not None else next(iter(doors.values()))


def _show(told: Iterator[dict[str, Any]], out: Console) -> None:
    from rich.live import Live

    with Live(console=out, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
        for line in told:
            live.update(view(line), refresh=True)


def view(line: dict[str, Any]) -> Group:
    """What is shown of one line: a row for each connection, below what there is to say of each in words, and how late
    the packets of all left."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(_COLUMNS):
        # Where there is little room, names are broken, and never numbers.
        table.add_column(name, justify="right" if number > 1 else "left", no_wrap=number > 0)
    words = []
    for one in line["connections"]:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in _row(one)))
        words += [Text(f"{_place(one)}: {said}", overflow="ellipsis", no_wrap=True) for said in _words(one)]
    total = line["total"]
    head = f"isocord {line['isocord']}, process {line['pid']}: {total} voice connection{'' if total == 1 else 's'}"
    shown: list[Table | Text] = [Text(head), table, *words]
    if late := lateness.counted(line["connections"]):
        shown += [Text("\npackets left late by", style="bold"), lateness.bars(late)]
    return Group(*shown)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    stats, users = one["stats"], one["users"]
    received, lost = (sum(user[name] for user in users) for name in ("received", "lost"))
    return (
        _place(one),
        one["phase"],
        str(stats["packets_sent"]),
        str(stats["packets_received"]),
        *(f"{stats[name] * 1e3:.2f}" for name in ("lateness_p50", "lateness_p99", "lateness_max")),
        f"{lost / (lost + received):.1%}" if received else "-",
        f"{max(user['jitter'] for user in users) * 1e3:.1f}" if users else "-",
    )


def _words(one: dict[str, Any]) -> Iterator[str]:
    if one["playing"] is not None:
        yield f"plays {_plays(one['playing'])}"
    speakers = [user["name"] or user["id"] for user in one["users"] if user["speaking"]]
    if speakers:
        more = f" and {len(speakers) - _MOST_SPEAKERS} more" if len(speakers) > _MOST_SPEAKERS else ""
        yield f"{', '.join(speakers[:_MOST_SPEAKERS])}{more} {'speaks' if len(speakers) == 1 else 'speak'}"
    mishaps = {name: one["stats"][name] for name in _MISHAPS if one["stats"][name]}
    if mishaps:
        yield ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in mishaps.items())
    if one["phase"] != "connected":
        yield one["reason"]


def _place(one: dict[str, Any]) -> str:
    return f"{one['guild'] or one['guild_id']} / {one['channel'] or one['channel_id']}"


def _plays(playing: dict[str, Any] | None) -> str:
    if playing is None:
        return "-"
    at = playing["elapsed"] if playing["position"] is None else playing["position"]
    length = "" if playing["duration"] is None else f" / {clock(playing['duration'])}"
    return f"{playing['title'] or playing['source']} {clock(at)}{length}{' paused' if playing['paused'] else ''}"
