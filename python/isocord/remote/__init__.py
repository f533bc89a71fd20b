"""Voice whose sound is carried by another process, on this machine or another one.

A bot keeps its voice clients, its gateway and its decisions; websocket, UDP, end-to-end encryption, Opus and the clock
are a :class:`MediaNode`'s. ``cls=isocord.remote.voice_client(nodes)`` in ``channel.connect`` is all that a bot changes.
"""

from .address import NodeAddress
from .beside.errand import BesideError
from .beside.handle import Beside, run_beside
from .beside.voice import BesideVoice
from .client import resumable, voice_client
from .node import MediaNode
from .prom import prometheus

__all__ = [
    "Beside",
    "BesideError",
    "BesideVoice",
    "MediaNode",
    "NodeAddress",
    "prometheus",
    "resumable",
    "run_beside",
    "voice_client",
]
