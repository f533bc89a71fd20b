"""Counters of a connection that several media nodes carried, one after the other."""

from __future__ import annotations

from typing import Any

from isocord import _native
from isocord.remote.messages import Figures, Received
from isocord.remote.seat import _plain
from isocord.remote.totals import Totals

NOTHING = _plain(_native.Connection(lambda event: None).stats)
EDGES = [edge for edge, _ in NOTHING["lateness_histogram"]]


def figures(packets: int, late: float, messages: int = 0) -> Figures:
    """As of a seat whose packets were all that late."""
    histogram = [(edge, packets if edge / 2 <= late < edge else 0) for edge in EDGES]
    counted: dict[str, Any] = dict.fromkeys(("lateness_p50", "lateness_p99", "lateness_max"), late)
    stats = {**NOTHING, **counted, "packets_sent": packets, "lateness_histogram": histogram}
    return Figures(stats, (), {"received": messages}, 0)


def received(user_id: int, packets: int, jitter: int) -> Received:
    return Received({"rtp": packets, "users": {user_id: {"received": packets, "jitter": jitter}}, "_shown": "rtp=0"})


def test_what_earlier_seats_counted_is_added() -> None:
    totals = Totals()
    assert totals.stats is None
    totals.seated(11)
    totals.note(figures(100, 0.0001, messages=7))
    totals.note(figures(250, 0.0001, messages=9))
    assert totals.stats == figures(250, 0.0001).stats
    totals.seated(22)
    assert totals.stats["packets_sent"] == 250
    totals.note(figures(10, 0.003, messages=1))
    assert totals.stats["packets_sent"] == 260
    assert sum(count for _, count in totals.stats["lateness_histogram"]) == 260
    assert "packets_sent=260 " in totals.stats["_shown"]
    assert totals.gateway == {"received": 10}
    # Half of all left as the first seat's did, and the latest of all was of the second one.
    assert 0.0001 <= totals.stats["lateness_p50"] <= 0.0002
    assert totals.stats["lateness_p99"] == totals.stats["lateness_max"] == 0.003


def test_a_seat_that_was_kept_is_counted_once() -> None:
    totals = Totals()
    for seat, packets in ((11, 100), (22, 50), (11, 130), (11, 140)):
        totals.seated(seat)
        totals.note(figures(packets, 0.0001))
    assert totals.stats is not None
    assert totals.stats["packets_sent"] == 190


def test_of_many_seats_nothing_is_lost() -> None:
    totals = Totals()
    for seat in range(1, 101):
        totals.seated(seat)
        totals.note(figures(10, 0.0001))
    assert totals.stats is not None
    assert totals.stats["packets_sent"] == 1000


def test_users_are_counted_each_and_jitter_is_that_of_now() -> None:
    totals = Totals()
    for seat, told in enumerate((received(5, 100, 9), received(5, 10, 3), received(6, 1, 4)), 1):
        totals.seated(seat)
        totals.note(told)
    assert totals.received == {
        "rtp": 111,
        "users": {5: {"received": 110, "jitter": 3}, 6: {"received": 1, "jitter": 4}},
        "_shown": "rtp=111",
    }
