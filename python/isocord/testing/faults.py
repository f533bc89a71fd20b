"""Faults for packets on their way: small functions that compose.

A fault takes one packet and gives the packets that go on in its place, each with a delay in seconds. It works on
whatever it is given: UDP datagrams of a voice session (``session.uplink``, ``session.downlink``) or the sound of a
:class:`~isocord.testing.Speaker`.

Example:
    >>> bad_wifi = chain(lose(0.05, seed=1), jitter(0.030, seed=2), duplicate(0.01, seed=3))
    >>> [packet for _, packet in lose(0.0)(b"voice")]
    [b'voice']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: T) -> Deliveries[T]:
        return () if random.random() < share else ((0.0, packet),)

    return fault


def lose_every(nth: int) -> Fault[T]:
    """Lose every ``nth`` packet."""
    if nth < 1:
        raise ValueError("nth must be at least 1")
    count = 0

    def fault(packet: T) -> Deliveries[T]:
        nonlocal count
        count += 1
        return () if count % nth == 0 else ((0.0, packet),)

    return fault


def black_hole(packet: T) -> Deliveries[T]:
    """Lose everything."""
    return ()


def duplicate(share: float, *, after: float = 0.0, seed: int | None = None) -> Fault[T]:
    """Send a share of the packets twice, the copy ``after`` seconds later."""
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: T) -> Deliveries[T]:
        return ((0.0, packet), (after, packet)) if random.random() < share else ((0.0, packet),)

    return fault


def delay(seconds: float) -> Fault[T]:
    """Hold every packet for the same time."""

    def fault(packet: T) -> Deliveries[T]:
        return ((seconds, packet),)

    return fault


def jitter(seconds: float, *, seed: int | None = None) -> Fault[T]:
    """Hold every packet for a random time from 0 to ``seconds``; over 20 ms this reorders as well."""
    random = _dice(seed)

    def fault(packet: T) -> Deliveries[T]:
        return ((random.uniform(0.0, seconds), packet),)

    return fault


def reorder(share: float, *, by: float = 0.050, seed: int | None = None) -> Fault[T]:
    """Hold a share of the packets for ``by`` seconds, so that later ones overtake them."""
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: T) -> Deliveries[T]:
        return ((by if random.random() < share else 0.0, packet),)

    return fault


def corrupt(share: float, *, seed: int | None = None) -> Fault[bytes]:
    """Flip one random bit in a share of the datagrams."""
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: bytes) -> Deliveries[bytes]:
        if not packet or random.random() >= share:
            return ((0.0, packet),)
        broken = bytearray(packet)
        broken[random.randrange(len(broken))] ^= 1 << random.randrange(8)
        return ((0.0, bytes(broken)),)

    return fault


def truncate(share: float, *, seed: int | None = None) -> Fault[bytes]:
    """Cut a share of the datagrams at a random place."""
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: bytes) -> Deliveries[bytes]:
        if random.random() >= share:
            return ((0.0, packet),)
        return ((0.0, packet[: random.randrange(len(packet) + 1)]),)

    return fault


def garbage(share: float, *, size: int = 200, seed: int | None = None) -> Fault[bytes]:
    """Put a datagram of random bytes in front of a share of the datagrams."""
    _share(share, "share")
    random = _dice(seed)

    def fault(packet: bytes) -> Deliveries[bytes]:
        if random.random() >= share:
            return ((0.0, packet),)
        return ((0.0, random.randbytes(random.randint(1, size))), (0.0, packet))

    return fault


def chain(*faults: Fault[T]) -> Fault[T]:
    """One fault after the other; delays add up."""

    def fault(packet: T) -> Deliveries[T]:
        flying: list[tuple[float, T]] = [(0.0, packet)]
        for step in faults:
            flying = [(held + more, out) for held, inside in flying for more, out in step(inside)]
        return flying

    return fault


_BY_NAME: dict[str, Callable[..., Fault[bytes]]] = {
    "lose": lose,
    "lose_every": lose_every,
    "duplicate": duplicate,
    "delay": delay,
    "jitter": jitter,
    "reorder": reorder,
    "corrupt": corrupt,
    "truncate": truncate,
    "garbage": garbage,
    "black_hole": lambda: black_hole,
}

FaultSpec = Sequence[tuple[str, dict[str, float]]]
"""A chain of faults as plain data: names of this module's functions with their arguments."""


def from_spec(spec: FaultSpec) -> Fault[bytes]:
    """The chain that ``spec`` describes.

    Raises:
        ValueError: no fault of that name, or wrong arguments.

    Example:
        >>> from_spec([("black_hole", {})])(b"voice")
        []
    """
    steps: list[Fault[bytes]] = []
    for name, arguments in spec:
        if name not in _BY_NAME:
            raise ValueError(f"no fault {name!r}; there are {', '.join(_BY_NAME)}")
        try:
            steps.append(_BY_NAME[name](**arguments))
        except TypeError as error:
            raise ValueError(f"fault {name!r}: {error}") from None
    return chain(*steps)
