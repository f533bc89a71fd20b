"""A Ray cluster, as a bot sees it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from ..client.voice_client import VoiceClient
from ..remote import Beside, NodeAddress, resumable, run_beside
from ..remote.client import carried_at, carried_by
from ..remote.load import Load
from .envoy import Envoy
from .known import ClusterError, NodeStats, NoRayError, preferred
from .sealed import Lock, SealError

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..client.typed import HikariVoiceClient

_POLL = 0.05
_ANSWER_LIMIT = 60.0


class Cluster:
    """Media nodes on the machines of a Ray cluster, one on each.

    It finds those that are there by their names, has Ray start those that are missing, and knows within seconds what
    each has to do. It works on threads of its own and by a process that speaks with Ray; what is known goes on to hold
    while Ray's head is away. Nodes belong to the cluster and go on when the bot has gone.

    Args:
        address: of Ray's head, as for ``ray.init``; without one a cluster that this machine belongs to.
        namespace: of Ray. Bots of one namespace share their nodes.
        resources: custom resources of Ray that machines have to have, as in ``{"isocord": 1}``.
        labels: labels of Ray that they have to have. Beside these the label ``isocord-region`` of a machine names the
            voice servers that it is near to, by the beginnings of their host names: ``rotterdam_c-ams``.
        nodes: on how many machines there is to be a node at least: ``"all"`` on each of those; with 0 only what is
            there is used.
        port: of TCP, which bots have to reach; 0 takes a free one on each machine.
        machines: how many Ray's autoscaler is asked for, at least and at most: as many as keep them half busy. It is
            Ray's one request for the whole cluster: only one program may make it.
        runtime_env: Ray's, for the nodes.
        resume: seconds, at most 600, for which a connection goes on where the bot's process has ended without a leave,
            see :func:`isocord.remote.voice_client`.

    Attributes:
        VoiceClient: the class for ``channel.connect(cls=...)``.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> async def connect(channel):
        ...     cluster = isocord.ray.Cluster("10.0.0.1:6379")
        ...     await cluster.ready()
        ...     return await channel.connect(cls=cluster.VoiceClient)
    """

    def __init__(
        self,
        address: str | None = None,
        namespace: str = "isocord",
        *,
        resources: Mapping[str, float] | None = None,
        labels: Mapping[str, str] | None = None,
        nodes: int | Literal["all"] = "all",
        port: int = 0,
        machines: tuple[int, int] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        resume: float = 0.0,
    ) -> None:
        if nodes != "all" and not (isinstance(nodes, int) and nodes >= 0):
            raise ValueError('nodes must be "all" or a number')
        if machines is not None and not 0 <= machines[0] <= machines[1]:
            raise ValueError("machines must be two numbers, the lesser first")
        if machines is not None and not resources:
            raise ValueError("machines are asked for by the resources that each of them has: name some")
        if not 0 <= port <= 65_535:
            raise ValueError("port must be 0 to 65,535")
        self.VoiceClient: type[VoiceClient] = carried_by(self._prefer, resume)
        self._lock = Lock()
        self._nodes: dict[str, NodeStats] = {}
        self._instances: dict[str, NodeAddress] = {}
        self._given: Counter[NodeAddress] = Counter()
        self._seen_at = 0.0
        self._trouble: str | None = None
        self._no_ray: str | None = None
        options = {
            "address": address,
            "namespace": namespace,
            "resources": dict(resources or {}),
            "labels": dict(labels or {}),
            "nodes": nodes,
            "port": port,
            "machines": machines,
            "runtime_env": None if runtime_env is None else dict(runtime_env),
            "public": self._lock.public.hex(),
        }
        self._envoy = Envoy(options, self._learn, self._troubled)

    @property
    def HikariVoiceClient(self) -> type[HikariVoiceClient]:  # noqa: N802 - it is a class
        """What :attr:`VoiceClient` makes for hikari, for ``bot.voice.connect_to``: type checkers want to see that it is
        hikari's ``VoiceConnection`` as well. Needs hikari."""
        from ..hosts.hikari import load

        made: Any = load().joined(self.VoiceClient)
        return cast("type[HikariVoiceClient]", made)

    async def ready(self, timeout: float = 60.0, *, nodes: int = 1) -> None:
        """Wait until it was looked, and so many nodes are known.

        Raises:
            ClusterError: they were not in time; it says what Ray said. Where Ray is not installed it is an ImportError
                as well, and comes at once.
        """
        deadline = time.monotonic() + timeout
        while not self._seen_at or sum(not one.draining for one in self._nodes.values()) < nodes:
            if (missing := self._no_ray) is not None:
                raise NoRayError(missing)
            if time.monotonic() >= deadline or self._envoy.closed:
                told = self._trouble or ("no more have begun" if self._seen_at else "Ray does not answer")
                raise ClusterError(f"{len(self._nodes)} media nodes of the Ray cluster are known: {told}")
            await asyncio.sleep(_POLL)

    def stats(self) -> list[NodeStats]:
        """What is known of all nodes; two seconds old, unless one is ``silent`` or :attr:`age` says otherwise."""
        return list(self._nodes.values())

    @property
    def age(self) -> float:
        """Seconds since it was looked at the nodes; infinity before the first look."""
        return time.monotonic() - self._seen_at if self._seen_at else float("inf")

    def node_of(self, voice: VoiceClient) -> str | None:
        """The machine that carries a connection, as :class:`NodeStats` names it; None if none does at the moment."""
        address = carried_at(voice)
        return next((node for node, stats in self._nodes.items() if stats.address == address), None)

    async def resumable(self, user_id: int) -> list[int]:
        """The voice channels in which connections of a bot's go on though its process has ended: see
        :func:`isocord.remote.resumable`. To be asked after :meth:`ready`.

        Args:
            user_id: the bot.
        """
        return await resumable([stats.address for stats in self._nodes.values()], user_id)

    def run_beside(self, voice: VoiceClient, kind: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Beside:
        """Run a class where a connection's sound is carried: see :func:`isocord.remote.run_beside`.

        It runs in the process of the media node, which is a Ray actor: it may call Ray's other actors, and Ray Serve.

        Args:
            voice: a connection of this cluster's :attr:`VoiceClient`.
            kind: the class; it is made there with a :class:`isocord.remote.BesideVoice` and the arguments.
            args: whatever pickles.
            kwargs: the same.

        Raises:
            ClientError: not connected, or no media node carries it. It is a ``ClientException`` of the bot library as
                well.
            TypeError: ``kind`` is no class, or something does not pickle.
            ValueError: class and arguments are more than 8 MB.
        """
        return run_beside(voice, kind, *args, **kwargs)

    async def drain(self, node: str, within: float = 30.0, *, restart: bool = False) -> None:
        """Have a node carry nothing any more; returns when it is empty, with ``restart`` when another is in its place.
        See :meth:`isocord.remote.MediaNode.drain`.

        Args:
            node: as :class:`NodeStats` names it.
            within: seconds.
            restart: then end its process, so that Ray starts it anew, with the isocord that its machine has by now.
                Otherwise it stays as it is until its machine ends.

        Raises:
            ClusterError: there is no such node, or Ray did not do it.
        """
        if not 0 <= within <= 3600:
            raise ValueError("within must be 0 to 3,600 seconds")
        before = self._nodes.get(node)
        await self._wish({"do": "drain", "node": node, "within": within, "restart": restart}, within)
        deadline = time.monotonic() + _ANSWER_LIMIT
        while restart and before is not None:
            after = self._nodes.get(node)
            if after is not None and after.pid != before.pid:
                return
            if time.monotonic() >= deadline:
                raise ClusterError(f"the media node on {node} has ended, and does not come back")
            await asyncio.sleep(_POLL)

    async def shutdown(self) -> None:
        """End all nodes of the namespace, whichever bot uses them, and close.

        Raises:
            ClusterError: Ray did not do it.
        """
        try:
            await self._wish({"do": "shutdown"}, 0.0)
        finally:
            self.close()

    def close(self) -> None:
        """Speak with Ray no more. The nodes go on; what is connected stays connected. Idempotent."""
        self._envoy.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Cluster nodes={len(self._nodes)}>"

    async def _wish(self, wish: dict[str, Any], more: float) -> None:
        done: concurrent.futures.Future[str | None] = self._envoy.wish(wish)
        try:
            error = await asyncio.wait_for(asyncio.wrap_future(done), _ANSWER_LIMIT + more)
        except asyncio.TimeoutError:
            raise ClusterError("Ray does not answer") from None
        if error is not None:
            raise ClusterError(error)

    # The gateway thread.

    def _prefer(self, endpoint: str) -> list[NodeAddress]:
        found = preferred(list(self._nodes.values()), endpoint, given=self._given)
        if found:
            self._given[found[0]] += 1
        return found

    # The thread of the envoy.

    def _learn(self, told: dict[str, Any]) -> None:
        self._trouble = told["trouble"]
        self._no_ray = told["trouble"] if told.get("missing") else None
        if told["trouble"] and not told["nodes"]:
            # What was known goes on to hold.
            return
        nodes, instances = {}, {}
        for one in told["nodes"]:
            address = self._instances.get(one["instance"])
            if address is None:
                try:
                    address = self._lock.open(bytes.fromhex(one["sealed"]))
                except SealError as error:
                    self._trouble = str(error)
                    continue
            instances[one["instance"]] = address
            load = Load(**one["load"])
            nodes[one["node"]] = NodeStats(
                one["node"], one["host"], one["region"], load, one["draining"], one["silent"], one["pid"], address
            )
        self._instances, self._nodes = instances, nodes
        # What was given is a part of what was measured by now, nearly.
        self._given = Counter()
        self._seen_at = time.monotonic()

    def _troubled(self, trouble: str) -> None:
        self._trouble = trouble
