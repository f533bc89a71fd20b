"""What ``isocord cluster status`` shows, without Ray."""

from __future__ import annotations

import io
import json

import pytest

from isocord.cli.cluster import line, table
from isocord.ray.known import NodeStats
from isocord.remote import NodeAddress
from isocord.remote.load import Load

Console = pytest.importorskip("rich.console").Console
SECRET = b"\x5a" * 32


def node(name: str, **about: object) -> NodeStats:
    given = {"region": "", "draining": False, "silent": 0.0, **about}
    load = Load(3, 0.25, 2, 0.000512, 150.0, 0.0)
    address = NodeAddress("10.0.0.7", 4000, "CERTIFICATE", SECRET)
    return NodeStats(node=name, host="10.0.0.7", load=load, pid=7, address=address, **given)


def test_a_row_for_each_node() -> None:
    out = Console(file=io.StringIO(), width=120)
    out.print(table([node("b" * 56, draining=True), node("a" * 56, region="rotterdam"), node("c" * 56, silent=9.0)]))
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    rows = shown.splitlines()
    assert rows[1].split() == ["a" * 12, "10.0.0.7", "rotterdam", "3", "0.25", "/", "2", "150", "0.51", "0.0", "up"]
    assert "draining" in rows[2] and "silent for 9 s" in rows[3]
    assert "3 media nodes, 9 voice connections" in shown
    assert "CERTIFICATE" not in shown


def test_what_machines_are_told_has_no_secret() -> None:
    told = json.dumps(line(node("a")))
    assert json.loads(told)["connections"] == 3 and json.loads(told)["node"] == "a"
    assert "CERTIFICATE" not in told and SECRET.hex() not in told
