"""Who spoke when in a recording, how loud, and what happened to it meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from ...sinks.tracks import AudioTrack
from . import timeline_files

MomentKind: TypeAlias = 'Literal["paused", "resumed", "cut", "denied", "dropped", "allowed", "mark"]'


class Segment(NamedTuple):
    """A user speaks, without a pause of 0.6 s or more: the speech within an utterance of ``voice.utterances()``."""

    user_id: int
    name: str | None
    """The name that the bot's library had for the user when first heard, or None."""
    start: float
    """Seconds into the recording, pauses left out; ``start - track.offset`` is the place in a track."""
    end: float
    started_at: datetime
    """The same in UTC."""
    ended_at: datetime


class Moment(NamedTuple):
    """Something that happened to a recording."""

    time: float
    """Seconds into the recording, pauses left out."""
    at: datetime
    """The same in UTC."""
    kind: MomentKind
    user_id: int | None = None
    """Who was denied, dropped or allowed, or whose file alone was cut."""
    title: str | None = None
    """Of a mark."""


@dataclass(frozen=True)
class Speaker:
    """One user's sound in a recording.

    Attributes:
        user_id: who.
        name: the name that the bot's library had for the user when first heard, or None.
        segments: when the user spoke, in order.
        peak: the highest sample in dBFS, minus infinity for silence.
        rms: the root of the mean square in dBFS of what the user sent; where nothing was sent does not count.
        loudness: integrated loudness in LUFS (ITU-R BS.1770-4, gated in steps of 0.1), minus infinity for silence; None
            of those who were heard when 200 others were measured.
        outline: how far the sound goes out, 0.0 to 1.0, step by step from the recording's begin on: 4,096 at most.
        step: seconds that each of these stands for.
        missed: seconds that are in the files and were not listened to, for the machine was too busy.
    """

    user_id: int
    name: str | None
    segments: tuple[Segment, ...]
    peak: float
    rms: float
    loudness: float | None
    outline: tuple[float, ...]
    step: float
    missed: float

    @property
    def spoken(self) -> float:
        """Seconds of speech."""
        return sum(segment.end - segment.start for segment in self.segments)

    @property
    def called(self) -> str:
        """The name, or the id."""
        return self.name or str(self.user_id)


@dataclass(frozen=True)
class SpeakerTimeline:
    """Who spoke when, found in the sound while it was recorded: iterating gives the segments of all in order.

    Attributes:
        started_at: when the recording began, in UTC.
        duration: its seconds, pauses left out.
        speakers: by user id.
        moments: pauses, cuts, denials and marks, in order.
        tracks: what was written.
    """

    started_at: datetime
    duration: float
    speakers: dict[int, Speaker]
    moments: Sequence[Moment] = ()
    tracks: Sequence[AudioTrack] = ()

    def __iter__(self) -> Iterator[Segment]:
        found = (segment for speaker in self.speakers.values() for segment in speaker.segments)
        return iter(sorted(found, key=lambda segment: (segment.start, segment.end)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, as its suffix says.

        ``.json`` has everything, the files of the tracks included; ``.vtt`` is WebVTT, a cue for each segment; ``.txt``
        are labels that Audacity imports beside the tracks (File, Import, Labels).

        Raises:
            ValueError: the suffix is another.
            OSError: the file cannot be written.
        """
        timeline_files.save(self, path)
