"""The voice client whose sound is carried by media nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import _native
from ..client.voice_client import VoiceClient
from ..connection.carrier import Carrier, MediaHalf, MediaOwner
from ..runtime.thread import GatewayThread, gateway_thread
from .address import NodeAddress
from .media import Nodes, RemoteMedia
from .native import RemoteNative


class Elsewhere:
    """Sound is carried by media nodes.

    Args:
        nodes: gives those that may be taken.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def native(self, on_event: Callable[[_native.Event], None]) -> Any:
        """What sends and receives, there."""
        return RemoteNative(gateway_thread())

    def tracks(self, native: Any) -> Any:
        """What makes tracks that it plays."""
        return native

    def media(self, owner: MediaOwner, thread: GatewayThread, native: Any, **of: Any) -> MediaHalf:
        """What carries it."""
        return RemoteMedia(owner, thread=thread, native=native, nodes=self._nodes, **of)


def voice_client(
    nodes: NodeAddress | Iterable[NodeAddress] | Callable[[], list[NodeAddress]],
) -> type[VoiceClient]:
    """A class for ``channel.connect(cls=...)`` whose connections are carried by media nodes.

    Everything else is as with :class:`isocord.VoiceClient`: events, playing, listening.

    Args:
        nodes: the node, several of them, the preferred one first, or a function that gives such a list, which is asked
            for each connection and when a node is lost. It must return at once.
    """
    if isinstance(nodes, NodeAddress):
        nodes = (nodes,)
    if callable(nodes):
        asked = nodes
    else:
        fixed = list(nodes)

        def asked() -> list[NodeAddress]:
            return fixed

    return carried_by(lambda endpoint: asked())


def carried_by(nodes: Nodes) -> type[VoiceClient]:
    """As :func:`voice_client`, of nodes that are chosen by the voice server."""

    carrier = Elsewhere(nodes)

    class RemoteVoiceClient(VoiceClient):
        def _carrier(self) -> Carrier:
            return carrier

    RemoteVoiceClient.__name__ = RemoteVoiceClient.__qualname__ = "VoiceClient"
    return RemoteVoiceClient


def carried_at(voice: VoiceClient) -> NodeAddress | None:
    """The node that carries a client's connection, if one does."""
    connection = voice._connection
    media = None if connection is None else connection.media
    return media.address if isinstance(media, RemoteMedia) else None
