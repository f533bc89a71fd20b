"""Indented lines in docstrings are Python, as elsewhere in Markdown; Sphinx would take them for quotations."""

from __future__ import annotations

from typing import Any


def mark(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:  # noqa: PLR0917
    """Put a directive before each indented block that follows a blank line and unindented text."""
    if what in ("attribute", "property", "data"):
        # Without it napoleon takes what stands before a colon in the first sentence for a type.
        lines[:0] = ["..", ""]
    marked: list[str] = []
    inside = False
    for line in lines:
        blank = not line.strip()
        indented = line.startswith("    ")
        begins = indented and not inside and len(marked) > 1 and not marked[-1] and is_text(marked)
        if begins:
            marked += [".. code-block:: python", ""]
        inside = begins or (inside and (blank or indented))
        marked.append(line)
    lines[:] = marked


def is_text(before: list[str]) -> bool:
    """Whether the line above the blank one is text, and no part of a section such as ``Args:``."""
    last = next(line for line in reversed(before) if line.strip())
    return not last.startswith((" ", ".. ")) and not last.endswith("::")


def setup(app: Any) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    # Before napoleon's handler, whose priority is 500.
    app.connect("autodoc-process-docstring", mark, priority=400)
    return {"parallel_read_safe": True}
