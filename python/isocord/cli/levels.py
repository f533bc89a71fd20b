"""How loud everybody is, while it is recorded: bars for people, a line of JSON a second for machines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .. import _native
from ..runtime.text import shown as printable
from .lines import Lines, Shown
from .progress import clock

if TYPE_CHECKING:
    from rich.console import Console, Group

_SOFTEST = -60.0
"""dBFS where a bar begins."""
_WIDTH = 30
_FALL = 30.0
"""Decibels a second that a bar falls."""
_MOST = 25
"""Users that are shown, those who were heard last."""


class Level(NamedTuple):
    """How loud a user was last."""

    level: float
    """dBFS, root mean square of 20 ms, falling slowly."""
    at: float


class Levels:
    """What was heard of each user; filled on a thread, read on another."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._heard: dict[int, Level] = {}

    def hear(self, frame: _native.HeardFrame) -> None:
        """Take a frame."""
        now = self._now()
        level = max(frame.level if frame.level is not None else -math.inf, self._fallen(frame.user_id, now))
        self._heard[frame.user_id] = Level(level, now)

    def now(self) -> dict[int, float]:
        """dBFS of each user who was heard, at most 25 of them."""
        now = self._now()
        # A copy is made in one piece, whatever the other thread does.
        heard = dict(self._heard)
        known = sorted(heard.items(), key=lambda item: -item[1].at)[:_MOST]
        return {user_id: self._fallen(user_id, now) for user_id, _ in sorted(known)}

    def _fallen(self, user_id: int, now: float) -> float:
        heard = self._heard.get(user_id)
        return -math.inf if heard is None else heard.level - _FALL * (now - heard.at)


class Meters(Shown, Protocol):
    """Where it is shown how loud everybody is."""

    def show(self, seconds: float, levels: dict[int, float]) -> None:
        """How long it has been, and how loud everybody is."""


def meters(console: Console | None, name_of: Callable[[int], str | None]) -> Meters:
    """On this terminal, or as lines of JSON where there is none."""
    return Numbers(name_of) if console is None else Bars(console, name_of)


class Numbers(Lines):
    """Lines of JSON; "recording" comes once a second."""

    def __init__(self, name_of: Callable[[int], str | None]) -> None:
        self._name_of = name_of

    def show(self, seconds: float, levels: dict[int, float]) -> None:
        """Print it, if a second is over."""
        if self.is_due():
            users = [
                {
                    "id": str(user_id),
                    "name": self._name_of(user_id),
                    "level": round(level, 1) if level > _SOFTEST else None,
                }
                for user_id, level in levels.items()
            ]
            self.tell("recording", seconds=round(seconds, 2), users=users)


class Bars:
    """A bar for each user."""

    def __init__(self, console: Console, name_of: Callable[[int], str | None]) -> None:
        from rich.live import Live

        self._console, self._name_of = console, name_of
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Bars:
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def tell(self, event: str, **what: Any) -> None:
        """Say where it records, and what it came to."""
        if event == "connected":
            channel, folder = printable(what["channel"]), printable(what["folder"])
            self._console.print(f"Recording {channel} into {folder}; Ctrl-C ends it", markup=False)
            self._console.print("Tell people that they are recorded.", markup=False)
        elif event == "finished":
            self._console.print(_outcome(what))

    def show(self, seconds: float, levels: dict[int, float]) -> None:
        """Draw the bars anew."""
        self._live.update(self._view(seconds, levels), refresh=True)

    def _view(self, seconds: float, levels: dict[int, float]) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        for user_id, level in levels.items():
            full = round(_WIDTH * min(max(1 - level / _SOFTEST, 0.0), 1.0))
            style = "red" if level > -3 else "green"
            bar = Text.assemble(("█" * full, style), ("░" * (_WIDTH - full), "bright_black"))
            number = f"{level:6.1f} dBFS" if level > _SOFTEST else ""
            table.add_row(Text(printable(self._name_of(user_id) or str(user_id))), bar, Text(number))
        return Group(Text(clock(seconds)), table)


def _outcome(what: dict[str, Any]) -> Group:
    """A table of what was written."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(("track", "length", "spoken", "LUFS", "file")):
        table.add_column(name, justify="right" if 0 < number < 4 else "left")
    for track in what["tracks"]:
        loudness = "" if track["loudness"] is None else f"{track['loudness']:.1f}"
        spoken = "" if track["spoken"] is None else clock(track["spoken"])
        files = printable(track["files"][0]) if track["files"] else "nothing"
        more = f" and {len(track['files']) - 1} more" if len(track["files"]) > 1 else ""
        cells = (printable(track["name"] or track["user_id"] or "all"), clock(track["duration"]), spoken, loudness)
        table.add_row(
            *map(Text, cells), Text(f"{files}{more}{'' if track['error'] is None else ': ' + track['error']}")
        )
    return Group(table, Text(f"{clock(what['duration'])} recorded, {what['reason']}"))
