"""Code of a page, as a coroutine of a bot would run it."""

from __future__ import annotations

import ast
import types
from typing import Any


async def run(code: str, scope: dict[str, Any]) -> None:
    """Run it, in the place of a module."""
    compiled = compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = types.FunctionType(compiled, scope)()
    if waiting is not None:
        await waiting
