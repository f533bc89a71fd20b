"""Faults do what they say, the same way for the same seed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from isocord.testing import faults


def run(fault: faults.Fault[Any], number: int = 1000) -> list[tuple[float, int]]:
    return [delivery for n in range(number) for delivery in fault(n)]


def test_lose() -> None:
    kept = run(faults.lose(0.1, seed=1))
    assert 850 < len(kept) < 950
    assert kept == run(faults.lose(0.1, seed=1))
    assert run(faults.lose(0.0)) == [(0.0, n) for n in range(1000)]
    assert run(faults.lose(1.0)) == run(faults.black_hole) == []


def test_lose_every() -> None:
    assert [n for _, n in run(faults.lose_every(3), 7)] == [0, 1, 3, 4, 6]


def test_delays() -> None:
    assert run(faults.delay(0.5), 2) == [(0.5, 0), (0.5, 1)]
    held = [seconds for seconds, _ in run(faults.jitter(0.03, seed=1))]
    assert 0 <= min(held) < 0.001
    assert 0.029 < max(held) <= 0.03
    assert {seconds for seconds, _ in run(faults.reorder(0.5, by=0.05, seed=1))} == {0.0, 0.05}


def test_duplicate() -> None:
    assert run(faults.duplicate(1.0, after=0.01), 1) == [(0.0, 0), (0.01, 0)]
    assert run(faults.duplicate(0.0), 1) == [(0.0, 0)]


def test_broken_datagrams() -> None:
    (corrupted,) = faults.corrupt(1.0, seed=1)(bytes(10))
    assert sum(byte.bit_count() for byte in corrupted[1]) == 1
    assert faults.corrupt(1.0)(b"") == ((0.0, b""),)
    (truncated,) = faults.truncate(1.0, seed=1)(b"0123456789")
    assert b"0123456789".startswith(truncated[1])
    junk, packet = faults.garbage(1.0, seed=1)(b"voice")
    assert packet == (0.0, b"voice")
    assert len(junk[1]) >= 1


def test_a_chain_adds_delays_and_multiplies_copies() -> None:
    fault: faults.Fault[int] = faults.chain(faults.delay(1.0), faults.duplicate(1.0, after=0.5), faults.delay(1.0))
    assert run(fault, 1) == [(2.0, 0), (2.5, 0)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: faults.lose(1.5),
        lambda: faults.lose_every(0),
    ],
)
def test_wrong_arguments(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"share|nth"):
        make()


def test_a_copy_in_another_process_goes_on_in_the_same_way() -> None:
    fault: faults.Fault[bytes] = faults.chain(
        faults.lose(0.2, seed=1),
        faults.lose_every(3),
        faults.duplicate(0.5, seed=2),
        faults.delay(0.1),
        faults.jitter(0.1, seed=3),
        faults.reorder(0.5, seed=4),
        faults.corrupt(0.5, seed=5),
        faults.truncate(0.5, seed=6),
        faults.garbage(0.5, seed=7),
    )
    for _ in range(5):
        fault(b"voice")
    copy = pickle.loads(pickle.dumps(fault))
    assert [copy(b"voice") for _ in range(50)] == [fault(b"voice") for _ in range(50)]
    assert pickle.loads(pickle.dumps(faults.black_hole)) is faults.black_hole
