"""Voice whose sound is carried by another process, on this machine or another one.

A bot keeps its voice clients, its gateway and its decisions; websocket, UDP, end-to-end encryption, Opus and the clock
are a :class:`MediaNode`'s. ``cls=isocord.remote.voice_client(nodes)`` in ``channel.connect`` is all that a bot changes.
"""

from .address import NodeAddress
from .client import voice_client
from .node import MediaNode

__all__ = ["MediaNode", "NodeAddress", "voice_client"]
