"""One recording that isocord's own sinks write: the sound stays in the native thread ``isocord-record``.

A thread ``isocord-sink`` waits for its end, to finish the sink and to call back as recordings in Python do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .. import _native
from ..errors import SinkError
from .files import FileSink
from .recording import keep_alive, now_finishing

_log = logging.getLogger(__name__)

_LOOK_UP_SECONDS = 3600.0


class FileRecording:
    """A recording that runs until it is stopped, a filter ends it or the connection is closed.

    Args:
        native: the recording.
        sink: the sink that began it; claimed, and released when it is finished.
        delay: samples that frames are late behind the clock.
        finish: called on the thread with the first error, or None, when the sink is finished.
    """

    def __init__(
        self,
        native: _native.Recording,
        sink: FileSink,
        *,
        delay: Callable[[], int],
        finish: Callable[[Exception | None], object],
    ) -> None:
        self.sink = sink
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
        error: Exception | None = None
        report = None
        try:
            while report is None:
                report = self._native.wait(_LOOK_UP_SECONDS)
            error = self.sink.finish(report)
        except SinkError as died:
            error = died
        except Exception as failed:
            _log.exception("The sink %s could not take its tracks", type(self.sink).__name__)
            error = failed
        if isinstance(error, SinkError):
            _log.error("The sink %s could not write: %s", type(self.sink).__name__, error)
        if report is not None and report.dropped:
            _log.warning("The disk was too slow: %d frames became silence", report.dropped)
        now_finishing()
        try:
            self.sink.cleanup()
        except Exception as failed:
            _log.exception("The sink %s could not be finished", type(self.sink).__name__)
            error = error or failed
        # The callback may want to record into it again.
        self.sink.release(finished=True)
        try:
            self._finish(error)
        except Exception:
            _log.exception("The callback of a recording failed")
