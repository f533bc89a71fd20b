"""``isocord record``: a bot that joins a channel and records it until a Ctrl-C, or until nobody is there any more."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import isocord

from ..errors import IsocordError
from ..hearing.recording.timeline_files import decibels
from ..sinks import naming
from ..sinks.files import FileSink
from .bots import Place, channel, interruptible, joined, prepared
from .levels import Levels, Meters, meters
from .terminal import INTERRUPTED, CannotError, complain

if TYPE_CHECKING:
    from rich.console import Console

_SINKS = ("WaveSink", "FLACSink", "MP3Sink", "OGGSink", "MKASink", "WebMSink", "M4ASink", "PCMSink")
FORMATS: dict[str, type[FileSink]] = {sink.encoding: sink for sink in (getattr(isocord.sinks, name) for name in _SINKS)}
"""By what the command line calls them, which names them itself: it imports no sinks for a ``--help``."""
_LOOK = 0.1
_MOST_AT_ONCE = 1_000
"""Recordings that begin in one second."""


def run(
    *,
    guild_id: int,
    channel_id: int,
    to: Path,
    form: str,
    mixdown: bool,
    split: float | str | None,
    linger: float,
    as_json: bool,
) -> int:
    """Record; returns the exit status: 2 where it could not begin, 1 where something of it failed."""
    with contextlib.ExitStack() as stack:
        try:
            token, out = prepared(as_json=as_json)
            folder = stack.enter_context(_folder(to))
            # Everybody's file is called "all" by the same template.
            name = os.path.join(naming.literal(str(folder)), f"{{user}}.{form}")
            sink = FORMATS[form](name, mixdown=name if mixdown else False, split=split)
        except (CannotError, ValueError, OSError) as error:
            complain("record", error)
            return 2
        return asyncio.run(_record(sink, folder, token, out, guild_id=guild_id, channel_id=channel_id, linger=linger))


@contextlib.contextmanager
def _folder(to: Path) -> Iterator[Path]:
    """A folder that no other recording has, also none of another process; where nothing was recorded nothing is left.

    Raises:
        OSError: it cannot be made.
    """
    made = [place for place in (to, *to.parents) if not place.exists()]
    folder = _new(to / f"{datetime.now():%Y-%m-%d %H-%M-%S}")
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            for place in (folder, *made):
                place.rmdir()


def _new(wanted: Path) -> Path:
    """Makes the folder, or one with a number behind its name where somebody was first."""
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name} {number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if number == _MOST_AT_ONCE:
                raise
        else:
            break
    return folder


async def _record(
    sink: FileSink,
    folder: Path,
    token: str,
    out: Console | None,
    *,
    guild_id: int,
    channel_id: int,
    linger: float,
) -> int:
    voice: Any = None

    def name_of(user_id: int) -> str | None:
        name: str | None = voice._name_of(user_id)
        return name

    show = meters(out, name_of)
    with interruptible():
        try:
            async with channel(token, guild_id, channel_id) as place, joined(place) as voice:
                told = {"guild_id": str(guild_id), "channel_id": str(channel_id), "channel": place.name}
                # Files are called after people.
                await place.know(voice)
                recording = voice.start_recording(sink, sync_start=True)
                show.tell("connected", **told, folder=str(folder))
                reason = await _until_over(recording, voice, place, linger, show)
                report = await recording.stop()
                if reason is None and report.reason == "finished":
                    reason = f"the voice connection is over: {voice.state}"
                return _conclude(report, folder, reason or "its files could not be written", show)
        except asyncio.CancelledError:
            show.tell("failed", error="interrupted before it began")
            return INTERRUPTED
        except (CannotError, IsocordError, OSError) as error:
            show.tell("failed", error=str(error))
            complain("record", error)
            return 1


async def _until_over(
    recording: isocord.Recording, voice: Any, place: Place, linger: float, show: Meters
) -> str | None:
    """Wait for the end, showing levels; says why it has come, unless it came by itself."""
    levels = Levels()
    begin = seen = time.monotonic()
    came = False
    with voice.listen_with(levels.hear), show:
        try:
            while not recording.is_over:
                now = time.monotonic()
                if place.people(voice):
                    came, seen = True, now
                elif came and now - seen >= linger:
                    return "nobody is there any more"
                show.show(now - begin, levels.now())
                await asyncio.sleep(_LOOK)
        except asyncio.CancelledError:
            # What was said is still to be written.
            return "interrupted"
    return None


def _conclude(report: isocord.Report, folder: Path, reason: str, show: Meters) -> int:
    """Write the timeline beside the tracks, and say what there is."""
    report.timeline.save(folder / "timeline.json")
    report.timeline.save(folder / "timeline.vtt")
    tracks = []
    for track in report.tracks:
        speaker = report.timeline.speakers.get(track.user_id) if track.user_id is not None else None
        tracks.append(
            {
                "user_id": None if track.user_id is None else str(track.user_id),
                "name": track.name,
                "duration": round(track.duration, 2),
                "spoken": None if speaker is None else round(speaker.spoken, 2),
                "loudness": None if speaker is None else decibels(speaker.loudness, 1),
                "files": [part.path for part in track.parts if part.path is not None],
                "error": None if track.error is None else str(track.error),
            }
        )
    show.tell("finished", reason=reason, duration=round(report.duration, 2), folder=str(folder), tracks=tracks)
    if report.error is not None:
        complain("record", report.error)
    return 1 if report.error is not None else 0
