"""One recording that isocord's own sinks write: the sound stays in the native thread ``isocord-record``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ... import _native
from ...errors import SinkError
from ...runtime.handover import raisable
from ...sinks.files import FileSink
from ...sinks.tracks import Part
from .recording import Recording, now_finishing
from .report import Report

_LOOK_UP_SECONDS = 3600.0
_WEIGH_SECONDS = 2.0


class FileRecording(Recording):
    """A recording that runs until it is stopped, a limit of the sink ends it or the connection is closed.

    Args:
        native: the recording.
        sink: the sink that began it; claimed, and released when it is finished.
        delay: samples that frames are late behind the clock.
        name_of: the name of a user, if the bot's library knows it.
        tell: sees to what a function of the bot's returned; the second argument says which.
        options: see :class:`Recording`.
    """

    sink: FileSink

    def __init__(
        self,
        native: _native.Recording,
        sink: FileSink,
        *,
        delay: Callable[[], int],
        name_of: Callable[[int], str | None],
        tell: Callable[[object, str], object],
        **options: Any,
    ) -> None:
        super().__init__(sink, position=native.position, **options)
        self.error: Exception | None = None
        """The first error, as soon as it is known; the recording may go on with other users."""
        self._native = native
        self._delay = delay
        self._name_of = name_of
        self._tell_of = tell
        self._names: dict[int, str | None] = {}
        self._is_overfull = False
        sink.uploads.tell, sink.uploads.warn, sink.uploads.fail = self._offer, self._warn, self._fail

    @property
    def is_over(self) -> bool:
        return self._native.is_over

    @property
    def is_paused(self) -> bool:
        return self._native.is_paused

    def _stop(self, position: int) -> None:
        self._native.stop(self._delay())

    def _pause(self, position: int) -> None:
        self._native.pause(position)

    def _resume(self, position: int) -> None:
        self._native.resume(position)

    def cut(self) -> None:
        position = self._now()
        if not self.is_over:
            self._native.cut(position)

    def _mark(self, position: int, title: str) -> None:
        self._native.mark(position, title)

    def _allow(self, user_id: int, position: int) -> None:
        self._native.allow(user_id, position)

    def _deny(self, user_id: int, position: int, drop: bool) -> None:
        can_drop = self.sink.layout == "users" and not self.sink.mixes
        self._native.deny(user_id, position, drop=drop and can_drop)
        if drop and not can_drop:
            raise ValueError("what is in one file with others cannot be taken out again")
        if drop and self.report is not None:
            raise ValueError("the recording is over and its files are yours")

    def _record(self) -> Callable[[], Report]:
        name = type(self.sink).__name__
        report = self._wait()
        self.sink.uploads.finish()
        self.sink.uploaded()
        unsent = self.sink.uploads.unsent(self.error)
        if report is not None and report.dropped:
            self._log.warning("The disk was too slow: %d frames became silence", report.dropped)
        now_finishing()
        try:
            self.sink.cleanup()
        except BaseException as failed:
            self._log.exception("The sink %s could not be finished", name)
            self.error = self.error or raisable(failed)
        tracks = list(self.sink.audio_data.values())
        # The callback may want to record into it again.
        self.sink.release(finished=True)
        return lambda: Report(
            reason="size" if self._is_overfull else report.reason if report is not None else "failed",
            dropped=report.dropped if report is not None else 0,
            error=self.error,
            unsent=unsent,
            counts=report,
            **self._told(
                report.duration if report is not None else 0.0,
                tracks,
                report.voices if report is not None else (),
                self._names,
            ),
        )

    def _wait(self) -> _native.RecordingReport | None:
        """Wait for the end, telling meanwhile what goes wrong, and hand over to the sink what there is."""
        name = type(self.sink).__name__
        report = None
        try:
            while report is None:
                uploads = self.sink.uploads.is_needed
                for news in self._native.news(_WEIGH_SECONDS if uploads else _LOOK_UP_SECONDS):
                    self._tell(news)
                self._weigh()
                report = self._native.wait(0.0)
            for news in self._native.news(0.0):
                self._tell(news)
            # The library may have known somebody only later.
            self._names.update({user: self._name_of(user) for user, name in self._names.items() if name is None})
            self.sink.call(self._names)
            found = self.sink.finish(report)
        except SinkError as died:
            found = died
        except BaseException as failed:
            self._log.exception("The sink %s could not take its tracks", name)
            self.error = self.error or raisable(failed)
            return report
        if found is not None and self.error is None:
            self._log.error("The sink %s could not write: %s", name, found)
            self.error = found
        return report

    def _tell(self, news: _native.RecordingNews) -> None:
        name, user_id = type(self.sink).__name__, news.user_id
        if news.kind == "started" and user_id is not None:
            # Now, for at the end the user may have left.
            self._names[user_id] = self._name_of(user_id)
        elif news.kind == "part" and news.part is not None:
            self._complete(news.part)
        elif news.kind == "refused":
            self._log.warning("The sink %s leaves out user %s: %s", name, user_id, news.error)
        elif news.kind == "dropped" and user_id is not None:
            kept = self.sink.forget(user_id)
            error = news.error or kept
            if error is not None:
                self.error = self.error or error
                self._log.error("The sink %s keeps what was to be dropped of user %s: %s", name, user_id, error)
        elif news.kind == "failed":
            self.error = self.error or news.error
            who = "anybody" if user_id is None else f"user {user_id}"
            self._log.error("The sink %s writes no more of %s: %s", name, who, news.error)

    def _complete(self, outcome: _native.PartOutcome) -> None:
        part = self.sink.complete(outcome, None if outcome.user_id is None else self._names.get(outcome.user_id))
        if not self.sink.uploads.add(part):
            self._offer(part)

    def _weigh(self) -> None:
        """End the recording if too much of it waits on this machine."""
        error = None if self._is_overfull else self.sink.uploads.overflow()
        if error is not None and not self.is_over:
            self._is_overfull = True
            self._fail(error)
            self.stop()

    def _warn(self, error: SinkError) -> None:
        self._log.repeated(logging.WARNING, "The sink %s: %s", type(self.sink).__name__, error)

    def _fail(self, error: SinkError) -> None:
        self.error = self.error or error
        self._log.repeated(logging.ERROR, "The sink %s gives up: %s", type(self.sink).__name__, error)

    def _offer(self, part: Part) -> None:
        """Hand a part to the bot."""
        if self.sink.on_part is None:
            return
        try:
            result = self.sink.on_part(part)
        except BaseException:
            self._log.exception("on_part of a recording failed")
            return
        self._tell_of(result, "on_part of a recording")
