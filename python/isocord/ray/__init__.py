"""Voice carried by the machines of a Ray cluster: ``cls=cluster.VoiceClient`` in ``channel.connect``.

Ray places a media node (:class:`isocord.remote.MediaNode`) on each machine, starts it again when it has ended, and
tells bots where they are and how much they have to do. Sound and control never pass through Ray: they go on while its
head is away, and nothing of Ray runs in the bot's process. Needs ``pip install 'isocord[ray]'``.
"""

from .cluster import Cluster
from .known import ClusterError, NodeStats

__all__ = ["Cluster", "ClusterError", "NodeStats"]
