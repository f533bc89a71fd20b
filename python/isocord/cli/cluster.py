"""``isocord cluster``: the media nodes of a Ray cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .terminal import CannotError, complain, output

if TYPE_CHECKING:
    from rich.table import Table

    from ..ray import NodeStats

_COLUMNS = ("node", "host", "region", "connections", "cpu", "packets/s", "p99 ms", "missed/s", "state")
_STYLES = {"up": "green", "draining": "yellow"}
_LIMIT = 60.0


def status(address: str | None, namespace: str, *, as_json: bool) -> int:
    """Show the nodes that there are; returns the exit status."""
    from ..ray import Cluster, ClusterError

    async def look() -> list[NodeStats]:
        # It only looks: no node is started by it.
        async with Cluster(address, namespace, nodes=0) as cluster:
            await cluster.ready(_LIMIT, nodes=0)
            return cluster.stats()

    try:
        out = output(as_json=as_json)
        nodes = asyncio.run(look())
    except (CannotError, ImportError) as error:
        complain("cluster", error)
        return 2
    except ClusterError as error:
        complain("cluster", error)
        return 1
    if out is None:
        print(json.dumps([line(node) for node in nodes]))
    else:
        out.print(table(nodes))
    return 0


def line(node: NodeStats) -> dict[str, Any]:
    """What is told of one, without its address: that holds secrets."""
    return {
        **{name: getattr(node, name) for name in ("node", "host", "region", "draining", "silent", "pid")},
        **node.load.as_dict(),
    }


def table(nodes: Sequence[NodeStats]) -> Table:
    """A row for each."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(_COLUMNS):
        made.add_column(name, justify="right" if 3 <= number < len(_COLUMNS) - 1 else "left", no_wrap=True)
    for node in sorted(nodes, key=lambda node: node.node):
        load, state = node.load, _state(node)
        cells = (
            node.node[:12],
            node.host,
            node.region or "-",
            str(load.connections),
            f"{load.cpu:.2f} / {load.cores}",
            f"{load.packets:.0f}",
            f"{load.lateness * 1e3:.2f}",
            f"{load.missed:.1f}",
            state,
        )
        made.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    total = sum(node.load.connections for node in nodes)
    made.caption = f"{len(nodes)} media nodes, {total} voice connections"
    return made


def _state(node: NodeStats) -> str:
    if node.draining:
        return "draining"
    return "up" if node.silent == 0 else f"silent for {node.silent:.0f} s"
