"""What the doctor says."""

from __future__ import annotations

import enum

from ...runtime.values import Record


class Status(enum.Enum):
    """How things stand."""

    OK = "ok"
    WARN = "warn"
    """Works, and could be better."""
    FAIL = "fail"
    """Voice does not work so."""


class Finding(Record):
    """One thing that was looked at.

    Attributes:
        name: what it is.
        status: how it stands.
        found: what there is, a sentence or less.
        advice: what to do; empty where that is nothing.
    """

    name: str
    status: Status
    found: str
    advice: str = ""
