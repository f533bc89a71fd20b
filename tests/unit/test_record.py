"""Values: fields by place and by name, defaults, equality, and secrets that are never shown."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from isocord.runtime.values import Record, secret


class Point(Record):
    """Two numbers."""

    x: int
    y: int = 5


class Named(Point):
    """With a name that is shown and a key that is not."""

    name: str = "here"
    key: bytes = secret(default=b"")


class Token(Record):
    """Has to be given."""

    value: str = secret()


class Empty(Record):
    """No fields."""


class OtherEmpty(Record):
    """None either."""


def test_fields_by_place_and_by_name() -> None:
    assert Point(1, 2) == Point(y=2, x=1) != Point(1)
    assert (Point(1).x, Point(1).y) == (1, 5)
    assert Named(1, 2, "there", b"k") == Named(x=1, y=2, name="there", key=b"k")
    match Named(1, key=b"s"):
        case Named(x, y, name, key):
            assert (x, y, name, key) == (1, 5, "here", b"s")


def test_values_are_equal_only_within_their_class() -> None:
    assert Empty() == Empty() != OtherEmpty()
    assert Point(1, 5) != Named(1, 5)
    assert {Point(1): "a"}[Point(1, 5)] == "a"
    assert len({Empty(), OtherEmpty(), Empty()}) == 2


def test_secrets_are_not_shown() -> None:
    assert repr(Named(1, key=b"hush")) == "Named(x=1, y=5, name='here')"
    assert repr(Token("hush")) == "Token()"
    assert Token("hush") != Token("hushed")


@pytest.mark.parametrize(
    "make",
    [Point, lambda: Point(1, 2, 3), lambda: Point(1, x=1), lambda: Point(1, z=2), Token],
)
def test_wrong_fields_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        make()


def test_nothing_changes() -> None:
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: setattr(point, "z", 2), lambda: delattr(point, "x")):
        with pytest.raises(AttributeError, match="cannot be changed"):
            change()
    assert copy.copy(point) == copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
