"""How ``isocord monitor`` ends; what it shows is in ``tests/hosts/test_monitor_command.py``."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from isocord.cli.monitor import _until_interrupted


def test_a_ctrl_c_ends_it_also_where_python_drops_its_exception() -> None:
    def told() -> Iterator[int]:
        for number in range(100):
            # As in a finalizer, of whose exceptions nobody hears.
            with contextlib.suppress(KeyboardInterrupt):
                if number == 3:
                    signal.raise_signal(signal.SIGINT)
            yield number

    before, seen = signal.getsignal(signal.SIGINT), list[int]()

    def see() -> None:
        for number in _until_interrupted(told()):
            seen.append(number)

    with pytest.raises(KeyboardInterrupt):
        see()
    assert seen == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is before


def test_it_ends_with_what_is_told() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert list(_until_interrupted(iter([1, 2]))) == [1, 2]
    assert signal.getsignal(signal.SIGINT) is before
