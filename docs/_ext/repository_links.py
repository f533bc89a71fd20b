"""Links to files of the repository that are no pages: on GitHub they lead to the file, here to GitHub."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "https://github.com/isocord/isocord/blob/main/"
LINK = re.compile(r"(\]\()([^)\s:#]+)((?:#[^)\s]*)?\))")
INCLUDED = {"architecture": "ARCHITECTURE.md", "contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages that are files of the root, which stay where GitHub looks for them."""


def rewrite(app: Any, page: str, content: list[str]) -> None:
    if page in INCLUDED:
        content[0] = (ROOT / INCLUDED[page]).read_text("utf-8")
        app.env.note_dependency(str(ROOT / INCLUDED[page]))
    folder = "" if page in INCLUDED else posixpath.dirname(f"docs/{page}")

    def replace(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found[2]))
        inside = next((name for name, file in INCLUDED.items() if file == target), None)
        if inside is not None:
            target = f"docs/{inside}.md"
        if target.startswith("docs/"):
            here = posixpath.dirname(f"docs/{page}")
            return f"{found[1]}{posixpath.relpath(target, here)}{found[3]}"
        if not (ROOT / target).exists():
            return found[0]  # which the build then complains of
        return f"{found[1]}{SOURCE}{target}{found[3]}"

    content[0] = LINK.sub(replace, content[0])


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}
