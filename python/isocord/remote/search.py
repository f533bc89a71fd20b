"""Which media node is to carry a connection; on the gateway thread."""

from __future__ import annotations

from collections.abc import Callable

from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from .address import NodeAddress
from .codec import LinkError
from .link import SEEK_LIMIT, Links, NodeLink, where_it_waits

Nodes = Callable[[str], "list[NodeAddress]"]
"""Gives the nodes that may be taken for a voice server's endpoint, the one to be preferred first; on the gateway
thread, and at once."""

_SEEK_AGAIN_LIMIT = 0.5


class Search:
    """Finds it, whenever there is none.

    Args:
        nodes: knows them.
        thread: the gateway thread.
        user_id: the bot.
        server_id: the guild.
        seeks: whether a node may have a seat that waits for this bot, and is to be preferred then.
        log: the connection's.
    """

    def __init__(
        self, nodes: Nodes, *, thread: GatewayThread, user_id: int, server_id: int, seeks: bool, log: GuildLog
    ) -> None:
        self._nodes = nodes
        self._thread = thread
        self._user_id, self._server_id = user_id, server_id
        self._seeks = seeks
        self._log = log
        self._lost: set[NodeAddress] = set()

    def lost(self, address: NodeAddress) -> None:
        """It is gone, or about to go. It may be there again, and is asked last."""
        self._lost.add(address)

    def knows_another(self, address: NodeAddress, endpoint: str) -> bool:
        """Whether there is a node but this one."""
        try:
            return any(other != address for other in self._candidates(endpoint))
        except LinkError:
            return False

    async def first(self, endpoint: str, *, again: bool, wanted: Callable[[], bool]) -> NodeLink | None:
        """A link to the first node that lets the bot in; None where none is wanted any more.

        Args:
            endpoint: the voice server's.
            again: whether the connection was carried before.
            wanted: whether a node is still looked for.

        Raises:
            LinkError: there is none, and why.
        """
        told = "there is no media node"
        candidates = sorted(self._candidates(endpoint), key=lambda address: address in self._lost)
        if self._seeks:
            # A process of this bot may have been here before; or it was this one, whose link was cut.
            limit = _SEEK_AGAIN_LIMIT if again else SEEK_LIMIT
            found = await where_it_waits(candidates, self._thread, self._user_id, self._server_id, limit=limit)
            # Of two the later one: the other was left behind where a network was cut.
            latest = {address: seats[self._server_id][1] for address, seats in found.items()}
            candidates.sort(key=lambda address: -latest.get(address, -1))
        for address in candidates:
            if not wanted():
                return None
            link = Links.of(self._thread).to(address)
            try:
                await link.open()
            except LinkError as error:
                told = str(error)
                self._lost.add(address)
                continue
            self._lost.discard(address)
            return link
        raise LinkError(told)

    def _candidates(self, endpoint: str) -> list[NodeAddress]:
        try:
            return self._nodes(endpoint)
        except Exception as error:
            # It is code of the bot's, and may fail in any way.
            self._log.error("What gives the media nodes has failed", exc_info=error)
            told = f"what gives the media nodes has failed: {type(error).__name__}: {error}"
            raise LinkError(told) from None
