"""Who may import whom (ARCHITECTURE.md), held by reading the sources."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "isocord"


def imports(path: Path, *, for_types: bool = False) -> set[str]:
    """The modules of isocord that a file imports when it is loaded, as ``gateway.protocol``; and for its types."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(PACKAGE).with_suffix("").parts[:-1]
    hidden = [
        node
        for block in ast.walk(tree)
        if not for_types and isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
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
        names = [*filter(None, [module]), *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
        found |= {".".join((*base, *filter(None, [name]))) for name in names}
    return found


def files(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


LAYERS = [
    {"cli"},
    {"ray"},
    {"adapters", "metrics", "monitoring", "remote"},
    {"client"},
    {"desk"},
    {"hosts"},
    {"connection"},
    {"hearing", "gateway", "playing"},
    {"filters", "testing", "sinks"},
    {"runtime"},
    {"_native", "errors", "_door"},
]
"""The folders of the package from top to bottom: each imports only what stands below it."""
TESTING = {"_native", "errors", "_door", "testing"}
"""The fake Discord never knows what it is a fake for."""


def rooms() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE]


@pytest.mark.parametrize("path", rooms(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_folders_import_only_what_stands_below_them(path: Path) -> None:
    home = path.relative_to(PACKAGE).parts[0]
    level = next(number for number, layer in enumerate(LAYERS) if home in layer)
    below = set().union(*LAYERS[level + 1 :]) if home != "testing" else TESTING
    known = {name.split(".")[0] for name in imports(path)}
    assert known <= below | {home, "__version__"}


TESTING_LAYERS = [
    {"process"},
    {"fake"},
    {"mishaps"},
    {"server"},
    {"people", "bot"},
    {"voice"},
    {"dave"},
    {"wire"},
    {"ground"},
    {"faults", "patching"},
    {"errors"},
]
"""The same for the folders of the fake Discord, imports for types included."""


def rooms_of_testing() -> list[Path]:
    doors = ("__init__.py", "__main__.py", "pytest_plugin.py")
    return [path for path in files("testing") if path.relative_to(PACKAGE / "testing").as_posix() not in doors]


@pytest.mark.parametrize("path", rooms_of_testing(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_folders_of_the_fake_discord_import_only_what_stands_below_them(path: Path) -> None:
    home = path.relative_to(PACKAGE / "testing").with_suffix("").parts[0]
    level = next(number for number, layer in enumerate(TESTING_LAYERS) if home in layer)
    known = {name.split(".")[1] for name in imports(path, for_types=True) if name.startswith("testing.")}
    assert known <= set().union(*TESTING_LAYERS[level + 1 :]) | {home}


def test_no_files_of_the_fake_discord_import_each_other_in_a_circle() -> None:
    rooms = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in rooms_of_testing()}
    left = {name: imports(path, for_types=True) & rooms.keys() for name, path in rooms.items()}
    while left:
        ends = {name for name, known in left.items() if not known & left.keys()}
        assert ends, f"a circle in {sorted(left)}"
        left = {name: known for name, known in left.items() if name not in ends}


def test_what_decides_does_no_io() -> None:
    io = re.compile(r"^\s*(import|from) (aiohttp|asyncio|socket|threading|time)\b", re.MULTILINE)
    for path in files("gateway/protocol") + files("connection/decisions"):
        assert not io.search(path.read_text("utf-8")), path


def test_only_the_socket_knows_aiohttp() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "testing" not in path.parts and re.search(r"^\s*(import|from) aiohttp\b", path.read_text("utf-8"), re.M)
    }
    assert users <= {"gateway/socket/transport.py", "gateway/socket/sessions.py"}


def test_only_hosts_touch_what_belongs_to_a_bot_library() -> None:
    """A further library is one more file in hosts/, and a class for type checkers in client/typed.py."""
    words = "dispatch|get_channel|get_guild|get_member|_get_voice_client_key|_voice_clients|is_closed|_get_websocket"
    touch = re.compile(rf"(?<!_host)(?<!\bhost)\.({words})\(|\bimport (discord|disnake|nextcord)\b")
    for folder in ("client", "connection", "gateway", "playing", "hearing", "sinks", "runtime"):
        for path in files(folder):
            found = touch.findall(path.read_text("utf-8"))
            assert not found or path.name == "typed.py", (path, found)


def test_the_surfaces_of_the_client_stand_on_one_base() -> None:
    for path in files("client"):
        assert "NotImplementedError" not in path.read_text("utf-8"), path
        assert path.name in ("voice_client.py", "install.py", "typed.py") or "VoiceClient" not in re.findall(
            r"import (.+)", path.read_text("utf-8")
        )


def test_no_test_is_a_room_for_others() -> None:
    """What several tests need lives in a conftest.py, or in a module that is no test."""
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*from (tests|\.)[\w.]*\btest_\w+ import", line) or re.match(r"from \.+ import test_", line)
    ]
    assert wrong == []
