"""What a recording came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from ... import _native
from ...sinks.tracks import AudioTrack
from ...sinks.uploads import Unsent
from .speakers import SpeakerTimeline


class Mark(NamedTuple):
    """A moment of a recording that somebody named."""

    time: float
    """Seconds into the recording, pauses left out."""
    title: str


@dataclass(frozen=True)
class Report:
    """What a recording came to, when its files are whole; ``await recording.stop()`` gives it.

    Attributes:
        started_at: when it began, in UTC.
        position: where it began on the clock of :attr:`isocord.HeardFrame.position`.
        duration: seconds, pauses left out.
        reason: why it ended: it was stopped, or the connection closed ("finished"), a limit of the sink's ("time",
            "size"), or nothing could be written any more ("failed").
        timeline: who spoke when, and how loud; nobody is known to it if the sink is not one of :mod:`isocord.sinks`.
        tracks: what was written, user by user; none if the sink is not one of :mod:`isocord.sinks`.
        marks: in the order of time.
        dropped: frames that became silence because the disk or the sink was too slow.
        error: the first, or None; the other tracks are whole all the same.
        unsent: what should have been uploaded and stays on this machine: which file, where it should be, and why.
        counts: more of what was counted, if the sink is one of :mod:`isocord.sinks`.
    """

    started_at: datetime
    position: int
    duration: float
    reason: Literal["finished", "time", "size", "failed"]
    timeline: SpeakerTimeline
    tracks: list[AudioTrack] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    dropped: int = 0
    error: Exception | None = None
    unsent: list[Unsent] = field(default_factory=list)
    counts: _native.RecordingReport | None = None
