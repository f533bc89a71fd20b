"""isocord.stats(), and what Prometheus and OpenTelemetry see of it, by their own libraries."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import isocord
from isocord.metrics import readings
from isocord.testing import Mishap, MishapKind

from .rooms import rooms
from .world import Tone, World, until


@pytest.fixture(autouse=True)
def _no_voice_of_an_earlier_test() -> None:
    gc.collect()


async def test_the_stats_of_all_connections() -> None:
    assert isocord.stats() == {}
    async with rooms(3) as (_, all_of_them):
        for room in all_of_them:
            room.voice = await room.channel.connect(cls=isocord.VoiceClient)
        first, *others = all_of_them
        first.voice.play(Tone())
        await first.hears(20)
        stats = isocord.stats()
        assert set(stats) == {room.voice for room in all_of_them}
        assert stats[first.voice].packets_sent >= 20
        assert isinstance(stats[first.voice], isocord.VoiceStats)
        await first.voice.disconnect()
        assert set(isocord.stats()) == {room.voice for room in others}
    assert isocord.stats() == {}


async def test_who_is_forgotten_is_not_kept(world: World) -> None:
    voice = await world.connect()
    await voice.disconnect()
    again = await world.connect()
    assert list(isocord.stats()) == [again]


def labels(voice: Any) -> dict[str, str]:
    return {"guild": str(voice.server_id), "channel": str(voice.channel.id), "bot": str(voice.user.id)}


async def makes_history(
    world: World, see: Callable[[str, dict[str, str]], float | None], late: Callable[[dict[str, str]], bool]
) -> None:
    """A connection that plays, hears, is resumed and replaced.

    Args:
        world: where.
        see: what the library has of it.
        late: whether that tells how late packets left.
    """
    world.discord.listen("General", user="bob")
    voice = await world.connect()
    mine = labels(voice)
    assert see("packets_sent", mine) is not None and see("connected", mine) == 1
    assert see("receive_jitter", mine) is None

    voice.play(Tone())
    listening = voice.listen_with(lambda frame: None)
    world.speak(20.0, "alice")
    await until(lambda: (see("receive_received", mine) or 0) > 20)
    assert see("receive_lost", mine) == 0
    assert 0.0 <= see("receive_jitter", mine) < 1.0  # type: ignore[operator]
    assert (see("packets_sent", mine) or 0) > 0
    await until(lambda: late(mine))

    world.discord.stage(Mishap(MishapKind.WEBSOCKET_CUT))
    await until(lambda: see("resumes", mine) == 1)
    world.discord.stage(Mishap(MishapKind.WEBSOCKET_CLOSED, code=4006))
    await until(lambda: see("reconnects", mine) == 1 and see("connected", mine) == 1)
    stats = voice.stats
    assert (see("resumes", mine), see("reconnects", mine)) == (stats.resumes, stats.reconnects)
    assert (see("latency", mine) is None) == (stats.latency == float("inf"))

    # A user who leaves takes nothing back.
    heard = see("receive_received", mine) or 0
    world.discord.kick("alice")
    assert (see("receive_received", mine) or 0) >= heard
    listening.close()
    voice.stop()
    await voice.disconnect()
    assert see("packets_sent", mine) is None and see("connected", mine) is None
    again = await world.connect()
    assert see("connected", labels(again)) == 1
    await again.disconnect()


async def test_prometheus(world: World) -> None:
    client = pytest.importorskip("prometheus_client")
    parser = pytest.importorskip("prometheus_client.parser")
    registry = client.CollectorRegistry(auto_describe=True)
    collector = isocord.metrics.prometheus(registry)
    with pytest.raises(ValueError, match="isocord_packets_sent"):
        isocord.metrics.prometheus(registry)

    def samples() -> list[Any]:
        text = client.generate_latest(registry).decode()
        return [one for all_of_it in parser.text_string_to_metric_families(text) for one in all_of_it.samples]

    def see(name: str, wanted: dict[str, str], of: list[Any] | None = None) -> float | None:
        names = {f"isocord_{name}{ending}" for ending in ("", "_total", "_seconds")}
        found = samples() if of is None else of
        values = [one.value for one in found if one.name in names and one.labels == wanted]
        assert len(values) <= 1
        return values[0] if values else None

    def late(mine: dict[str, str]) -> bool:
        # Of one moment: packets go on to leave.
        now = samples()
        edges = [*(f"{8e-6 * 2**octave:g}" for octave in range(24)), "+Inf"]
        counts = [see("lateness_seconds_bucket", {**mine, "le": text}, now) for text in edges]
        assert None not in counts and counts == sorted(counts)  # type: ignore[type-var]
        total = see("lateness_seconds_sum", mine, now)
        return counts[-1] == see("lateness_seconds_count", mine, now) != 0 and total is not None and 0 < total < 60

    await makes_history(world, see, late)
    registry.unregister(collector)
    assert client.generate_latest(registry) == b""


async def test_opentelemetry(world: World) -> None:
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader = export.InMemoryMetricReader()
    provider = metrics.MeterProvider(metric_readers=[reader])
    isocord.metrics.opentelemetry(provider.get_meter("a bot"))
    units = {}

    def see(name: str, wanted: dict[str, str]) -> float | None:
        data = reader.get_metrics_data()
        instruments = [
            one
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for one in scope.metrics
        ]
        units.update({one.name: one.unit for one in instruments})
        values = [
            point.value
            for one in instruments
            if one.name == f"isocord.{name}"
            for point in one.data.data_points
            if dict(point.attributes) == wanted
        ]
        assert len(values) <= 1
        return values[0] if values else None

    def late(mine: dict[str, str]) -> bool:
        parts = [see("lateness", {**mine, "quantile": quantile}) for quantile in ("0.5", "0.99", "1")]
        assert None not in parts and parts == sorted(parts)  # type: ignore[type-var]
        return parts[0] != 0

    await makes_history(world, see, late)
    provider.shutdown()
    assert units["isocord.lateness"] == "s" and units["isocord.bytes_sent"] == "By"


def test_what_is_collected_at_once_is_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(10))

    def look(_: readings.Readings) -> dict[str, list[readings.Sample]]:
        moment = next(moments)
        return {metric.name: [readings.Sample((), moment)] for metric in readings.METRICS}

    monkeypatch.setattr(readings.Readings, "_look", look)
    # However slow this machine is.
    monkeypatch.setattr(readings.Readings, "_FRESH", 1e9)
    there = readings.Readings()
    collected = [{sample.value for metric in readings.METRICS for sample in there.of(metric)} for _ in range(2)]
    assert [len(values) for values in collected] == [1, 1] and collected[0] != collected[1]


def test_sums_do_not_fall_when_users_go() -> None:
    class Counts:
        def __init__(self, count: int) -> None:
            self.count = count

        def __getattr__(self, name: str) -> int:
            return self.count

    class Received:
        def __init__(self, **users: int) -> None:
            self.users = {number: Counts(count) for number, count in enumerate(users.values()) if count}

    totals = readings._Totals()
    # Alice and Bob; Bob goes, and comes back after he was forgotten, with less than before and then with more.
    story = [(5, 3, 8), (6, 0, 9), (6, 2, 11), (7, 9, 19)]
    for alice, bob, total in story:
        assert set(totals.take(Received(alice=alice, bob=bob))) == {total}  # type: ignore[arg-type]


def test_the_names_are_those_of_the_stats() -> None:
    named = {metric.name for metric in (*readings.SENT, *readings.LATENCIES)}
    quantiles = {f"lateness_{part}" for part in ("p50", "p99", "max", "sum", "histogram")}
    assert named | quantiles == set(isocord.VoiceStats.__match_args__)
    received = isocord._native.ReceiveStats, isocord._native.UserReceiveStats
    for metric in (*readings.RECEIVED, *readings.HEARD, readings.JITTER):
        assert any(hasattr(kind, metric.name.removeprefix("receive_")) for kind in received), metric.name


@pytest.mark.parametrize(("name", "package"), [("prometheus", "prometheus_client"), ("opentelemetry", "opentelemetry")])
def test_what_is_missing_is_said(name: str, package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import isocord; isocord.metrics.{name}()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert f"pip install 'isocord[{name}]'" in done.stderr.splitlines()[-1]
