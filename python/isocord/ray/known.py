"""What a bot knows of a cluster's media nodes, and which of them it prefers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..errors import IsocordError
from ..remote import NodeAddress
from ..remote.load import Load
from ..runtime.values import Record, secret

REGION = "isocord-region"
"""The label of a machine that names the voice servers near it: the beginnings of their host names, with ``_`` between
them."""
SILENT = 6.0
"""Seconds: who says nothing for so long is asked last."""
_LEAST_COST = 0.002
"""Cores that a connection is taken to need before it was measured."""
_FULL = 0.5
"""The share of a machine from which on another one is asked for."""


class ClusterError(IsocordError):
    """The Ray cluster cannot be reached, or does not do what it was asked for."""


class NoRayError(ClusterError, ImportError):
    """Ray is not installed where the bot runs: to wait does not help."""


class NodeStats(Record):
    """A media node of a cluster, as it said last.

    Attributes:
        node: the id of its machine in Ray.
        host: where bots reach it.
        region: the beginnings of the host names of the voice servers that it is near to; empty if that is not known.
        load: what it has to do.
        draining: whether it is to carry nothing any more.
        silent: seconds for which it has said nothing.
        pid: its process.
    """

    node: str
    host: str
    region: str
    load: Load
    draining: bool
    silent: float
    pid: int
    address: NodeAddress = secret()


def preferred(nodes: Iterable[NodeStats], endpoint: str, *, given: Mapping[NodeAddress, int]) -> list[NodeAddress]:
    """The addresses that a new connection may take, the best first: near before far, then the least load.

    Args:
        nodes: what is known.
        endpoint: the voice server's.
        given: how often each was taken first since it said what it has to do.
    """

    def rank(stats: NodeStats) -> tuple[bool, bool, float]:
        near = is_near(stats.region, endpoint)
        return stats.silent > SILENT, not near, expected(stats.load, given.get(stats.address, 0))

    able = [stats for stats in nodes if not stats.draining]
    return [stats.address for stats in sorted(able, key=rank)]


def is_near(region: str, endpoint: str) -> bool:
    """Whether a voice server is one of those that a label names; an empty one names none."""
    return any(endpoint.startswith(beginning) for beginning in region.split("_") if beginning)


def expected(load: Load, more: int) -> float:
    """The share of a machine that is used once it carries ``more`` connections than it said."""
    each = max(_LEAST_COST, load.cpu / load.connections if load.connections else 0.0)
    return load.share + more * each / load.cores


def machines_wanted(loads: Iterable[Load], least: int, most: int) -> int:
    """How many machines there should be, so that none is more than half busy."""
    busy = sum(min(load.share, 2.0) for load in loads)
    return min(most, max(least, math.ceil(busy / _FULL)))
