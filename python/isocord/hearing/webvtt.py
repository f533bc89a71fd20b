"""WebVTT with the names of who speaks (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_LINES = re.compile(r"\s*\n\s*")


class Cue(NamedTuple):
    """A line of a film: from and to in seconds, who says it, and what."""

    start: float
    end: float
    name: str
    text: str


def document(cues: Iterable[Cue], notes: Iterable[str] = ()) -> str:
    """The whole file: cues in the order of time, each in the voice of who speaks (``<v Alice>``)."""
    blocks = ["WEBVTT", *(f"NOTE {one_line(note).replace('-->', '->')}" for note in notes)]
    for cue in sorted(cues):
        # Players skip cues that do not last.
        end = max(cue.end, cue.start + 0.001)
        text = _LINES.sub("\n", cue.text.strip())
        blocks.append(f"{stamp(cue.start)} --> {stamp(end)}\n<v {_escaped(one_line(cue.name))}>{_escaped(text)}")
    return "\n\n".join(blocks) + "\n"


def stamp(seconds: float) -> str:
    """``hh:mm:ss.mmm``."""
    whole = round(max(seconds, 0.0) * 1_000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1_000 % 60:02}.{whole % 1_000:03}"


def one_line(text: str) -> str:
    """Text of strangers without its line breaks."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
