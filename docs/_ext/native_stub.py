"""The native module as its stub describes it, so that the reference has types and needs no build of the core."""

from __future__ import annotations
import __future__

import ast
import sys
import types
from pathlib import Path
from typing import Any

STUB = Path(__file__).resolve().parents[2] / "python" / "isocord" / "_native.pyi"
VALUES: dict[str, Any] = {"FILTERS": {}, "HAS_MP3": True, "LIBOPUS_VERSION": "", "TRANSPORT_MODES": (), "SOURCES": ()}


def load() -> types.ModuleType:
    """The stub, run as the module that it describes."""
    tree = ast.parse(STUB.read_text("utf-8"))
    # What it imports of isocord is in annotations only, which are kept as text.
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.level)]
    # A union of classes stands before some of them, as stubs may have it.
    tree.body.sort(key=lambda node: isinstance(node, ast.AnnAssign) and node.value is not None)
    module = types.ModuleType("isocord._native")
    module.__file__ = str(STUB)
    vars(module).update(VALUES)
    code = compile(tree, str(STUB), "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    exec(code, vars(module))  # noqa: S102
    return module


def setup(app: Any) -> dict[str, bool]:
    sys.modules["isocord._native"] = load()
    import isocord

    isocord._native = sys.modules["isocord._native"]  # type: ignore[attr-defined]
    return {"parallel_read_safe": True}
