"""The voice client whose sound is carried by media nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from .. import _native
from ..client.voice_client import VoiceClient
from ..connection.carrier import Carrier, MediaHalf, MediaOwner
from ..runtime.thread import GatewayThread, gateway_thread
from .address import NodeAddress
from .link import where_it_waits
from .media import RemoteMedia
from .messages import MOST_KEEP
from .native import RemoteNative
from .search import Nodes


class Elsewhere:
    """Sound is carried by media nodes.

    Args:
        nodes: gives those that may be taken.
        keep: seconds for which they wait for another process of the bot.

    Raises:
        ValueError: ``keep`` is out of its range.
    """

    def __init__(self, nodes: Nodes, keep: float = 0.0) -> None:
        if not 0 <= keep <= MOST_KEEP:
            raise ValueError(f"resume must be 0 to {MOST_KEEP:.0f} seconds")
        self._nodes = nodes
        self._keep = float(keep)

    def native(self, on_event: Callable[[_native.Event], None]) -> Any:
        """What sends and receives, there."""
        return RemoteNative(gateway_thread())

    def tracks(self, native: Any) -> Any:
        """What makes tracks that it plays."""
        return native

    def media(self, owner: MediaOwner, thread: GatewayThread, native: Any, **of: Any) -> MediaHalf:
        """What carries it."""
        return RemoteMedia(owner, thread=thread, native=native, nodes=self._nodes, keep=self._keep, **of)


def voice_client(
    nodes: NodeAddress | Iterable[NodeAddress] | Callable[[], list[NodeAddress]], *, resume: float = 0.0
) -> type[VoiceClient]:
    """A class for ``channel.connect(cls=...)`` whose connections are carried by media nodes.

    Everything else is as with :class:`isocord.VoiceClient`: events, playing, listening.

    Args:
        nodes: the node, several of them, the preferred one first, or a function that gives such a list, which is asked
            for each connection and when a node is lost. It must return at once. What it raises is told in the log,
            and counts as a node that is not there: it is asked again.
        resume: seconds, at most 600, for which a connection goes on where the bot's process has ended without a leave:
            what runs beside it is still heard. A connection to the same guild that is made meanwhile takes it over, and
            :func:`run_beside` finds what runs there.

    Raises:
        TypeError: nodes are given by something else.
        ValueError: ``resume`` is out of its range.
    """
    asked = _given(nodes)
    return carried_by(lambda endpoint: asked(), resume)


def _given(
    nodes: NodeAddress | Iterable[NodeAddress] | Callable[[], list[NodeAddress]],
) -> Callable[[], list[NodeAddress]]:
    if callable(nodes):
        return lambda: _addresses(nodes())
    fixed = _addresses(nodes)
    return lambda: fixed


def _addresses(nodes: NodeAddress | Iterable[NodeAddress]) -> list[NodeAddress]:
    found = list(nodes) if isinstance(nodes, Iterable) else [nodes]
    if wrong := [type(one).__name__ for one in found if not isinstance(one, NodeAddress)]:
        raise TypeError(f"media nodes are given by what MediaNode.address gives, and not as {wrong[0]}")
    return found


async def resumable(
    nodes: NodeAddress | Iterable[NodeAddress] | Callable[[], list[NodeAddress]], user_id: int
) -> list[int]:
    """The voice channels in which connections of a bot's go on though its process has ended: see ``resume`` of
    :func:`voice_client`.

    Args:
        nodes: as there.
        user_id: the bot.

    Returns:
        Ids of channels, of all guilds, whichever process of the bot had them. A node that does not answer within a few
        seconds has none.

    Raises:
        TypeError: nodes are given by something else.
    """
    thread = gateway_thread()
    asked = asyncio.run_coroutine_threadsafe(where_it_waits(_given(nodes)(), thread, user_id), thread.loop)
    found = await asyncio.wrap_future(asked)
    return list(dict.fromkeys(channel for seats in found.values() for channel, _ in seats.values()))


def carried_by(nodes: Nodes, resume: float) -> type[VoiceClient]:
    """As :func:`voice_client`, of nodes that are chosen by the voice server."""

    carrier = Elsewhere(nodes, resume)

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
