"""Media nodes in a test's own process; the fixture ``nodes`` makes two."""

from __future__ import annotations

from isocord.remote import MediaNode, NodeAddress


def addresses(nodes: list[MediaNode]) -> list[NodeAddress]:
    """Theirs, in their order."""
    return [node.address for node in nodes]


def carried(nodes: list[MediaNode]) -> list[int]:
    """How many connections each carries."""
    return [node.connections for node in nodes]
