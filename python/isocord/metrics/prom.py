"""For Prometheus, by way of ``prometheus_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

try:
    from prometheus_client import REGISTRY
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
except ImportError as _missing:
    raise ImportError("isocord.metrics.prometheus() needs: pip install 'isocord[prometheus]'") from _missing

from .readings import LABELS, LATENESS, METRICS, QUANTILE, Metric, Readings, Sample

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family


class Collector:
    """What :func:`prometheus` registers. It reads when it is scraped, and is idle otherwise."""

    def __init__(self) -> None:
        self._readings = Readings()

    def describe(self) -> list[Family]:
        """Every metric without values, so that the registry finds names that are taken."""
        return [_family(metric, []) for metric in METRICS]

    def collect(self) -> Iterator[Family]:
        """Every metric with its values now."""
        values = self._readings.all()
        return (_family(metric, values[metric.name]) for metric in METRICS)


def prometheus(registry: CollectorRegistry | None = None) -> Collector:
    """Have Prometheus see all voice connections of this process, also those that are made later.

    Metrics are named ``isocord_`` and their field, with Prometheus' endings: ``isocord_packets_sent_total``,
    ``isocord_latency_seconds``. Times are in seconds.

    Args:
        registry: where they are registered; ``prometheus_client.REGISTRY`` unless given.

    Returns:
        The collector, for ``registry.unregister``.

    Raises:
        ImportError: ``prometheus_client`` is not there.
        ValueError: they are registered there already.
    """
    collector = Collector()
    # It has the two methods that the registry asks of a collector, without a base class.
    (registry or REGISTRY).register(collector)  # type: ignore[arg-type, unused-ignore]
    return collector


def _family(metric: Metric, samples: list[Sample]) -> Family:
    name = f"isocord_{metric.name}" + ("_seconds" if metric.unit == "s" else "")
    labels = (*LABELS, QUANTILE) if metric is LATENESS else LABELS
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.help, labels=labels)
    for sample in samples:
        values = sample.labels if sample.quantile is None else (*sample.labels, sample.quantile)
        family.add_metric(values, sample.value)
    return family
