"""Has a function of yours write down what was said in a recording."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ... import _native
from ...runtime.callbacks import is_coroutine_function
from ..recording.timeline import BYTES_PER_SAMPLE, SAMPLE_RATE
from ..webvtt import Cue, document
from .recorded import Recorded, RecordedTrack, Recordings, find

Transcriber: TypeAlias = "Callable[[_native.Utterance], Any]"
"""Gets an utterance, 16 kHz mono s16le; returns what was said, or None, or something to await that gives it."""
_SILENCE = 0.6


class Caption(NamedTuple):
    """What a user said in one go."""

    start: float
    """Seconds into the recording."""
    end: float
    name: str
    text: str
    user_id: int
    """0 if it is not known."""


class TranscriptError(NamedTuple):
    """What could not be written down."""

    start: float
    """Seconds into the recording; of a file that cannot be read to its end, where that was."""
    name: str
    error: Exception


class Progress(NamedTuple):
    """How far it is."""

    done: float
    """Seconds of sound that were read, over all tracks."""
    total: float
    """Of so many, as far as their files tell."""
    news: Caption | TranscriptError | None = None
    """What has come."""


@dataclass
class Transcript:
    """What was said, by whom and when.

    Attributes:
        captions: in the order of time.
        errors: what is missing.
        started_at: when the recording began, in UTC, if that is known.
    """

    captions: list[Caption] = field(default_factory=list)
    errors: list[TranscriptError] = field(default_factory=list)
    started_at: datetime | None = None

    def take(self, news: Caption | TranscriptError | None) -> None:
        """Keep what has come."""
        if isinstance(news, Caption):
            self.captions.append(news)
        elif news is not None:
            self.errors.append(news)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file: WebVTT with the names of who speaks (``.vtt``), or ``.json``.

        Raises:
            ValueError: the suffix is another.
            OSError: the file cannot be written.
        """
        target = Path(path)
        write = {".vtt": self._vtt, ".json": self._json}.get(target.suffix.lower())
        if write is None:
            raise ValueError(f"{target.name!r}: a transcript is saved as .vtt or .json")
        target.write_text(write(), "utf-8", "replace", newline="\n")

    def _vtt(self) -> str:
        return document(Cue(*caption[:4]) for caption in self.captions)

    def _json(self) -> str:
        told = {
            "started_at": None if self.started_at is None else self.started_at.isoformat(),
            "captions": [described(caption, self.started_at) for caption in self.captions],
            "errors": [described(error, self.started_at) for error in self.errors],
        }
        return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


async def transcribe(
    recording: Recorded,
    function: Transcriber,
    *,
    jobs: int = 1,
    progress: Callable[[Progress], object] | None = None,
    **options: Any,
) -> Transcript:
    """Have a function write down each utterance of a recording that is over.

    The utterances are those that ``voice.utterances()`` would have given live: the same code cuts them.

    Args:
        recording: a report, a folder, a file, or files. A folder with a timeline that was saved as JSON is read as that
            says, with its names and places; otherwise each file is a track of its title or name, and all begin at once.
        function: called with each :class:`isocord.Utterance`, whose ``start`` and ``end`` are places in the recording,
            with a coroutine function on this loop, otherwise in a thread. It returns the words, or None for none. What
            it raises costs that utterance only.
        jobs: how many may be under way at once.
        progress: called for every half a second of sound that was read, and with each caption or error that comes.
        options: ``sample_rate``, ``channels``, ``format``, ``silence``, ``min_speech``, ``max_length``, ``pre_roll``
            and ``vad`` as :meth:`.VoiceClient.utterances` has them.

    Raises:
        ValueError: there is no sound in it, its timeline is damaged, or an option is out of its range.
        OSError: a folder or file is not there.
    """
    if not callable(function):
        raise TypeError(f"the function must be callable, not {type(function).__name__}")
    if jobs < 1:
        raise ValueError("jobs is 1 or more")
    _native.UtteranceCutter(0, **options)
    found = await asyncio.to_thread(find, recording)
    work = _Work(found, function, progress or (lambda told: None), options)
    pending: set[asyncio.Task[None]] = set()
    try:
        async for track, utterance in work.utterances():
            if len(pending) >= jobs:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                [task.result() for task in done]
            pending.add(asyncio.create_task(work.write_down(track, utterance)))
        await asyncio.gather(*pending)
    finally:
        for task in pending:
            task.cancel()
    work.transcript.captions.sort()
    work.transcript.errors.sort(key=lambda error: error.start)
    return work.transcript


class _Work:
    def __init__(
        self, found: Recordings, function: Transcriber, progress: Callable[[Progress], object], options: dict[str, Any]
    ) -> None:
        self.transcript = Transcript(started_at=found.started_at)
        self._found = found
        self._function = function
        self._is_async = is_coroutine_function(function)
        self._progress = progress
        self._options = options
        self._silence = float(options.get("silence", _SILENCE))
        self._done = 0.0
        self._total = sum(track.duration for track in found.tracks)

    async def utterances(self) -> AsyncIterator[tuple[RecordedTrack, _native.Utterance]]:
        """Those of one track after the other, read on threads."""
        for track in self._found.tracks:
            row, at = self._cut(track), track.offset
            while (step := await asyncio.to_thread(next, row, None)) is not None:
                seconds, utterances, error = step
                self._done += seconds
                at += seconds
                self._tell(None if error is None else TranscriptError(at, track.name, error))
                for utterance in utterances:
                    yield track, utterance

    async def write_down(self, track: RecordedTrack, utterance: _native.Utterance) -> None:
        start = utterance.start / SAMPLE_RATE
        try:
            if self._is_async:
                text = await self._function(utterance)
            else:
                text = await asyncio.to_thread(self._function, utterance)
                if inspect.isawaitable(text):
                    text = await text
        except Exception as error:
            self._tell(TranscriptError(start, track.name, error))
            return
        if text is not None and (words := str(text).strip()):
            end = utterance.end / SAMPLE_RATE
            if utterance.ended == "silence":
                end -= self._silence
            self._tell(Caption(max(start, 0.0), end, track.name, words, track.user_id))

    def _cut(self, track: RecordedTrack) -> Iterator[tuple[float, list[_native.Utterance], Exception | None]]:
        """Seconds that were read, what was said in them, and why there are no more."""
        position = round(track.offset * SAMPLE_RATE)
        began = self._found.started_at
        captured = 0.0 if began is None else (began + timedelta(seconds=track.offset)).timestamp()
        cutter = _native.UtteranceCutter(track.user_id, position=position, captured=captured, **self._options)
        try:
            for pcm in track.pcm():
                yield len(pcm) / BYTES_PER_SAMPLE / SAMPLE_RATE, cutter.take(pcm), None
        except Exception as error:
            # What was said up to here is told all the same.
            yield 0.0, [], error
        yield 0.0, cutter.finish(), None

    def _tell(self, news: Caption | TranscriptError | None) -> None:
        self.transcript.take(news)
        self._progress(Progress(self._done, self._total, news))


def described(news: Caption | TranscriptError, started_at: datetime | None) -> dict[str, Any]:
    """In words of JSON."""
    at = None if started_at is None else (started_at + timedelta(seconds=news.start)).astimezone(timezone.utc)
    told: dict[str, Any] = {"start": round(news.start, 3), "name": news.name, "at": at and at.isoformat()}
    if isinstance(news, Caption):
        told |= {"end": round(news.end, 3), "user_id": str(news.user_id) if news.user_id else None, "text": news.text}
    else:
        told |= {"error": f"{type(news.error).__name__}: {news.error}"}
    return told
