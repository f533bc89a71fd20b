"""Which media node a connection gets, and what passes through Ray: without Ray."""

from __future__ import annotations

import pytest

pytest.importorskip("cryptography")

from isocord.ray.known import NodeStats, is_near, machines_wanted, preferred
from isocord.ray.sealed import Lock, SealError, seal
from isocord.remote import NodeAddress
from isocord.remote.load import Load, LoadMeter

SECRET = b"\x5a" * 32


def load(cpu: float = 0.0, lateness: float = 0.0, connections: int = 0, cores: int = 2) -> Load:
    return Load(connections, cpu, cores, lateness, 0.0, 0.0)


def node(name: str, known: Load, *, region: str = "", draining: bool = False, silent: float = 0.0) -> NodeStats:
    return NodeStats(name, "10.0.0.1", region, known, draining, silent, 1, NodeAddress(name, 1, "CERT", SECRET))


def order(*nodes: NodeStats, endpoint: str = "rotterdam9.discord.media:443", **given: int) -> list[str]:
    counted = {one.address: given[one.node] for one in nodes if one.node in given}
    return [address.host for address in preferred(nodes, endpoint, given=counted)]


def test_the_least_loaded_comes_first_by_what_was_measured() -> None:
    busy, late, idle = node("busy", load(1.0, connections=1)), node("late", load(lateness=0.004)), node("idle", load())
    assert order(busy, late, idle) == ["idle", "late", "busy"]


def test_what_was_given_since_counts_until_it_is_measured() -> None:
    one, other = node("one", load(0.10, connections=10)), node("other", load(0.12, connections=10))
    assert order(one, other) == ["one", "other"]
    assert order(one, other, one=5) == ["other", "one"]


def test_near_comes_before_far_and_silent_last_and_who_ends_never() -> None:
    near = node("near", load(1.0), region="frankfurt_rotterdam_c-ams")
    far, silent = node("far", load(), region="us-west"), node("silent", load(), silent=10.0)
    ends = node("ends", load(), draining=True)
    assert order(far, silent, ends, near) == ["near", "far", "silent"]


@pytest.mark.parametrize(
    ("region", "endpoint", "near"),
    [
        ("rotterdam", "rotterdam1234.discord.media:443", True),
        ("frankfurt_c-ams", "c-ams06-1a2b3c.discord.media:8443", True),
        ("us-west", "us-east77.discord.media", False),
        ("", "rotterdam1234.discord.media", False),
        ("_", "rotterdam1234.discord.media", False),
    ],
)
def test_what_a_label_says_of_a_voice_server(region: str, endpoint: str, near: bool) -> None:
    assert is_near(region, endpoint) is near


def test_machines_are_asked_for_by_what_those_that_are_there_have_to_do() -> None:
    assert machines_wanted([], 1, 5) == 1
    assert machines_wanted([load(1.9)], 0, 5) == 2
    assert machines_wanted([load(1.9)] * 3, 0, 5) == 5
    assert machines_wanted([load(0.1)] * 3, 0, 5) == 1


def test_an_address_is_sealed_for_one_process_and_shows_nothing() -> None:
    ours, theirs = Lock(), Lock()
    address = NodeAddress("10.0.0.1", 4000, "CERT", SECRET)
    sealed = seal(address, ours.public)
    assert ours.open(sealed) == address
    assert SECRET not in sealed and SECRET.hex().encode() not in sealed and b"CERT" not in sealed
    assert sealed != seal(address, ours.public)
    for wrong in (sealed[:-1], sealed[:10], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealError):
            ours.open(wrong)
    with pytest.raises(SealError) as raised:
        theirs.open(sealed)
    assert SECRET.hex() not in repr(raised.value)
    with pytest.raises(SealError):
        seal(address, b"short")


def test_what_is_shown_of_a_node_has_no_secret() -> None:
    stats = node("one", load())
    for shown in (repr(stats), repr([stats]), repr(stats.address), str({"x": stats}), f"{stats.address}"):
        assert "CERT" not in shown and repr(SECRET) not in shown and "Z" * 8 not in shown


class _Stats:
    def __init__(self, late: dict[float, int], missed: int = 0) -> None:
        self.lateness_histogram = sorted(late.items())
        self.missed_slots = missed


class _Node:
    def __init__(self) -> None:
        self.counted: dict[tuple[int, int, int], _Stats] = {}

    def stats(self) -> dict[tuple[int, int, int], _Stats]:
        return self.counted


def test_a_load_is_of_what_happened_since_the_last_look() -> None:
    measured = _Node()
    meter = LoadMeter(measured)  # type: ignore[arg-type]
    measured.counted = {(1, 1, 1): _Stats({0.001: 1000, 0.008: 5}, missed=3)}
    first = meter.measure()
    assert (first.connections, first.lateness) == (1, 0.001)
    assert first.packets > 0 and first.missed > 0
    # Another one comes, and only that is late.
    measured.counted = {(1, 1, 1): _Stats({0.001: 1000, 0.008: 5}, 3), (1, 2, 2): _Stats({0.016: 10})}
    second = meter.measure()
    assert (second.connections, second.lateness, second.missed) == (2, 0.016, 0.0)
    # Those that have gone take nothing away.
    measured.counted = {}
    third = meter.measure()
    assert (third.connections, third.lateness, third.packets) == (0, 0.0, 0.0)
    assert Load(**third.as_dict()) == third
