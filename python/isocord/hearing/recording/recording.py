"""One recording, whoever writes it: what its owner holds, and what has to be finished before the process exits.

Each has a thread ``isocord-sink``, which ends when the sink is finished and whoever waits has been told.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import operator
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta, timezone
from typing import Any

from ... import _native
from ...errors import ClosedError
from ...runtime.handover import raisable
from ...runtime.log import GuildLog
from ...sinks.targets import user_id_of
from ...sinks.tracks import AudioTrack
from .report import Mark, Report
from .speakers import Moment, MomentKind, Segment, Speaker, SpeakerTimeline
from .timeline import SAMPLE_RATE, Timeline

_EXIT_LIMIT = 10.0
_MOST_MOMENTS = 10_000
_LONGEST_TITLE = 200
_EARLIEST = 120 * SAMPLE_RATE
"""An utterance is that long at most: what is heard at first may have begun so much earlier."""
_LATEST = SAMPLE_RATE
"""A frame that was heard elsewhere may be a little ahead of the clock here."""

_unfinished: set[Recording] = set()
"""Those whose thread runs. A plain set: ``copy()`` is one step whatever the threads do meanwhile, which ``tuple()`` is
only where there is a GIL."""
_finishing = threading.local()


class Recording(abc.ABC):
    """What ``start_recording`` gives: a recording that runs, or one that is over.

    ``await recording`` waits until its files are whole and gives the :class:`Report`; it does not end it. Any thread
    may use it.

    Attributes:
        sink: where the sound goes.
        started_at: when it began, in UTC.
        position: where it began, in samples of 48 kHz on the clock of :attr:`isocord.HeardFrame.position`.
    """

    def __init__(
        self,
        sink: Any,
        *,
        position: int,
        clock: Callable[[], int],
        finish: Callable[[Exception | None], object],
        log: GuildLog,
    ) -> None:
        self.sink = sink
        self.position: int = position
        self._clock = clock
        self._last_position = position
        self.started_at: datetime = datetime.now(timezone.utc) - timedelta(
            seconds=max(self._now() - position, 0) / SAMPLE_RATE
        )
        self._timeline = Timeline(position)
        self._moments: list[tuple[int, MomentKind, int | None, str | None]] = []
        self._report: Future[Report] = Future()
        # So that whoever gives up waiting does not cancel it for others.
        self._report.set_running_or_notify_cancel()
        self._finish = finish
        self._log = log
        self._thread = threading.Thread(target=self._run, name="isocord-sink", daemon=True)

    def start(self) -> None:
        """Begin. ``start_recording`` calls it."""
        _unfinished.add(self)
        self._thread.start()

    @property
    @abc.abstractmethod
    def is_over(self) -> bool:
        """Whether nothing more is recorded; the files may not be whole yet."""

    @property
    @abc.abstractmethod
    def is_paused(self) -> bool: ...

    @property
    def report(self) -> Report | None:
        """What it came to, once its files are whole."""
        return self._report.result() if self._report.done() else None

    def stop(self) -> Recording:
        """Record nothing that is said from now on; what was said before is still written. Idempotent.

        Returns:
            The recording: ``await recording.stop()`` waits for its files and gives the :class:`Report`.
        """
        position = self._now()
        if not self.is_over:
            self._timeline.stop(position)
        self._stop(position)
        return self

    def pause(self) -> None:
        """What is said from now on, and its time, are in no track. Nothing happens if it is paused or over."""
        position = self._now()
        if not self.is_over and self._timeline.pause(position):
            self._note(position, "paused")
            self._pause(position)

    def resume(self) -> None:
        """Go on. Nothing happens unless it is paused."""
        position = self._now()
        if not self.is_over and self._timeline.resume(position):
            self._note(position, "resumed")
            self._resume(position)

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self.is_paused:
            self.resume()
        else:
            self.pause()

    def allow(self, user: Any) -> None:
        """Record what a user says from now on, also one who was not in the sink's ``users``, excluded or denied.

        Args:
            user: an id, or an object that has one.
        """
        position = self._now()
        self._note(position, "allowed", user_id_of(user))
        self._allow(user_id_of(user), position)

    def deny(self, user: Any, *, drop: bool = False) -> None:
        """Record nothing that a user says from now on, until :meth:`allow`.

        Args:
            user: an id, or an object that has one.
            drop: whether what was kept of the user before is given up as well: the user's file is removed, a file
                object that was given for it emptied.

        Raises:
            ValueError: to ``drop``, the user has to have a file of isocord's that no other is in. The user is denied
                all the same.
        """
        position = self._now()
        self._note(position, "dropped" if drop else "denied", user_id_of(user))
        self._deny(user_id_of(user), position, drop)

    def cut(self) -> None:
        """Go on in new files from now on, all tracks at once; joined they are the uncut recording.

        Raises:
            TypeError: the sink is not one of :mod:`isocord.sinks`.
        """
        raise TypeError(f"{type(self.sink).__name__} is no sink of isocord's: only those have parts")

    def mark(self, title: str, position: int | None = None) -> None:
        """Name a moment: :attr:`Report.marks` has it, of 10,000 at the most, with the first 200 letters of the title.

        The files of :mod:`isocord.sinks` that have chapters have it as one.

        Args:
            title: the name.
            position: the moment, as :attr:`isocord.HeardFrame.position`; now, if None. What begins in the two minutes
                before the recording is at its beginning.

        Raises:
            TypeError: the position is no int.
            ValueError: it is no moment of the recording, or the title is no text that can be written.
        """
        place, name = self._moment(position), str(title)[:_LONGEST_TITLE]
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name!r} cannot be written: it has half a character") from error
        if self._note(place, "mark", title=name):
            self._mark(place, name)

    def time_at(self, position: int) -> float:
        """Seconds into the recording at a position of the common clock, pauses left out.

        ``recording.time_at(frame.position) - track.offset`` is where a frame of ``voice.listen()`` is in a track. What
        lies in a pause has the time of the pause's beginning.
        """
        return self._timeline.time(position) / SAMPLE_RATE

    def __await__(self) -> Generator[Any, None, Report]:
        return asyncio.wrap_future(self._report).__await__()

    def __repr__(self) -> str:
        state = "over" if self.is_over else "paused" if self.is_paused else "running"
        return f"<Recording into {type(self.sink).__name__} since {self.started_at:%Y-%m-%d %H:%M:%S} UTC, {state}>"

    def join(self, timeout: float | None = None) -> bool:
        """Wait, on a thread that may, until the sink is finished and its owner told; False if that takes longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @abc.abstractmethod
    def _stop(self, position: int) -> None: ...
    @abc.abstractmethod
    def _pause(self, position: int) -> None: ...
    @abc.abstractmethod
    def _resume(self, position: int) -> None: ...
    @abc.abstractmethod
    def _allow(self, user_id: int, position: int) -> None: ...
    @abc.abstractmethod
    def _deny(self, user_id: int, position: int, drop: bool) -> None: ...
    @abc.abstractmethod
    def _record(self) -> Callable[[], Report]:
        """Record until it is over, on the thread; finish the sink. What is returned makes the report."""

    def _mark(self, position: int, title: str) -> None:  # noqa: B027 - what has no chapters need not know
        """A moment has a name."""

    def _moment(self, position: int | None) -> int:
        """A position within the recording; now, if None."""
        now = self._now()
        place = now if position is None else operator.index(position)
        if not max(self.position - _EARLIEST, 0) <= place <= now + _LATEST:
            raise ValueError(
                f"the recording is from position {self.position} to {now}, in samples as HeardFrame.position: "
                f"{place} is no moment of it"
            )
        return place

    def _note(self, position: int, kind: MomentKind, user_id: int | None = None, title: str | None = None) -> bool:
        """Keep a moment; False if there are too many."""
        if len(self._moments) >= _MOST_MOMENTS:
            return False
        self._moments.append((position, kind, user_id, title))
        return True

    def _told(
        self,
        duration: float,
        tracks: Sequence[AudioTrack] = (),
        voices: Sequence[_native.VoiceOutcome] = (),
        names: Mapping[int, str | None] | None = None,
    ) -> dict[str, Any]:
        """What a report says of every recording."""
        moments = [
            Moment(self.time_at(position), self._wall(position), kind, user_id, title)
            for position, kind, user_id, title in self._moments
        ]
        moments += self._cuts(tracks)
        moments.sort(key=lambda moment: moment.at)
        speakers = {voice.user_id: self._speaker(voice, (names or {}).get(voice.user_id)) for voice in voices}
        return {
            "started_at": self.started_at,
            "position": self.position,
            "duration": duration,
            "tracks": list(tracks),
            "marks": [Mark(moment.time, moment.title) for moment in moments if moment.title is not None],
            "timeline": SpeakerTimeline(self.started_at, duration, speakers, moments, list(tracks)),
        }

    def _speaker(self, voice: _native.VoiceOutcome, name: str | None) -> Speaker:
        segments = (
            Segment(
                voice.user_id,
                name,
                start=start / SAMPLE_RATE,
                end=end / SAMPLE_RATE,
                started_at=self._wall(self._timeline.position(start)),
                ended_at=self._wall(self._timeline.position(end, is_end=True)),
            )
            for start, end in voice.spans
        )
        return Speaker(
            voice.user_id,
            name,
            tuple(segments),
            peak=voice.peak,
            rms=voice.rms,
            loudness=voice.loudness,
            outline=tuple(height / 32_768 for height in voice.outline),
            step=voice.step / SAMPLE_RATE,
            missed=voice.missed / SAMPLE_RATE,
        )

    def _cuts(self, tracks: Sequence[AudioTrack]) -> list[Moment]:
        """Where parts begin: what was cut at one sample for all is one moment."""
        found: dict[float, list[int | None]] = {}
        for track in tracks:
            for part in track.parts[1:]:
                found.setdefault(part.offset, []).append(track.user_id)
        moments = []
        for offset, users in found.items():
            at = self._wall(self._timeline.position(round(offset * SAMPLE_RATE)))
            moments.append(Moment(offset, at, "cut", users[0] if len(users) == 1 else None))
        return moments

    def _wall(self, position: int) -> datetime:
        return self.started_at + timedelta(seconds=(position - self.position) / SAMPLE_RATE)

    def _now(self) -> int:
        # Once the native threads have stopped, time stands still.
        with contextlib.suppress(ClosedError):
            self._last_position = self._clock()
        return self._last_position

    def _run(self) -> None:
        # What sinks and callbacks of the bot's raise, also to end the interpreter, ends no more than themselves.
        try:
            report = self._record()()
            error = report.error
        except BaseException as failed:
            self._log.exception("A recording failed")
            error = raisable(failed)
            self._report.set_exception(error)
        else:
            self._report.set_result(report)
        try:
            self._finish(error)
        except BaseException:
            self._log.exception("The callback of a recording failed")
        _unfinished.discard(self)


def unfinished() -> set[Recording]:
    """Those whose sink is not finished, or whose owner not told."""
    return _unfinished.copy()


def now_finishing() -> None:
    """This thread's recording is over."""
    _finishing.yes = True


def is_finishing() -> bool:
    """Whether this is the thread of a recording that is over: sinks ask before they format what they have."""
    return getattr(_finishing, "yes", False)


def finish_recordings() -> None:
    """Finish all recordings, within a bound: the interpreter is about to exit."""
    recordings = unfinished()
    for recording in recordings:
        recording.stop()
    deadline = time.monotonic() + _EXIT_LIMIT
    for recording in recordings:
        recording.join(max(deadline - time.monotonic(), 0.0))
