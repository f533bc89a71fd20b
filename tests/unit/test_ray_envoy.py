"""The process that speaks with Ray, where there is no Ray to speak with."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from isocord.cli.main import main
from isocord.ray import Cluster, ClusterError


@pytest.fixture
def without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports Ray finds none."""
    (tmp_path / "ray.py").write_text("raise ImportError('No module named ray')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


async def test_it_says_at_once_what_is_to_be_installed(without_ray: None) -> None:
    async with Cluster("127.0.0.1:1") as cluster:
        # Nobody waits that long: to wait brings no Ray.
        for nodes in (1, 0):
            with pytest.raises(ClusterError, match=r"isocord\[ray\]") as raised:
                await asyncio.wait_for(cluster.ready(3_600.0, nodes=nodes), 60)
            assert isinstance(raised.value, ImportError)
        assert cluster.stats() == [] and cluster.age == float("inf")


def test_the_command_line_says_it_too(without_ray: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "status", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "isocord[ray]" in told.err


async def test_nobody_waits_for_what_is_closed() -> None:
    cluster = Cluster("127.0.0.1:1")
    cluster.close()
    with pytest.raises(ClusterError):
        await cluster.ready(60.0)


async def test_it_is_not_asked_for_anything_while_it_does_not_run(without_ray: None) -> None:
    cluster = Cluster("127.0.0.1:1")
    cluster.close()
    cluster.close()
    with pytest.raises(ClusterError, match="cannot be spoken with"):
        await cluster.drain("node")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"nodes": -1}, "nodes"),
        ({"nodes": "some"}, "nodes"),
        ({"port": 65_536}, "port"),
        ({"machines": (3, 2), "resources": {"isocord": 1}}, "lesser first"),
        ({"machines": (1, 2)}, "name some"),
    ],
)
def test_what_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Cluster(**wrong)  # type: ignore[arg-type]


def test_ray_is_not_loaded_where_a_bot_runs() -> None:
    code = "import sys, isocord.ray, isocord.cli.cluster; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
