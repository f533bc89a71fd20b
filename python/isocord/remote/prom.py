"""A media node's figures for Prometheus, by way of ``prometheus_client``; on a Ray cluster Ray exports them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .figures import FIGURES, Figure, NodeFigures
from .node import MediaNode

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family


class NodeCollector:
    """What :func:`prometheus` registers. It measures when it is scraped, and is idle otherwise."""

    def __init__(self, node: MediaNode) -> None:
        self._figures = NodeFigures(node)

    def describe(self) -> list[Family]:
        """Every metric without a value, so that the registry finds names that are taken."""
        return [_family(figure) for figure in FIGURES]

    def collect(self) -> Iterator[Family]:
        """Every metric with its value now."""
        for figure, value in self._figures.values():
            family = _family(figure)
            family.add_metric([], value)  # type: ignore[attr-defined, unused-ignore]
            yield family


def prometheus(node: MediaNode, registry: CollectorRegistry | None = None) -> NodeCollector:
    """Have Prometheus see a media node of this process: its connections, cores, packets, and how late they left.

    Metrics are named ``isocord_node_`` and their field: ``isocord_node_connections``,
    ``isocord_node_lateness_p99_seconds``, ``isocord_node_packets_sent_total``. What happened is told of the time
    between two scrapes.

    Args:
        node: it.
        registry: where they are registered; ``prometheus_client.REGISTRY`` unless given.

    Returns:
        The collector, for ``registry.unregister``.

    Raises:
        ImportError: ``prometheus_client`` is not there.
        ValueError: a node is registered there already.
    """
    try:
        from prometheus_client import REGISTRY
    except ImportError as missing:
        raise ImportError("isocord.remote.prometheus() needs: pip install 'isocord[prometheus]'") from missing
    collector = NodeCollector(node)
    # It has the two methods that the registry asks of a collector, without a base class.
    (registry or REGISTRY).register(collector)  # type: ignore[arg-type, unused-ignore]
    return collector


def _family(figure: Figure) -> Family:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    return kind(f"isocord_node_{figure.name}", figure.help, labels=())
