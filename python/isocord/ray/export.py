"""A media node's figures among Ray's own metrics, which each machine's agent exports for Prometheus."""

from __future__ import annotations

import logging
import threading
from typing import Any

from ..remote.figures import FIGURES, NodeFigures

_log = logging.getLogger("isocord.ray")
_INTERVAL = 5.0


class Export:
    """Tells Ray the figures of a node every five seconds, on a thread of its own; in the process of an actor.

    Args:
        figures: of the node.
        interval: seconds between two.
    """

    def __init__(self, figures: NodeFigures, interval: float = _INTERVAL) -> None:
        import ray
        from ray.util.metrics import Counter, Gauge

        self._figures = figures
        self._interval = interval
        tags = {"node": ray.get_runtime_context().get_node_id()}
        self._metrics: dict[str, Any] = {}
        for figure in FIGURES:
            kind = Counter if figure.kind == "counter" else Gauge
            made = kind(f"isocord_node_{figure.name}", description=figure.help, tag_keys=tuple(tags))
            made.set_default_tags(tags)
            self._metrics[figure.name] = made
        self._told: dict[str, float] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="isocord-export", daemon=True).start()

    def close(self) -> None:
        """Tell no more."""
        self._closed.set()

    def tell(self) -> None:
        """Tell them now."""
        for figure, value in self._figures.values():
            metric = self._metrics[figure.name]
            if figure.kind == "gauge":
                metric.set(value)
            elif (more := value - self._told.get(figure.name, 0.0)) > 0:
                self._told[figure.name] = value
                metric.inc(more)

    def _run(self) -> None:
        try:
            while not self._closed.wait(self._interval):
                self.tell()
        except Exception:
            # Sound does not depend on who counts it.
            _log.exception("Ray does not take the figures of the media node")
