"""What runs on each machine of a Ray cluster: a media node, in a Ray actor."""

from __future__ import annotations

import os
import secrets
import time
from typing import Any

from ..remote import MediaNode
from ..remote.load import LoadMeter
from .sealed import seal

_FRESH = 1.0
"""Seconds for which what was measured holds, so that many bots measure no more than one."""


class NodeHost:
    """The actor. What it is asked and answers are plain values, without secrets.

    Args:
        host: the address that bots reach this machine at.
        port: of TCP; 0 takes a free one.
    """

    def __init__(self, host: str, port: int) -> None:
        self._node = MediaNode(host, port)
        self._instance = secrets.token_hex(8)
        self._meter = LoadMeter(self._node)
        self._load = self._meter.measure()
        self._measured_at = time.monotonic()

    async def look(self, public: bytes) -> dict[str, Any]:
        """Where the node is, sealed for whoever has the private part of this key, and how it does."""
        now = time.monotonic()
        if now - self._measured_at >= _FRESH:
            self._measured_at, self._load = now, self._meter.measure()
        return {
            "instance": self._instance,
            "pid": os.getpid(),
            "sealed": seal(self._node.address, public).hex(),
            "draining": self._node.draining,
            "load": self._load.as_dict(),
        }

    async def drain(self, within: float) -> None:
        """See :meth:`isocord.remote.MediaNode.drain`."""
        self._node.drain(within)

    async def connections(self) -> int:
        """How many it carries."""
        return self._node.connections
