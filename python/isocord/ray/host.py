"""What runs on each machine of a Ray cluster: a media node, in a Ray actor."""

from __future__ import annotations

import os
import secrets
from typing import Any

from ..remote import MediaNode
from ..remote.figures import NodeFigures
from .export import Export
from .sealed import seal


class NodeHost:
    """The actor. What it is asked and answers are plain values, without secrets.

    Args:
        host: the address that bots reach this machine at.
        port: of TCP; 0 takes a free one.
    """

    def __init__(self, host: str, port: int) -> None:
        # Who may speak with Ray may run code on its machines anyway.
        self._node = MediaNode(host, port, runs_code=True)
        self._instance = secrets.token_hex(8)
        # Many bots look at it, and measure no more than one.
        self._figures = NodeFigures(self._node)
        self._export = Export(self._figures)

    async def look(self, public: bytes) -> dict[str, Any]:
        """Where the node is, sealed for whoever has the private part of this key, and how it does."""
        return {
            "instance": self._instance,
            "pid": os.getpid(),
            "sealed": seal(self._node.address, public).hex(),
            "draining": self._node.draining,
            "load": self._figures.load().as_dict(),
        }

    async def drain(self, within: float) -> None:
        """See :meth:`isocord.remote.MediaNode.drain`."""
        self._node.drain(within)

    async def connections(self) -> int:
        """How many it carries."""
        return self._node.connections
