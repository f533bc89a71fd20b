"""Who may know whom in the Rust core (ARCHITECTURE.md), held by reading the sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.rust_sources import Crate, folded, in_circles

ROOT = Path(__file__).resolve().parents[2]
RUST = ROOT / "rust"
PROTO = RUST / "proto" / "src"

CRATES: dict[str, set[str]] = {
    "prefetch": set(),
    "volley": set(),
    "opus": set(),
    "ring": {"prefetch"},
    "proto": {"opus", "prefetch"},
    "io": {"prefetch", "proto", "ring", "volley"},
    "py": {"io", "proto"},
}
"""Which crates of ours a crate may depend on."""

LAYERS = [
    {"connection"},
    {"engine"},
    {"record"},
    {"receive", "send"},
    {"events"},
    {"play"},
    {"desk"},
    {"source"},
    {"dsp", "stats", "threads"},
]
"""The folders of ``rust/io/src``, and the files beside them, from top to bottom: each knows only what stands below."""

STAGES = ["cipher", "dave", "discovery", "jitter", "keepalive", "opus", "pacing", "rtp", "rtcp", "ssrc", "timeline"]
"""Steps of a packet's way: send.rs and recv.rs compose them, they do not know each other."""
VOCABULARY = {("cipher", "rtp"), ("pacing", "frame"), ("timeline", "frame"), ("opus", "frame"), ("jitter", "frame")}
"""Allowed all the same: sizes and names that both sides share."""


@pytest.fixture(scope="module")
def io() -> Crate:
    return Crate(RUST / "io" / "src")


def test_folders_know_only_what_stands_below_them(io: Crate) -> None:
    folders = folded(io.graph())
    assert folders.keys() == set().union(*LAYERS)
    for level, layer in enumerate(LAYERS):
        below = set().union(*LAYERS[level + 1 :])
        for folder in layer:
            assert folders[folder] <= below, f"{folder} knows {folders[folder] - below}"


@pytest.mark.parametrize("crate", ["proto", "io", "py"])
def test_no_files_know_each_other_in_a_circle(crate: str) -> None:
    assert in_circles(Crate(RUST / crate / "src").graph()) == set()


def test_files_are_found_through_folders_that_hand_them_on(tmp_path: Path) -> None:
    """Else the rules above would hold of themselves."""
    texts = {
        "one/mod.rs": "mod inner;\npub use inner::{\n    Thing,\n};\npub struct Own;",
        "one/inner.rs": "use super::Own;\n",
        "two.rs": "//! [`crate::four`]\nuse crate::one::{Own, Thing};\n#[cfg(test)]\nmod tests { use crate::four; }",
        "three.rs": "pub fn f(x: crate::two::X) {}",
        "four.rs": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    graph = Crate(tmp_path).graph()
    expected = {"one/inner": {"one/mod"}, "one/mod": set(), "two": {"one/inner", "one/mod"}, "three": {"two"}}
    assert graph == expected | {"four": set()}
    assert folded(graph)["two"] == {"one"}
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == {"b", "c"}


@pytest.mark.parametrize("stage", STAGES)
def test_stages_of_the_core_do_not_know_each_other(stage: str) -> None:
    sources = [PROTO / f"{stage}.rs"] if (PROTO / f"{stage}.rs").exists() else sorted((PROTO / stage).rglob("*.rs"))
    for path in sources:
        text = re.sub(r"(?m)^\s*//.*$", "", path.read_text("utf-8").split("#[cfg(test)]", maxsplit=1)[0])
        known = set(re.findall(r"\bcrate::(\w+)", text)) - {stage}
        strangers = {other for other in known & set(STAGES) if (stage, other) not in VOCABULARY}
        assert not strangers, f"{path.name} knows {strangers}"


def test_crates_are_layered() -> None:
    manifests = {path.parent.name: path.read_text("utf-8") for path in RUST.glob("*/Cargo.toml")}
    del manifests["fuzz"]
    for crate, manifest in manifests.items():
        assert set(re.findall(r"(?m)^isocord-(\w+)", manifest)) <= CRATES[crate], crate
        assert crate == "py" or "pyo3" not in manifest
    assert "forbid(unsafe_code)" in (PROTO / "lib.rs").read_text("utf-8")
