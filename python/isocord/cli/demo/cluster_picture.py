"""The picture of ``isocord demo --cluster``: what was heard in each channel around the end of a media node."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from .cluster import Heard

_COLOURS = {"node 1": "#4050c8", "node 2": "#2e8b57", "node 3": "#c06020"}
_OTHER = "#888888"
_RED = "#d04040"


def draw(path: Path, heard: list[Heard], killed: str) -> None:
    """Write a PNG: above a line for each channel, in the colour of the node that carried it, below the gaps.

    Args:
        path: where.
        heard: of each channel.
        killed: the node.
    """
    figure, (lines, gaps) = plt.subplots(
        2, 1, figsize=(11, 7), sharex=True, gridspec_kw={"height_ratios": [1.3, 1]}, constrained_layout=True
    )
    figure.suptitle(f"isocord: {len(heard)} channels at three media nodes, {killed} is killed; what listeners heard")
    for row, one in enumerate(heard):
        moved = one.times[_longest(one)] if one.before == killed and len(one.times) > 1 else float("inf")
        for begin, end in one.spans():
            node = one.before if begin < moved else one.after
            lines.broken_barh([(begin, end - begin + 0.02)], (row - 0.35, 0.7), color=_COLOURS.get(node, _OTHER))
        at = [(after, (after - before) * 1e3) for before, after in pairwise(one.times)]
        colour = _COLOURS.get(one.after, _OTHER)
        gaps.plot([when for when, _ in at], [gap for _, gap in at], ".", markersize=3, color=colour)
    lines.set_yticks(range(len(heard)), [one.channel for one in heard])
    lines.invert_yaxis()
    for name, colour in _COLOURS.items():
        lines.plot([], [], color=colour, linewidth=6, label=name)
    lines.legend(loc="lower right", ncols=3, frameon=True)
    gaps.set(yscale="log", ylabel="gap to the packet before / ms", xlabel=f"seconds since {killed} was killed")
    gaps.axhline(20, color="#999999", linewidth=0.8)
    for axes in (lines, gaps):
        axes.axvline(0, color=_RED, linewidth=1.2)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _longest(heard: Heard) -> int:
    """The packet after the longest gap."""
    steps = [after - before for before, after in pairwise(heard.times)]
    return steps.index(max(steps)) + 1
