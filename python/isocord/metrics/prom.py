"""For Prometheus, by way of ``prometheus_client``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

try:
    from prometheus_client import REGISTRY
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
except ImportError as _missing:
    raise ImportError("isocord.metrics.prometheus() needs: pip install 'isocord[prometheus]'") from _missing

from ..client.stats import VoiceStats
from .readings import LABELS, METRICS, Metric, Readings, Sample

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
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(name, metric.help, labels=LABELS)
        for sample in samples:
            if isinstance(sample.value, VoiceStats):
                histogram.add_metric(sample.labels, _buckets(sample.value), sample.value.lateness_sum)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.help, labels=LABELS)
    for sample in samples:
        if not isinstance(sample.value, VoiceStats):
            family.add_metric(sample.labels, sample.value)
    return family


def _buckets(stats: VoiceStats) -> list[tuple[str, float]]:
    """As Prometheus has them: each counts those before it as well."""
    below = list(accumulate(count for _, count in stats.lateness_histogram))
    edges = [f"{edge:g}" for edge, _ in stats.lateness_histogram]
    return [*zip(edges, map(float, below), strict=True), ("+Inf", float(below[-1]))]
