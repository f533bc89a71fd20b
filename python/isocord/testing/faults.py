"""Faults for packets on their way: small functions that compose.

A fault takes one packet and gives the packets that go on in its place, each with a delay in seconds. It works on
whatever it is given: UDP datagrams of a voice session (``session.uplink``, ``session.downlink``) or the sound of a
:class:`~isocord.testing.Speaker`. Those of this module can be pickled, and so sent to another process.

Example:
    >>> bad_wifi = chain(lose(0.05, seed=1), jitter(0.030, seed=2), duplicate(0.01, seed=3))
    >>> [packet for _, packet in lose(0.0)(b"voice")]
    [b'voice']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

T = TypeVar("T")

Deliveries = Sequence[tuple[float, T]]
"""Pairs of a delay in seconds and a packet."""

Fault = Callable[[T], Deliveries[T]]


def _dice(seed: int | None) -> Random:
    return Random(seed)  # noqa: S311 - faults are to be repeatable, not secret.


def _share(value: float, name: str) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be between 0 and 1, not {value}")
    return value


def lose(share: float, *, seed: int | None = None) -> Fault[T]:
    """Lose a share of the packets at random."""
    return partial(_lose, _share(share, "share"), _dice(seed))


def _lose(share: float, random: Random, packet: T) -> Deliveries[T]:
    return () if random.random() < share else ((0.0, packet),)


def lose_every(nth: int) -> Fault[T]:
    """Lose every ``nth`` packet."""
    if nth < 1:
        raise ValueError("nth must be at least 1")
    return _LoseEvery(nth)


@dataclass
class _LoseEvery:
    nth: int
    count: int = 0

    def __call__(self, packet: T) -> Deliveries[T]:
        self.count += 1
        return () if self.count % self.nth == 0 else ((0.0, packet),)


def black_hole(packet: T) -> Deliveries[T]:
    """Lose everything."""
    return ()


def duplicate(share: float, *, after: float = 0.0, seed: int | None = None) -> Fault[T]:
    """Send a share of the packets twice, the copy ``after`` seconds later."""
    return partial(_duplicate, _share(share, "share"), after, _dice(seed))


def _duplicate(share: float, after: float, random: Random, packet: T) -> Deliveries[T]:
    return ((0.0, packet), (after, packet)) if random.random() < share else ((0.0, packet),)


def delay(seconds: float) -> Fault[T]:
    """Hold every packet for the same time."""
    return partial(_delay, seconds)


def _delay(seconds: float, packet: T) -> Deliveries[T]:
    return ((seconds, packet),)


def jitter(seconds: float, *, seed: int | None = None) -> Fault[T]:
    """Hold every packet for a random time from 0 to ``seconds``; over 20 ms this reorders as well."""
    return partial(_jitter, seconds, _dice(seed))


def _jitter(seconds: float, random: Random, packet: T) -> Deliveries[T]:
    return ((random.uniform(0.0, seconds), packet),)


def reorder(share: float, *, by: float = 0.050, seed: int | None = None) -> Fault[T]:
    """Hold a share of the packets for ``by`` seconds, so that later ones overtake them."""
    return partial(_reorder, _share(share, "share"), by, _dice(seed))


def _reorder(share: float, by: float, random: Random, packet: T) -> Deliveries[T]:
    return ((by if random.random() < share else 0.0, packet),)


def corrupt(share: float, *, seed: int | None = None) -> Fault[bytes]:
    """Flip one random bit in a share of the datagrams."""
    return partial(_corrupt, _share(share, "share"), _dice(seed))


def _corrupt(share: float, random: Random, packet: bytes) -> Deliveries[bytes]:
    if not packet or random.random() >= share:
        return ((0.0, packet),)
    broken = bytearray(packet)
    broken[random.randrange(len(broken))] ^= 1 << random.randrange(8)
    return ((0.0, bytes(broken)),)


def truncate(share: float, *, seed: int | None = None) -> Fault[bytes]:
    """Cut a share of the datagrams at a random place."""
    return partial(_truncate, _share(share, "share"), _dice(seed))


def _truncate(share: float, random: Random, packet: bytes) -> Deliveries[bytes]:
    if random.random() >= share:
        return ((0.0, packet),)
    return ((0.0, packet[: random.randrange(len(packet) + 1)]),)


def garbage(share: float, *, size: int = 200, seed: int | None = None) -> Fault[bytes]:
    """Put a datagram of random bytes in front of a share of the datagrams."""
    return partial(_garbage, _share(share, "share"), size, _dice(seed))


def _garbage(share: float, size: int, random: Random, packet: bytes) -> Deliveries[bytes]:
    if random.random() >= share:
        return ((0.0, packet),)
    return ((0.0, random.randbytes(random.randint(1, size))), (0.0, packet))


def chain(*faults: Fault[T]) -> Fault[T]:
    """One fault after the other; delays add up."""
    return partial(_chain, faults)


def _chain(faults: Sequence[Fault[T]], packet: T) -> Deliveries[T]:
    flying: list[tuple[float, T]] = [(0.0, packet)]
    for step in faults:
        flying = [(held + more, out) for held, inside in flying for more, out in step(inside)]
    return flying
