"""What strangers wrote, made fit for logs and exceptions: one line, no control characters, never long."""

from __future__ import annotations

LONGEST = 200
"""Characters that are shown of a text."""


def shown(text: object, limit: int = LONGEST) -> str:
    """``text`` on one line: what cannot be printed is escaped, and what is too long is cut and says so.

    Escaped are control and format characters, lone surrogates, and line ends of any kind: they could forge log
    lines, or change what a terminal shows.
    """
    raw = str(text)
    plain = raw[:limit]
    if not plain.isprintable():
        plain = "".join(one if one.isprintable() else _escaped(one) for one in plain)
    if len(raw) > limit or len(plain) > limit:
        return f"{plain[:limit]}... ({len(raw)} characters)"
    return plain


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
