"""Where recorded sound goes. Sinks see only native frames and errors, never the connection."""

from __future__ import annotations

from .base import AnySink as AnySink
from .base import Sink as Sink

__all__ = ["AnySink", "Sink"]
