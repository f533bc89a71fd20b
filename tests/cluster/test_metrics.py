"""The figures of media nodes among Ray's own, as Prometheus scrapes them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("ray")
pytest.importorskip("prometheus_client")

from isocord.remote.figures import FIGURES

from .stage import staged, until

pytestmark = pytest.mark.timeout(300)
PORTS = """
import json, sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
print(json.dumps({one["NodeID"]: one["MetricsExportPort"] for one in ray.nodes() if one["Alive"]}))
"""


def ports(address: str) -> dict[str, int]:
    command = [sys.executable, "-c", PORTS, address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


async def test_ray_exports_what_a_node_does() -> None:
    async with staged(1) as stage:
        await stage.play()
        (node,) = stage.cluster.stats()
        port = (await asyncio.to_thread(ports, stage.machines.address))[node.node]
        shown = ""

        async def counted() -> bool:
            nonlocal shown
            shown = await asyncio.to_thread(scraped, port)
            values = dict(re.findall(r"^ray_isocord_node_(\w+)\{[^}]*\} (\S+)$", shown, re.MULTILINE))
            return float(values.get("connections", 0)) == 1 and float(values.get("packets_sent_total", 0)) > 100

        await until(counted)
        for figure in FIGURES:
            # A counter of Ray's is there from its first count on.
            assert figure.name == "missed_slots" or f"# HELP ray_isocord_node_{figure.name}" in shown
        line = next(line for line in shown.splitlines() if line.startswith("ray_isocord_node_connections{"))
        # Which machine's they are: as the cluster names it, and `isocord cluster status`.
        assert f'node="{node.node}"' in line
        # The same as the bot knows.
        (stats,) = stage.cluster.stats()
        assert stats.load.connections == 1 and stats.load.packets > 0
