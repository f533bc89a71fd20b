"""A timeline as JSON, WebVTT and labels of Audacity."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..webvtt import Cue, document, one_line, stamp

if TYPE_CHECKING:
    from .speakers import Moment, SpeakerTimeline

KIND = "isocord timeline"
"""What the JSON says that it is."""


def save(timeline: SpeakerTimeline, path: str | os.PathLike[str]) -> None:
    """See :meth:`isocord.SpeakerTimeline.save`."""
    target = Path(path)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise ValueError(f"{target.name!r}: a timeline is saved as {', '.join(_WRITERS)}")
    # What strangers are called may have half a character in it.
    target.write_text(write(timeline, target), "utf-8", "replace", newline="\n")


def described(timeline: SpeakerTimeline, folder: Path | None = None) -> dict[str, Any]:
    """All of it in words of JSON: ids are strings, which JavaScript would round; no sound is null decibels.

    Args:
        timeline: what is described.
        folder: what paths are relative to, where they lie below it.
    """
    names = {speaker.user_id: speaker.name for speaker in timeline.speakers.values()}
    return {
        "kind": KIND,
        "started_at": timeline.started_at.isoformat(),
        "duration": _seconds(timeline.duration),
        "speakers": [
            {
                "user_id": str(speaker.user_id),
                "name": speaker.name,
                "spoken": _seconds(speaker.spoken),
                "peak": decibels(speaker.peak),
                "rms": decibels(speaker.rms),
                "loudness": decibels(speaker.loudness),
                "missed": _seconds(speaker.missed),
            }
            for speaker in timeline.speakers.values()
        ],
        "segments": [
            {
                "user_id": str(segment.user_id),
                "name": segment.name,
                "start": _seconds(segment.start),
                "end": _seconds(segment.end),
                "started_at": segment.started_at.isoformat(),
                "ended_at": segment.ended_at.isoformat(),
            }
            for segment in timeline
        ],
        "moments": [
            {
                "time": _seconds(moment.time),
                "at": moment.at.isoformat(),
                "kind": moment.kind,
                "user_id": None if moment.user_id is None else str(moment.user_id),
                "title": moment.title,
            }
            for moment in timeline.moments
        ],
        "tracks": [
            {
                "user_id": None if track.user_id is None else str(track.user_id),
                "name": track.name or (None if track.user_id is None else names.get(track.user_id)),
                "offset": track.offset,
                "duration": track.duration,
                "files": [
                    {"path": _path(part.path, folder), "offset": part.offset, "duration": part.duration}
                    for part in track.parts
                    if part.path is not None
                ],
            }
            for track in timeline.tracks
        ],
    }


def words(timeline: SpeakerTimeline, moment: Moment) -> str:
    """What happened, for people."""
    if moment.kind == "mark":
        return moment.title or "mark"
    if moment.user_id is None:
        return moment.kind
    speaker = timeline.speakers.get(moment.user_id)
    return f"{moment.kind}: {speaker.called if speaker is not None else moment.user_id}"


def _json(timeline: SpeakerTimeline, target: Path) -> str:
    return json.dumps(described(timeline, target.parent), indent=1, ensure_ascii=False) + "\n"


def _vtt(timeline: SpeakerTimeline, target: Path) -> str:
    called = {user_id: speaker.called for user_id, speaker in timeline.speakers.items()}
    cues = (Cue(one.start, one.end, called[one.user_id], called[one.user_id]) for one in timeline)
    notes = (f"{stamp(moment.time)} {words(timeline, moment)}" for moment in timeline.moments)
    return document(cues, notes)


def _labels(timeline: SpeakerTimeline, target: Path) -> str:
    rows = [(one.start, one.end, timeline.speakers[one.user_id].called) for one in timeline]
    rows += [(moment.time, moment.time, words(timeline, moment)) for moment in timeline.moments]
    return "".join(f"{start:.6f}\t{end:.6f}\t{one_line(label)}\n" for start, end, label in sorted(rows))


_WRITERS: dict[str, Callable[[SpeakerTimeline, Path], str]] = {".json": _json, ".vtt": _vtt, ".txt": _labels}


def _seconds(value: float) -> float:
    return round(value, 6)


def decibels(value: float | None, digits: int = 2) -> float | None:
    """As JSON has them: silence has none."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _path(path: str, folder: Path | None) -> str:
    absolute = Path(path).absolute()
    if folder is not None and absolute.is_relative_to(folder.absolute()):
        return absolute.relative_to(folder.absolute()).as_posix()
    return str(absolute)
