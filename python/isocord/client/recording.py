"""The recording part of :class:`isocord.VoiceClient`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _native
from ..errors import ClosedError, NotASinkError, RecordingError
from ..hearing.recording.file_recording import FileRecording
from ..hearing.recording.hosted import PcmFormat, mend_wave_sink, without_timer
from ..hearing.recording.recording import Recording, is_finishing
from ..hearing.recording.sink_recording import SinkRecording, is_in_use
from ..runtime.callbacks import follow, is_coroutine_function
from ..sinks.base import AnySink, Sink
from ..sinks.files import FileSink
from .base import ClientBase

_CAPACITY = 8192
_LEAST_DELAY = 0.06
_SAMPLE_RATE = 48_000
_IN_USE = "The sink is in use by another recording, or its last one is not finished yet."


class RecordingSurface(ClientBase):
    """Records; see :class:`isocord.VoiceClient`."""

    decoder = PcmFormat
    """Format of what sinks get."""

    sync_start: bool = False
    """Whether the tracks of the present or last recording begin together."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._only: Recording | None = None
        self._recordings: list[Recording] = []

    def start_recording(
        self,
        sink: AnySink | FileSink,
        callback: Callable[..., Any] | None = None,
        *args: Any,
        sync_start: bool = False,
    ) -> Recording:
        """Record the channel into ``sink``, each user by itself.

        :mod:`isocord.sinks` has sinks that write files natively, as the sound comes. The sinks of the bot library, and
        those of your own, get everything in Python.

        Gaps between what a user says are filled with silence, so that the tracks keep time. The recording goes on over
        reconnects and moves; it ends with :meth:`stop_recording`, with the connection, at a limit of the sink's
        filters, when the sink raises, or, with those of :mod:`isocord.sinks`, when nobody has been written for 2 s
        because every file failed. A file that fails is told in the log at once and leaves the others alone.

        A call with a callback, or with a sink of the bot library, is refused while another such recording runs, as
        the libraries do. Others run beside each other, each with a sink of its own. :meth:`stop_recording`,
        :meth:`toggle_pause`, :attr:`paused` and :attr:`sink` are about the former; where none runs, about the one that
        was begun last.

        Args:
            sink: one of :mod:`isocord.sinks`, one of ``discord.sinks``, or of your own.
            callback: called when the sink is finished. A coroutine function gets ``(sink, *args)`` and runs on the
                bot's loop. A plain function gets the same on the thread of the recording, but for py-cord 2.8 without
                ``args``: there it gets the exception that ended the recording, or None.
            args: passed on to ``callback``.
            sync_start: whether the tracks of users that come later begin with silence, so that all begin together.

        Returns:
            The recording: ``await recording.stop()`` ends it and gives a :class:`isocord.Report`.

        Raises:
            RecordingError: not connected, recording already (see above), ``sink`` is no sink, one that another
                recording still writes to, or one of the bot library's that was recorded into already: those serve
                once. It is a ``RecordingException`` of the bot library as well.
            SinkError: a file of isocord's own sinks could not be made, or is one that another recording writes to, or
                there is no ffmpeg where it is needed.
            TypeError: ``callback`` is not callable; a coroutine is not: give the function that makes it.
            ValueError: an option of isocord's own sinks is out of its range.
        """
        if inspect.iscoroutine(callback):
            callback.close()
            raise TypeError(f"give {callback.__name__} itself as the callback, not what it returns")
        connection = self._live(RecordingError, "Not connected to voice channel")
        is_only = callback is not None or isinstance(sink, self._host.sinks)
        if is_only and self._only is not None and not self._only.is_over:
            raise self._error(RecordingError, "Already recording.")
        if not isinstance(sink, (*self._host.sinks, Sink, FileSink)):
            raise self._error(NotASinkError, f"Must provide a Sink object, not {_kind_of(sink)}.")
        if callback is not None and not callable(callback):
            raise TypeError("callback must be a function or a coroutine function")
        if self._self_deaf:
            self._log.warning("The bot is deafened: Discord sends it nothing to record")
        finish = partial(self._finish_recording, sink, callback, args)
        natively = isinstance(sink, FileSink)
        begin: Callable[..., Recording] = self._record_natively if natively else self._record_in_python
        try:
            recording = begin(connection.native, sink, sync_start is True, finish)
        except ClosedError as error:
            raise self._error(RecordingError, "Not connected to voice channel.") from error
        recording.start()
        self.sync_start = sync_start is True
        self._recordings = [*(other for other in self._recordings if not other.is_over), recording]
        if is_only:
            self._only = recording
        return recording

    start_listening = start_recording
    """The same, by another name that py-cord has for it."""

    def _record_natively(
        self, native: _native.Connection, sink: Any, sync_start: bool, finish: Callable[[Exception | None], None]
    ) -> FileRecording:
        if not sink.claim():
            raise self._error(RecordingError, _IN_USE)
        finished = sink.finished
        try:
            sink.init(self)
            own_user = self._user_id if sink.own_voice else None
            started = sink.start(native, sync_start=sync_start, name_of=self._name_of, own_user=own_user)
            return FileRecording(
                started,
                sink,
                delay=partial(_delay, native),
                name_of=self._name_of,
                tell=lambda result, what: follow(result, self.loop, what, self._log),
                clock=lambda: native.position,
                finish=finish,
                log=self._log,
            )
        except BaseException:
            sink.release(finished=finished)
            raise

    def _record_in_python(
        self, native: _native.Connection, sink: Any, sync_start: bool, finish: Callable[[Exception | None], None]
    ) -> SinkRecording:
        if is_in_use(sink):
            raise self._error(RecordingError, _IN_USE)
        if isinstance(sink, self._host.sinks) and getattr(sink, "finished", False):
            message = f"This {type(sink).__name__} was recorded into already, and serves only once: make a new one."
            raise self._error(RecordingError, message)
        frames = native.listen(capacity=_CAPACITY)
        try:
            mend_wave_sink(sink, self._host.wave_sink)
            with without_timer(sink):
                sink.init(self)
            return SinkRecording(
                frames,
                lambda: native.position,
                sink,
                sync_start=sync_start,
                delay=lambda: _LEAST_DELAY + _delay(native) / _SAMPLE_RATE,
                finish=finish,
                log=self._log,
            )
        except BaseException:
            frames.close()
            raise

    def stop_recording(self) -> None:
        """End the recording. Does not wait for the sink: the callback is called when that is finished.

        Raises:
            RecordingError: nothing is recorded. It is a ``RecordingException`` of the bot library as well.
        """
        self._running_recording().stop()

    stop_listening = stop_recording
    """The same, by another name that py-cord has for it."""

    def toggle_pause(self) -> None:
        """Pause the recording, or go on; what is said in a pause, and its time, are in no track.

        Raises:
            RecordingError: nothing is recorded. It is a ``RecordingException`` of the bot library as well.
        """
        self._running_recording().toggle_pause()

    def is_recording(self) -> bool:
        """Whether a recording runs, paused or not."""
        return any(not recording.is_over for recording in self._recordings)

    @property
    def recording(self) -> bool:
        """Whether a recording runs, paused or not; to a sink that is being finished, whether its own still runs."""
        return self.is_recording() and not is_finishing()

    @property
    def paused(self) -> bool:
        """Whether the recording is paused."""
        recording = self._recording
        return recording is not None and not recording.is_over and recording.is_paused

    @property
    def sink(self) -> AnySink | FileSink | None:
        """The sink of the present recording, or of the last one."""
        return self._recording.sink if self._recording is not None else None

    @property
    def _recording(self) -> Recording | None:
        """The one that the page's methods are about."""
        if self._only is not None and not self._only.is_over:
            return self._only
        running = [recording for recording in self._recordings if not recording.is_over]
        known = running or self._recordings
        return known[-1] if known else None

    def _name_of(self, user_id: int) -> str | None:
        """The name of a user, if the bot's library knows it."""
        name = getattr(self._member(user_id), "display_name", None)
        return name if isinstance(name, str) else None

    def _running_recording(self) -> Recording:
        recording = self._recording
        if recording is None or recording.is_over:
            raise self._error(RecordingError, "Not currently recording audio.")
        return recording

    def _end_recording(self) -> None:
        for recording in self._recordings:
            recording.stop()

    def _finish_recording(
        self, sink: Any, callback: Callable[..., Any] | None, args: tuple[Any, ...], error: Exception | None
    ) -> None:
        """Call the callback; on the thread of the recording, as the libraries do."""
        if callback is None:
            return
        takes_error = self._host.recording_callback_takes_error and not args and not is_coroutine_function(callback)
        result = callback(error) if takes_error else callback(sink, *args)
        follow(result, self.loop, "The callback of a recording", self._log)


def _kind_of(value: object) -> str:
    """What was given in place of a sink, and what to write instead."""
    if isinstance(value, type):
        return f"the class {value.__name__}: make one of it, {value.__name__}(...)"
    if isinstance(value, (str, os.PathLike)):
        return f"{type(value).__name__}: record into isocord.sinks.WaveSink({os.fspath(value)!r})"
    return type(value).__name__


def _delay(native: _native.Connection) -> int:
    """Samples that frames wait in the jitter buffers at most."""
    return max((user.delay for user in native.receive_stats.users.values()), default=0)
