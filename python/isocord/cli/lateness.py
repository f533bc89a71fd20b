"""How late packets left: a bar for each doubling, over all connections that are watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 30
_PARTS = " ▏▎▍▌▋▊▉█"
"""Bars are drawn to an eighth of a character."""
_FIRST = 60e-6
"""Seconds; buckets that end earlier are one with the first that does not."""
_NOTICED, _HEARD = 0.01, 0.02
"""Seconds; who is a frame too late has left a gap."""


def counted(connections: Iterable[dict[str, Any]]) -> dict[float, int]:
    """How many packets left by then, in seconds, and not by the edge before; up to the latest one."""
    counts = Counter[float]()
    before = 0
    for one in connections:
        for edge, count in one["stats"]["lateness_histogram"]:
            before += count
            if edge >= _FIRST:
                counts[edge] += before
                before = 0
    latest = max((edge for edge, count in counts.items() if count), default=0.0)
    return {edge: counts[edge] for edge in sorted(counts) if edge <= latest}


def bars(counts: dict[float, int]) -> Table:
    """Draw them, with the share of each."""
    from rich.table import Table
    from rich.text import Text

    table, total = Table.grid(padding=(0, 1)), sum(counts.values())
    table.add_column(justify="right")
    for edge, count in counts.items():
        style = "green" if edge < _NOTICED else "yellow" if edge < _HEARD else "red"
        bar = Text(_bar(count / total).ljust(_WIDTH), style)
        table.add_row(Text(f"< {edge * 1e3:.2g} ms"), bar, Text(f"{count / total:7.2%}"))
    return table


def _bar(share: float) -> str:
    # What is there at all is seen.
    eighths = max(round(share * _WIDTH * 8), 1 if share else 0)
    return _PARTS[-1] * (eighths // 8) + _PARTS[eighths % 8].strip()
