"""Media nodes that are given wrongly: it is said at once, and where it was done."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

pytest.importorskip("cryptography")

from isocord.remote import MediaNode, NodeAddress, resumable, voice_client

KEY = b"\x5a" * 32
FIELDS: dict[str, Any] = {"host": "10.0.0.7", "port": 4000, "certificate": "PEM", "key": KEY}
ADDRESS = NodeAddress(**FIELDS)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"key": "Z" * 32}, TypeError),
        ({"key": b"Z" * 31}, ValueError),
        ({"key": None}, TypeError),
        ({"certificate": b"PEM"}, TypeError),
        ({"host": None}, TypeError),
        ({"host": ""}, ValueError),
        ({"port": "4000"}, TypeError),
        ({"port": 0}, ValueError),
        ({"port": 65_536}, ValueError),
    ],
)
def test_an_address_has_fields_of_their_types(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"the {next(iter(wrong))} of a media node") as raised:
        NodeAddress(**{**FIELDS, **wrong})
    assert "Z" not in str(raised.value)


def test_an_address_pickles() -> None:
    assert pickle.loads(pickle.dumps(ADDRESS)) == ADDRESS


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"host": None}, TypeError), ({"host": ""}, ValueError), ({"port": "x"}, TypeError), ({"port": -1}, ValueError)],
)
def test_a_node_listens_at_a_place(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="of a media node"):
        MediaNode(**wrong)


@pytest.mark.parametrize("wrong", [None, 5, "127.0.0.1:5", ["127.0.0.1:5"], [ADDRESS, None], object()])
async def test_nodes_are_given_by_their_addresses(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"MediaNode\.address"):
        voice_client(wrong)
    with pytest.raises(TypeError, match=r"MediaNode\.address"):
        await resumable(wrong, 5)
    with pytest.raises(TypeError, match=r"MediaNode\.address"):
        await resumable(lambda: wrong, 5)
