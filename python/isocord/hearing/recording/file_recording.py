"""One recording that isocord's own sinks write: the sound stays in the native thread ``isocord-record``.

A thread ``isocord-sink`` waits for its end, to finish the sink and to call back as recordings in Python do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ... import _native
from ...errors import SinkError
from ...runtime.log import GuildLog
from ...sinks.files import FileSink
from .recording import keep_alive, now_finished, now_finishing

_LOOK_UP_SECONDS = 3600.0


class FileRecording:
    """A recording that runs until it is stopped, a filter ends it or the connection is closed.

    Args:
        native: the recording.
        sink: the sink that began it; claimed, and released when it is finished.
        delay: samples that frames are late behind the clock.
        finish: called on the thread with the first error, or None, when the sink is finished.
        log: where what goes wrong is told.
    """

    def __init__(
        self,
        native: _native.Recording,
        sink: FileSink,
        *,
        delay: Callable[[], int],
        finish: Callable[[Exception | None], object],
        log: GuildLog,
    ) -> None:
        self._log = log
        self.sink = sink
        self.error: Exception | None = None
        """The first error, as soon as it is known; the recording may go on with other users."""
        self._native = native
        self._delay = delay
        self._finish = finish
        self._thread = threading.Thread(target=self._run, name="isocord-sink", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        keep_alive(self)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is recorded; the files may not be whole yet."""
        return self._native.is_over

    @property
    def is_paused(self) -> bool:
        return self._native.is_paused

    def toggle_pause(self) -> None:
        """Pause, or go on; what is said meanwhile and its time are left out of all tracks alike."""
        self._native.toggle_pause()

    def stop(self) -> None:
        """Record nothing that is said from now on; what was said before is still written. Idempotent."""
        self._native.stop(self._delay())

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the sink is finished and its owner told; False if that takes longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        name = type(self.sink).__name__
        report = self._wait()
        if report is not None and report.dropped:
            self._log.warning("The disk was too slow: %d frames became silence", report.dropped)
        now_finishing()
        try:
            self.sink.cleanup()
        except Exception as failed:
            self._log.exception("The sink %s could not be finished", name)
            self.error = self.error or failed
        # The callback may want to record into it again.
        self.sink.release(finished=True)
        try:
            self._finish(self.error)
        except Exception:
            self._log.exception("The callback of a recording failed")
        now_finished(self)

    def _wait(self) -> _native.RecordingReport | None:
        """Wait for the end, telling meanwhile what goes wrong, and hand over to the sink what there is."""
        name = type(self.sink).__name__
        report = None
        try:
            while report is None:
                for news in self._native.news(_LOOK_UP_SECONDS):
                    self._tell(news)
                report = self._native.wait(0.0)
            found = self.sink.finish(report)
        except SinkError as died:
            found = died
        except Exception as failed:
            self._log.exception("The sink %s could not take its tracks", name)
            self.error = self.error or failed
            return report
        if found is not None and self.error is None:
            self._log.error("The sink %s could not write: %s", name, found)
            self.error = found
        return report

    def _tell(self, news: _native.RecordingNews) -> None:
        name = type(self.sink).__name__
        if news.is_refused:
            self._log.warning("The sink %s leaves out user %s: %s", name, news.user_id, news.error)
            return
        self.error = self.error or news.error
        who = "anybody" if news.user_id is None else f"user {news.user_id}"
        self._log.error("The sink %s writes no more of %s: %s", name, who, news.error)
