"""The code of docs/metrics.md runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import isocord
from isocord.metrics import readings

from .. import pages
from .world import World

PAGE = "docs/metrics.md"
STATS, PROMETHEUS, OPENTELEMETRY = pages.python(PAGE)


def run(code: str, scope: dict[str, Any]) -> dict[str, Any]:
    exec(compile(code, PAGE, "exec", dont_inherit=True), scope)
    return scope


async def test_the_stats_of_all(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    await world.connect()
    run(STATS, {"isocord": isocord})
    assert re.fullmatch(
        rf"{world.guild.name}: \d+ packets, 99 of 100 at most \d+\.\d\d ms late\n", capsys.readouterr().out
    )


@pytest.fixture
def served() -> Iterator[Any]:
    client = pytest.importorskip("prometheus_client")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started, start = [], client.start_http_server
    client.start_http_server = lambda *args, **named: started.append(start(*args, **named))
    before = set(client.REGISTRY._collector_to_names)
    yield port
    client.start_http_server = start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join(15)
    for collector in set(client.REGISTRY._collector_to_names) - before:
        client.REGISTRY.unregister(collector)


async def test_prometheus_scrapes_it(world: World, served: int) -> None:
    run(PROMETHEUS.replace("9100", str(served)), {})
    voice = await world.connect()

    def scraped() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{served}/metrics", timeout=10) as answer:
            return str(answer.read(), "utf-8")

    text = await asyncio.to_thread(scraped)
    labels = f'bot="{voice.user.id}",channel="{voice.channel.id}",guild="{voice.server_id}"'
    assert f"isocord_connected{{{labels}}} 1.0" in text
    # What the page says to watch is there.
    page = (pages.ROOT / PAGE).read_text("utf-8")
    for name in re.findall(r"\bisocord_\w+", page.split("Worth an alert")[1]):
        assert re.search(rf"(?m)^{name}\{{", text) or name.startswith("isocord_receive"), name


async def test_opentelemetry_exports_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    exported = []

    def keep(_: object, data: Any, **__: object) -> Any:
        exported.append(data.to_json())
        return export.MetricExportResult.SUCCESS

    # It would print to what was the standard output when it was first imported.
    monkeypatch.setattr(export.ConsoleMetricExporter, "export", keep)
    voice = await world.connect()
    scope = run(OPENTELEMETRY, {"isocord": isocord})
    await asyncio.to_thread(scope["provider"].shutdown)
    assert '"isocord.connected"' in exported[0] and str(voice.server_id) in exported[0]


def test_the_page_has_every_name() -> None:
    page = (pages.ROOT / PAGE).read_text("utf-8")
    assert all(f"`{metric.name}`" in page for metric in readings.METRICS)
