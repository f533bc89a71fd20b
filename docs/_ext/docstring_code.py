"""Indented lines in docstrings are Python, as elsewhere in Markdown; Sphinx would take them for quotations.

Those that are no Python are a warning, which the build takes for an error.
"""

from __future__ import annotations

import ast
import textwrap
from typing import Any

from sphinx.util import logging

_log = logging.getLogger(__name__)


def mark(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:  # noqa: PLR0917
    """Put a directive before each indented block that follows a blank line and unindented text."""
    marked: list[str] = []
    if what in ("attribute", "property", "data"):
        # Without it napoleon takes what stands before a colon in the first sentence for a type.
        marked += ["..", ""]
    block: list[str] = []
    for line in lines:
        if block and line and not line.startswith("    "):
            check(name, block)
            block = []
        elif block or (line.startswith("    ") and follows_text(marked)):
            if not block:
                marked += [".. code-block:: python", ""]
            block.append(line)
        marked.append(line)
    check(name, block)
    lines[:] = marked


def follows_text(before: list[str]) -> bool:
    """Whether the line above the blank one is text, and no part of a section such as ``Args:``."""
    if not before or before[-1]:
        return False
    last = next((line for line in reversed(before) if line.strip()), "")
    return bool(last) and not last.startswith((" ", "..")) and not last.endswith("::")


def check(name: str, block: list[str]) -> None:
    """See that it is Python, in a coroutine as the case may be."""
    try:
        code = textwrap.dedent("\n".join(block))
        compile(code, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        _log.warning("an example that is no Python (%s)", error, location=name)


def setup(app: Any) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    # Before napoleon's handler, whose priority is 500.
    app.connect("autodoc-process-docstring", mark, priority=400)
    return {"parallel_read_safe": True}
