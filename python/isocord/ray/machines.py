"""The machines of a Ray cluster, and the actor on each of them that holds its media node."""

from __future__ import annotations

import logging
import time
from typing import Any

from ..runtime.text import shown
from .host import NodeHost
from .known import ClusterError

_FOLLOW = 2.0
_LONGEST = 30.0
_PATIENCE = 3
"""Looks in a row without an answer, until it is told."""
_CALL_LIMIT = 30.0
_DRAIN_SPARE = 10.0
_PREFIX = "isocord-media-"
_COST = 0.001
"""Of each resource that is asked for: it tells which machines are meant, and limits nothing."""


class Machine:
    """One of them.

    Attributes:
        actor: Ray's handle of its :class:`~isocord.ray.host.NodeHost`.
    """

    def __init__(self, host: str, labels: dict[str, str], actor: Any) -> None:
        self.host = host
        self.labels = labels
        self.actor: Any = actor
        self.was_lost: bool = False
        self.failures: int = 0
        self.again_at: float = 0.0
        self._told = ""

    def lost(self, error: Exception) -> None:
        """The actor has ended: its handle is looked up again, or another one made, later and later."""
        if self.was_lost:
            return
        self.was_lost = True
        self.failures += 1
        self.again_at = time.monotonic() + min(self.failures - 1, _LONGEST / _FOLLOW) * _FOLLOW
        # Above the last line of Ray's there is a trace.
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        self._told = shown(lines[-1] if lines else type(error).__name__)

    def answered(self) -> None:
        """It is there."""
        self.failures, self._told = 0, ""

    @property
    def trouble(self) -> str | None:
        """Why there is none, if that has been so for a while: one that begins anew is missed now and then."""
        return f"no media node on {self.host}: {self._told}" if self.failures >= _PATIENCE and self._told else None


class Machines:
    """Those that are to carry sound; in the process that speaks with Ray.

    Attributes:
        present: by the ids of Ray.
        known: whether it was ever looked.
        trouble: why they are not known better, in words.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._address: str | None = options["address"]
        self._namespace: str = options["namespace"]
        self._resources: dict[str, float] = options["resources"]
        self._labels: dict[str, str] = options["labels"]
        self._nodes: int | str = options["nodes"]
        self._port: int = options["port"]
        self._runtime_env: dict[str, Any] | None = options["runtime_env"]
        self.present: dict[str, Machine] = {}
        self.known: bool = False
        self.trouble: str | None = None

    def connect(self) -> None:
        """Become a part of the cluster.

        Raises:
            ConnectionError: there is none.
        """
        import ray

        ray.init(
            address=self._address or "auto",
            namespace=self._namespace,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=True,
        )

    def follow(self) -> None:
        """Look which machines there are, again and again."""
        while True:
            try:
                self._refresh()
            except Exception as error:
                self.trouble = f"{type(error).__name__}: {error}"[:500]
            else:
                self.trouble = None
            time.sleep(_FOLLOW)

    def _refresh(self) -> None:
        import ray
        from ray.util import list_named_actors

        nodes: Any = ray.nodes
        able = {one["NodeID"]: one for one in nodes() if one["Alive"] and self._fits(one)}
        named = {one["name"] for one in list_named_actors(all_namespaces=True) if one["namespace"] == self._namespace}
        there = {node for node in able if _PREFIX + node in named}
        missing = sorted(able.keys() - there)
        if self._nodes != "all":
            missing = missing[: max(0, int(self._nodes) - len(there))]
        present = dict[str, Machine]()
        for node in sorted([*there, *missing]):
            before, about = self.present.get(node), able[node]
            if before is not None and not (before.was_lost and time.monotonic() >= before.again_at):
                present[node] = before
                continue
            host, labels = about["NodeManagerAddress"], about.get("Labels") or {}
            if before is None:
                present[node] = Machine(host, labels, self._actor(node, host))
            else:
                before.actor, before.was_lost = self._actor(node, host), False
                present[node] = before
        self.present, self.known = present, True

    def _fits(self, machine: dict[str, Any]) -> bool:
        labels, resources = machine.get("Labels") or {}, machine["Resources"]
        return all(labels.get(name) == value for name, value in self._labels.items()) and all(
            resources.get(name, 0.0) > 0 for name in self._resources
        )

    def _actor(self, node: str, host: str) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options: dict[str, Any] = {
            "name": _PREFIX + node,
            "namespace": self._namespace,
            # Two bots that come at once get the same one.
            "get_if_exists": True,
            "lifetime": "detached",
            "max_restarts": -1,
            "max_task_retries": 0,
            "num_cpus": 0,
            "resources": dict.fromkeys(self._resources, _COST),
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
        }
        if self._runtime_env is not None:
            options["runtime_env"] = self._runtime_env
        return ray.remote(NodeHost).options(**options).remote(host, self._port)

    # What a bot wants.

    def do(self, wish: dict[str, Any]) -> None:
        """Carry it out; returns when that is done.

        Raises:
            ClusterError: there is no such machine.
            Exception: whatever Ray raises.
        """
        if wish["do"] == "shutdown":
            self._shutdown()
        else:
            self._drain(wish["node"], wish["within"], restart=wish["restart"])

    def _drain(self, node: str, within: float, *, restart: bool) -> None:
        import ray

        machine = self.present.get(node)
        if machine is None:
            raise ClusterError(f"there is no media node on a machine {node}")
        ray.get(machine.actor.drain.remote(within), timeout=_CALL_LIMIT)
        deadline = time.monotonic() + within + _DRAIN_SPARE
        while time.monotonic() < deadline:
            if ray.get(machine.actor.connections.remote(), timeout=_CALL_LIMIT) == 0:
                break
            time.sleep(0.2)
        if restart:
            ray.kill(machine.actor, no_restart=False)

    def _shutdown(self) -> None:
        import ray
        from ray.util import list_named_actors

        # None that have just ended are to be made again.
        self._nodes = 0
        for one in list_named_actors(all_namespaces=True):
            if one["namespace"] == self._namespace and one["name"].startswith(_PREFIX):
                ray.kill(ray.get_actor(one["name"], namespace=self._namespace), no_restart=True)
