"""All connections of the process for a system of metrics, with one call.

``isocord.metrics.prometheus()`` needs ``pip install 'isocord[prometheus]'``, ``isocord.metrics.opentelemetry()`` needs
``pip install 'isocord[opentelemetry]'``. Names are those of :class:`isocord.VoiceStats`, and after ``receive_`` those
of :attr:`isocord.VoiceClient.receive_stats`; each value has the labels ``guild``, ``channel`` and ``bot``, ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._door.lazy import lazy

if TYPE_CHECKING:
    from .otel import opentelemetry as opentelemetry
    from .prom import prometheus as prometheus

_HOMES = {"otel": ("opentelemetry",), "prom": ("prometheus",)}

__all__ = ["opentelemetry", "prometheus"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(__name__, _HOMES)
