"""How ``isocord monitor`` ends, and its bars; what else it shows is in ``tests/hosts/test_monitor_command.py``."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Iterator

import pytest

from isocord.cli import lateness
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


def test_how_late_packets_left_is_drawn() -> None:
    console = pytest.importorskip("rich.console").Console(width=80, record=True, file=io.StringIO())
    quick = {"lateness_histogram": [(8e-6, 0), (16e-6, 20), (32e-6, 100), (64e-6, 480), (128e-6, 395), (256e-6, 0)]}
    late = {"lateness_histogram": [(64e-6, 0), (0.016384, 0), (0.032768, 5), (0.065536, 0)]}
    console.print(lateness.bars(lateness.counted([{"stats": quick}, {"stats": late}])))
    rows = [row.split() for row in console.export_text().splitlines()]
    assert rows[0] == ["<", "0.064", "ms", "█" * 18, "60.00%"]
    assert rows[1] == ["<", "0.13", "ms", "█" * 11 + "▉", "39.50%"]
    assert rows[2:4] == [["<", "0.26", "ms", "0.00%"], ["<", "16", "ms", "0.00%"]]
    # It is little, and it is what one looks for.
    assert rows[4:] == [["<", "33", "ms", "▏", "0.50%"]]


def test_nothing_has_left_yet() -> None:
    assert lateness.counted([]) == {}
    assert lateness.counted([{"stats": {"lateness_histogram": [(8e-6, 0), (0.064, 0)]}}]) == {}
