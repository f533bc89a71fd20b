"""For OpenTelemetry, by way of its API; what exports is up to the bot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

try:
    from opentelemetry.metrics import Observation, get_meter
except ImportError as _missing:
    raise ImportError("isocord.metrics.opentelemetry() needs: pip install 'isocord[opentelemetry]'") from _missing

from .._door.version import __version__
from ..client.stats import VoiceStats
from .readings import LABELS, METRICS, Metric, Readings

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter


def opentelemetry(meter: Meter | None = None) -> None:
    """Have a meter observe all voice connections of this process, also those that are made later.

    Instruments are named ``isocord.`` and their field: ``isocord.packets_sent``, ``isocord.latency``. Times are in
    seconds. They are read when they are collected. Call it once for each meter.

    Args:
        meter: of your provider; that of the global one, with the name "isocord", unless given.

    Raises:
        ImportError: ``opentelemetry-api`` is not there.
    """
    if meter is None:
        meter = get_meter("isocord", __version__)
    readings = Readings()
    for metric in METRICS:
        # What is observed cannot be a histogram in OpenTelemetry: of those it gets quantiles.
        make = meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_gauge
        observe: Callable[[CallbackOptions], Iterable[Observation]] = partial(_observe, readings, metric)
        make(f"isocord.{metric.name}", callbacks=[observe], unit=metric.unit, description=metric.help)


def _observe(readings: Readings, metric: Metric, _: CallbackOptions) -> Iterable[Observation]:
    for sample in readings.of(metric):
        attributes = dict(zip(LABELS, sample.labels, strict=True))
        if isinstance(sample.value, VoiceStats):
            stats = sample.value
            for quantile, value in (
                ("0.5", stats.lateness_p50),
                ("0.99", stats.lateness_p99),
                ("1", stats.lateness_max),
            ):
                yield Observation(value, {**attributes, "quantile": quantile})
        else:
            yield Observation(sample.value, attributes)
