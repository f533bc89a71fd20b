"""A media node's figures for Prometheus."""

from __future__ import annotations

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("prometheus_client")

import prometheus_client as client

from isocord.remote import MediaNode, prometheus
from isocord.remote.figures import FIGURES


def test_prometheus_sees_a_node() -> None:
    registry = client.CollectorRegistry()
    with MediaNode() as node:
        collector = prometheus(node, registry)
        text = client.generate_latest(registry).decode()
        assert "isocord_node_connections 0.0" in text
        assert "isocord_node_packets_sent_total 0.0" in text
        assert "isocord_node_draining 0.0" in text
        for figure in FIGURES:
            assert f"# HELP isocord_node_{figure.name}" in text
        with pytest.raises(ValueError, match="Duplicated"):
            prometheus(node, registry)
        registry.unregister(collector)
        assert client.generate_latest(registry) == b""
