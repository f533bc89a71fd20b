"""What plays: the player of one connection, which goes through playbacks.

A :class:`~isocord.playing.playback.Playback` is one call of ``play``: its source (and those that were swapped in), its
track, ``after``. The :class:`Player` holds the present one and keeps the native connection in step with it.

Threads: the bot's threads call ``start``, ``stop``, ``pause``, ``resume`` and ``swap``; they take effect at once here,
and sound starts when the gateway thread, which first tells the server that we speak, calls :meth:`Player.apply`. The
ends of tracks come on feeder threads and on the native event thread. One short lock guards the player; it is never held
while code of the bot runs.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

from .. import _native
from ..errors import IsocordError
from .manners import Manners
from .playback import After, AnySource, Playback, PlaybackState
from .sources.feed import Feed
from .sources.native import NativeSource

_log = logging.getLogger(__name__)

_STUCK_AFTER = 2.0


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

    def start(
        self,
        feed: Feed,
        after: After | None,
        future: asyncio.Future[Exception | None] | None,
        exchange: Callable[[Any], None] | None = None,
    ) -> Playback:
        """Play ``feed``, in place of a playback that is paused; ``exchange`` swaps its source later on."""
        playback = Playback(self, feed, after, future, exchange)
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
            current.resolve(None, self._loop)
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

    def rewrap(self, source: AnySource, native: NativeSource | None) -> bool:
        """Go on through ``source``, if it wraps what plays or is wrapped by it; False if it does not, or nothing plays.

        What was read ahead plays as it is: to begin anew would lose it.
        """
        with self._lock:
            current = self._current
            if current is None or current.state.is_over:
                return False
            return current.feed.rewrap(source, native)

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
                current.resolve(None, self._loop)
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
        error = feed.error
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
        playback.conclude(error, self._loop, after_first=self._manners.after_first)
