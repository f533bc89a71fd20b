"""A picture of a recording: waveforms, who spoke when, and what happened meanwhile. Needs matplotlib."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..webvtt import one_line
from .timeline_files import words

if TYPE_CHECKING:
    from .report import Report
    from .speakers import Moment, Speaker, SpeakerTimeline

_COLOURS = ("#4050c8", "#2e8b57", "#c06020", "#8a4fa8", "#1c8aa0", "#a08020", "#b04068", "#556070")
_TALLEST = 60.0
"""Inches of all rows together; matplotlib's pictures have an end."""
_MOST_ROWS = 200
_MOST_WORDS = 40
"""Moments whose words are written; of more there are lines only."""


def plot(report: Report, path: str | os.PathLike[str]) -> None:
    """Draw a recording: a row for each user with the waveform and, shaded, when the user spoke; pauses, cuts and marks
    as lines through all rows, denials in the row of the user.

    It takes a second or so: ``await asyncio.to_thread(isocord.plot, report, "meeting.png")`` on a loop.

    Args:
        report: what ``await recording.stop()`` gives.
        path: the file; its suffix says which kind: png, svg, pdf and others that matplotlib writes.

    Raises:
        ImportError: matplotlib is not installed: ``pip install 'isocord[plot]'``.
        ValueError: matplotlib knows no pictures with this suffix.
        OSError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("isocord.plot needs matplotlib: pip install 'isocord[plot]'") from error

    timeline = report.timeline
    speakers = sorted(timeline.speakers.values(), key=lambda speaker: -speaker.spoken)[:_MOST_ROWS]
    speakers.sort(key=lambda speaker: speaker.segments[0].start if speaker.segments else timeline.duration)
    count = max(len(speakers), 1)
    # A figure of its own, without pyplot: any thread may draw.
    figure = Figure(figsize=(13, min(1.3 * count, _TALLEST) + 1.2), layout="constrained")
    rows = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(f"Recorded {timeline.started_at:%Y-%m-%d %H:%M:%S} UTC, {_minutes(timeline.duration)}")
    for index, (axes, speaker) in enumerate(zip(rows, speakers, strict=False)):
        _draw(axes, speaker, timeline, _COLOURS[index % len(_COLOURS)])
    for axes in rows:
        axes.set(xlim=(0, max(timeline.duration, 0.1)), ylim=(-1.05, 1.05), yticks=[])
    _draw_moments(rows, timeline)
    rows[-1].set_xlabel("time / s")
    figure.savefig(path, dpi=110)


def _draw(axes: Any, speaker: Speaker, timeline: SpeakerTimeline, colour: str) -> None:
    # As far out as this user's sound goes: how loud it is stands beside it.
    highest = max(speaker.outline, default=0.0) or 1.0
    heights = [height / highest for height in speaker.outline]
    at = [index * speaker.step for index in range(len(heights))]
    axes.fill_between(at, [-height for height in heights], heights, step="post", linewidth=0, color=colour)
    for segment in speaker.segments:
        axes.axvspan(segment.start, segment.end, color=colour, alpha=0.16, linewidth=0)
    for since, until in _denials(timeline, speaker.user_id):
        axes.axvspan(since, until, facecolor="none", edgecolor="#b0b0b0", hatch="///", linewidth=0)
    loudness = "" if speaker.loudness is None else f"\n{speaker.loudness:.1f} LUFS"
    label = f"{_short(speaker.called)}{loudness}\npeak {speaker.peak:.1f} dBFS"
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9, parse_math=False)


def _denials(timeline: SpeakerTimeline, user_id: int) -> Iterator[tuple[float, float]]:
    """From and to when a user was denied."""
    since: float | None = None
    for moment in timeline.moments:
        if moment.user_id != user_id:
            continue
        if moment.kind in ("denied", "dropped") and since is None:
            since = moment.time
        elif moment.kind == "allowed" and since is not None:
            yield since, moment.time
            since = None
    if since is not None:
        yield since, timeline.duration


def _draw_moments(rows: Any, timeline: SpeakerTimeline) -> None:
    ends = {moment.time: moment.at for moment in timeline.moments if moment.kind == "resumed"}
    for number, moment in enumerate(timeline.moments):
        # The end of a pause lies where it begins.
        if moment.kind in ("denied", "dropped", "allowed", "resumed"):
            continue
        for axes in rows:
            axes.axvline(moment.time, color=_colour(moment), linewidth=0.9, linestyle="--")
        if number < _MOST_WORDS:
            text = _short(words(timeline, moment))
            if moment.kind == "paused" and moment.time in ends:
                text += f" {(ends[moment.time] - moment.at).total_seconds():.0f} s"
            place = (moment.time, 1.02)
            rows[0].text(
                *place,
                text,
                transform=rows[0].get_xaxis_transform(),
                color=_colour(moment),
                fontsize=8,
                parse_math=False,
            )


def _colour(moment: Moment) -> str:
    return {"mark": "#333333", "cut": "#999999"}.get(moment.kind, "#d04040")


def _short(text: str) -> str:
    # What cannot be printed is no XML, which SVG is.
    text = "".join(filter(str.isprintable, one_line(text)))
    return text if len(text) <= 28 else f"{text[:27]}…"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} minutes"
