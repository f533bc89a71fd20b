"""Who may import whom (ARCHITECTURE.md), held by reading the sources."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "isocord"
PROTO = ROOT / "rust" / "proto" / "src"

STAGES = ["cipher", "dave", "discovery", "jitter", "keepalive", "opus", "pacing", "rtp", "rtcp", "ssrc", "timeline"]
"""Steps of a packet's way: send.rs, recv.rs and the outlet compose them, they do not know each other."""
VOCABULARY = {("cipher", "rtp"), ("pacing", "frame"), ("timeline", "frame"), ("opus", "frame"), ("jitter", "frame")}
"""Allowed all the same: sizes and names that both sides share."""


def imports(path: Path) -> set[str]:
    """The modules of isocord that a file imports when it is loaded, as ``gateway.protocol``."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(PACKAGE).with_suffix("").parts[:-1]
    hidden = [
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    ]
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node in hidden:
            continue
        if node.level == 0 and not (node.module or "").startswith("isocord"):
            continue
        base = package[: len(package) - node.level + 1] if node.level else ()
        module = node.module or "" if node.level else (node.module or "").removeprefix("isocord").lstrip(".")
        names = [module] if module else [alias.name for alias in node.names]
        found |= {".".join((*base, *filter(None, [name]))) for name in names}
    return found


def files(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


@pytest.mark.parametrize("path", files("testing"), ids=lambda path: path.stem)
def test_the_fake_discord_knows_nothing_of_the_client(path: Path) -> None:
    known = {name.split(".")[0] for name in imports(path)}
    assert known <= {"testing", "_native", "errors"}


@pytest.mark.parametrize("path", [*files("sources"), *files("sinks")], ids=lambda path: path.stem)
def test_sources_and_sinks_see_only_the_native_side_and_errors(path: Path) -> None:
    known = {name.split(".")[0] for name in imports(path)}
    assert known <= {"sources", "sinks", "_native", "errors"}


def test_the_gateway_protocol_does_no_io() -> None:
    for name in ("protocol", "messages", "close_codes"):
        text = (PACKAGE / "gateway" / f"{name}.py").read_text("utf-8")
        assert not re.search(r"^\s*(import|from) (aiohttp|asyncio|socket|threading|time)\b", text, re.MULTILINE), name


def test_only_the_transport_knows_aiohttp() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "testing" not in path.parts and re.search(r"^\s*(import|from) aiohttp\b", path.read_text("utf-8"), re.M)
    }
    assert users <= {"gateway/transport.py", "hosts/base.py"}


def test_nothing_below_the_client_imports_it() -> None:
    below = [path for path in PACKAGE.rglob("*.py") if not path.name.startswith("client") and path.parent == PACKAGE]
    users = {path.stem for path in below if any(name.startswith("client") for name in imports(path))}
    assert users <= {"__init__"}


@pytest.mark.parametrize("stage", STAGES)
def test_stages_of_the_core_do_not_know_each_other(stage: str) -> None:
    sources = [PROTO / f"{stage}.rs"] if (PROTO / f"{stage}.rs").exists() else sorted((PROTO / stage).rglob("*.rs"))
    for path in sources:
        text = re.sub(r"(?m)^\s*//.*$", "", path.read_text("utf-8").split("#[cfg(test)]", maxsplit=1)[0])
        known = set(re.findall(r"\bcrate::(\w+)", text)) - {stage}
        strangers = {other for other in known & set(STAGES) if (stage, other) not in VOCABULARY}
        assert not strangers, f"{path.name} knows {strangers}"


def test_rust_is_layered() -> None:
    manifests = {name: (ROOT / "rust" / name / "Cargo.toml").read_text("utf-8") for name in ("proto", "io", "py")}
    assert "isocord-" not in manifests["proto"].split("[dependencies]")[1]
    assert "isocord-py" not in manifests["io"]
    assert "pyo3" not in manifests["proto"] + manifests["io"]
    assert "forbid(unsafe_code)" in (PROTO / "lib.rs").read_text("utf-8")
