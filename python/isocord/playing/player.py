"""What plays: the player of one connection, and the playbacks that it goes through.

A :class:`Playback` is one call of ``play``: its source (and those that were swapped in), its track, ``after``. The
:class:`Player` holds the present one and keeps the native connection in step with it.

Threads: the bot's threads call ``start``, ``stop``, ``pause``, ``resume`` and ``swap``; they take effect at once here,
and sound starts when the gateway thread, which first tells the server that we speak, calls :meth:`Player.apply`. The
ends of tracks come on feeder threads and on the native event thread. One short lock guards the player; it is never held
while code of the bot runs.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import threading
from collections.abc import Callable
from typing import Any

from .. import _native
from ..errors import IsocordError
from ..runtime.values import Record
from .sources.feed import Feed
from .sources.feeder import Source

_log = logging.getLogger(__name__)

After = Callable[[Exception | None], Any]
"""Called when a playback is over, with the error that ended it."""

_STUCK_AFTER = 2.0


class PlaybackState(enum.Enum):
    """Where a playback stands."""

    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "played to its end, or failed"
    STOPPED = "stopped by the bot, or with its connection"
    REPLACED = "another source was played instead"

    @property
    def is_over(self) -> bool:
        return self not in (PlaybackState.PLAYING, PlaybackState.PAUSED)


class Manners(Record):
    """How a bot library ends a playback.

    Attributes:
        after_first: ``after`` is called before the source is cleaned up.
        resolve_on_stop: stopping resolves the future of ``wait_finish`` at once.
    """

    after_first: bool = True
    resolve_on_stop: bool = True


class Playback:
    """One call of ``play``. Bots know it as ``voice_client._player``."""

    DELAY = 0.02

    def __init__(
        self,
        player: Player,
        feed: Feed,
        after: After | None,
        future: asyncio.Future[Exception | None] | None,
    ) -> None:
        self._player = player
        self.feed = feed
        self.after = after
        self.future = future
        self.state = PlaybackState.PLAYING
        self.earlier_frames = 0
        self.finished = False

    @property
    def source(self) -> Source | _native.AudioFile:
        """What is being played."""
        return self.feed.source

    def played_frames(self) -> int:
        """Frames that have left, each 20 ms."""
        return self.earlier_frames + self.feed.track.frames_sent

    @property
    def loops(self) -> int:
        """The same, by the name that the bot libraries use."""
        return self.played_frames()

    def is_playing(self) -> bool:
        """Whether it sounds."""
        return self.state is PlaybackState.PLAYING

    def is_paused(self) -> bool:
        """Whether it is held."""
        return self.state is PlaybackState.PAUSED

    def stop(self) -> None:
        """Stop it, if it is still the one that plays."""
        self._player.stop(self)

    def pause(self) -> None:
        """Hold it, if it is still the one that plays."""
        self._player.pause(self)

    def resume(self) -> None:
        """Let it go on, if it is still the one that plays."""
        self._player.resume(self)


class Player:
    """What one connection plays.

    Args:
        native: the connection's native side.
        sync: asks the gateway thread to tell the server what :attr:`sounding` says and then to call :meth:`apply`.
        loop: the bot's loop, which the futures of ``wait_finish`` belong to.
        manners: how the bot library ends a playback.
    """

    def __init__(
        self,
        native: _native.Connection,
        sync: Callable[[], None],
        *,
        loop: asyncio.AbstractEventLoop,
        manners: Manners,
    ) -> None:
        self._native = native
        self._sync = sync
        self._loop = loop
        self._manners = manners
        self._lock = threading.Lock()
        self._current: Playback | None = None
        self._unfinished: set[Playback] = set()
        self._applied: Feed | None = None
        self._applied_pause = False
        self._closed = False

    @property
    def current(self) -> Playback | None:
        """The present playback, or the last one; None before the first and after :meth:`stop`."""
        return self._current

    @property
    def sounding(self) -> bool:
        """Whether something plays and is not held."""
        current = self._current
        return current is not None and current.is_playing()

    # The bot's threads.

    def start(self, feed: Feed, after: After | None, future: asyncio.Future[Exception | None] | None) -> Playback:
        """Play ``feed``, in place of a playback that is paused."""
        playback = Playback(self, feed, after, future)
        with self._lock:
            earlier = self._current
            if earlier is not None and not earlier.state.is_over:
                self._end(earlier, PlaybackState.REPLACED)
            self._current = playback
            self._unfinished.add(playback)
            if self._closed:
                self._end(playback, PlaybackState.STOPPED)
        feed.start(self._fed)
        if playback.state.is_over:
            # The connection ended meanwhile, and may have finished all that it knew.
            self._settle(playback)
        if earlier is not None:
            self._settle(earlier)
        self._sync()
        return playback

    def stop(self, only: Playback | None = None) -> None:
        """Stop what plays; its feeder is not waited for."""
        with self._lock:
            current = self._current
            if current is None or (only is not None and current is not only):
                return
            if not current.state.is_over:
                self._end(current, PlaybackState.STOPPED)
                if self._applied is not None and not self._closed:
                    self._command(self._native.stop)
                    self._applied = None
            self._current = None
        if self._manners.resolve_on_stop:
            self._resolve(current, None)
        self._settle(current)
        self._sync()

    def pause(self, only: Playback | None = None) -> None:
        """Hold what plays."""
        with self._lock:
            current = self._current
            if current is None or not current.is_playing() or (only is not None and current is not only):
                return
            current.state = PlaybackState.PAUSED
            if self._applied is not None and not self._applied_pause and not self._closed:
                self._command(self._native.pause)
                self._applied_pause = True
        self._sync()

    def resume(self, only: Playback | None = None) -> None:
        """Let what is held go on."""
        with self._lock:
            current = self._current
            if current is None or not current.is_paused() or (only is not None and current is not only):
                return
            current.state = PlaybackState.PLAYING
        self._sync()

    def swap(self, feed: Feed) -> bool:
        """Go on with another source; the old one is not cleaned up. False if nothing plays."""
        with self._lock:
            current = self._current
            if current is None or current.state.is_over:
                return False
            old = current.feed
            old.cancel()
            current.earlier_frames += old.track.frames_sent
            current.feed = feed
        feed.start(self._fed)
        self._sync()
        return True

    def rewrap(self, source: Source) -> bool:
        """Go on reading through ``source``, which wraps what plays or was wrapped around it. False if nothing plays.

        What was read ahead plays as it is: to begin anew would lose it.
        """
        with self._lock:
            current = self._current
            if current is None or current.state.is_over:
                return False
            return current.feed.rewrap(source)

    def close(self) -> None:
        """The connection is over: what plays stops."""
        with self._lock:
            self._closed = True
            current = self._current
            if current is not None and not current.state.is_over:
                self._end(current, PlaybackState.STOPPED)
            self._applied = None
        if current is not None:
            if self._manners.resolve_on_stop:
                self._resolve(current, None)
            self._settle(current)

    def finish_all(self) -> None:
        """The native connection is closed: no event will tell of the ends of its tracks any more."""
        with self._lock:
            native = [(playback, playback.feed) for playback in self._unfinished if playback.feed.feeder is None]
        for playback, feed in native:
            self._finish_native(playback, feed)

    # The gateway thread.

    def apply(self) -> None:
        """Bring the native side in step: start the track that is wanted, or let it go on."""
        with self._lock:
            current = self._current
            if self._closed or current is None or not current.is_playing():
                return
            if current.feed is not self._applied:
                self._command(self._native.play, current.feed.track)
                self._applied = current.feed
            if self._applied_pause:
                self._command(self._native.resume)
                self._applied_pause = False

    # Feeder threads and the native event thread.

    def track_ended(self) -> None:
        """A track is over. Only those of native sources matter: feeders see the end of theirs themselves."""
        with self._lock:
            over = [
                (playback, playback.feed)
                for playback in self._unfinished
                if playback.feed.feeder is None and playback.feed.track.end is not None
            ]
        for playback, feed in over:
            self._finish_native(playback, feed)

    def _fed(self, feed: Feed, error: BaseException | None) -> None:
        with self._lock:
            playback = next((known for known in self._unfinished if known.feed is feed), None)
        if playback is not None:
            self._finish(playback, feed, error)

    # Inside.

    def _command(self, command: Callable[..., None], *args: object) -> None:
        """Have the native side do something. Once it is closed there is nothing to do; all tracks are over then."""
        try:
            command(*args)
        except IsocordError as error:
            _log.debug("The native connection did not take a command: %s", error)

    def _end(self, playback: Playback, state: PlaybackState) -> None:
        """Mark a playback as over; with the lock held."""
        playback.state = state
        playback.feed.cancel()

    def _settle(self, playback: Playback) -> None:
        """See that a playback that was ended is finished too, whatever its source does."""
        feed = playback.feed
        if feed.feeder is None:
            if feed is not self._applied and feed.track.frames_sent == 0 and feed.track.end is None:
                # The track never started, so no event will tell of its end.
                self._finish_native(playback, feed)
        elif playback.state.is_over:
            feed.feeder.kill_later(_STUCK_AFTER)

    def _finish_native(self, playback: Playback, feed: Feed) -> None:
        error: BaseException | None = None
        source = feed.source
        if feed.track.end == "failed" and isinstance(source, _native.AudioFile):
            error = source.error
        if playback.after is None and error is None and playback.future is None:
            self._finish(playback, feed, None)
        else:
            # Code of the bot runs now, and may take its time: not on the native event thread.
            arguments = (playback, feed, error)
            threading.Thread(target=self._finish, args=arguments, name="isocord-after", daemon=True).start()

    def _finish(self, playback: Playback, feed: Feed, error: BaseException | None) -> None:
        """Run ``after`` and clean up, once; nothing happens if the bot has gone on with another source meanwhile."""
        with self._lock:
            if playback.finished or playback.feed is not feed:
                return
            playback.finished = True
            self._unfinished.discard(playback)
            if not playback.state.is_over:
                playback.state = PlaybackState.ENDED
            if self._applied is feed:
                self._applied = None
        self._sync()
        shown = error if isinstance(error, Exception) or error is None else RuntimeError(repr(error))
        if self._manners.after_first:
            self._call_after(playback, shown)
            self._clean_up(playback)
        else:
            self._clean_up(playback)
            self._call_after(playback, shown)
        self._resolve(playback, shown)

    def _call_after(self, playback: Playback, error: Exception | None) -> None:
        if playback.after is not None:
            try:
                playback.after(error)
            except Exception as raised:
                raised.__context__ = error
                _log.exception("Calling the after function failed.", exc_info=raised)
        elif error is not None:
            _log.error("The source %s failed", type(playback.source).__name__, exc_info=error)

    def _clean_up(self, playback: Playback) -> None:
        try:
            playback.source.cleanup()
        except Exception:
            _log.exception("Cleaning up the source %s failed", type(playback.source).__name__)

    def _resolve(self, playback: Playback, error: Exception | None) -> None:
        future = playback.future
        if future is None:
            return

        def resolve() -> None:
            if not future.done():
                future.set_result(error)

        try:
            self._loop.call_soon_threadsafe(resolve)
        except RuntimeError:
            _log.debug("The bot's loop is closed: nobody waits for the end of the playback")
