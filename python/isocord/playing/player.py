"""What plays: the player of one connection, which goes through playbacks.

A :class:`~isocord.playing.playback.Playback` is one call of ``play``: its source (and those that were swapped in), its
track, ``after``. The :class:`Player` holds the present one and keeps the native connection in step with it.

Threads: the bot's threads call ``start``, ``stop``, ``pause``, ``resume`` and ``swap``; they take effect at once here,
and sound starts when the gateway thread, which first tells the server that we speak, calls :meth:`Player.apply`. The
ends of tracks come on feeder threads and on the native event thread. All of them change the player in turns, also a
signal handler that interrupts one of them; code of the bot runs outside of the turns.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _native
from ..errors import IsocordError
from ..runtime.log import GuildLog
from .barge_in import BargeIn
from .manners import Manners
from .playback import After, AnySource, Playback, PlaybackState
from .sources.feed import Feed
from .sources.native import NativeSource
from .turns import Turns

_STUCK_AFTER = 2.0


class Player:
    """What one connection plays.

    Args:
        native: the connection's native side.
        sync: asks the gateway thread to tell the server what :attr:`sounding` says and then to call :meth:`apply`.
        loop: the bot's loop, which the futures of ``wait_finish`` belong to.
        manners: how the bot library ends a playback.
        log: where failures of sources and of the bot's own functions are told.
    """

    def __init__(
        self,
        native: _native.Connection,
        sync: Callable[[], None],
        *,
        loop: asyncio.AbstractEventLoop,
        manners: Manners,
        log: GuildLog,
    ) -> None:
        self.log: GuildLog = log
        self._native = native
        self._sync = sync
        self._loop = loop
        self._manners = manners
        self._turns = Turns()
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

    @property
    def has_frames(self) -> bool:
        """Whether something plays and is not held, and frames of it wait to leave."""
        current = self._current
        return current is not None and current.is_playing() and current.feed.has_frames

    # The bot's threads.

    def start(
        self,
        feed: Feed,
        after: After | None,
        future: asyncio.Future[Exception | None] | None,
        exchange: Callable[[Any], None] | None = None,
        barge_in: BargeIn | None = None,
    ) -> Playback:
        """Play ``feed``, in place of a playback that is paused; ``exchange`` swaps its source later on."""
        playback = Playback(self, feed, after, future, exchange)
        playback.barge_in = barge_in

        def change() -> Callable[[], None]:
            earlier = self._current
            if earlier is not None and not earlier.state.is_over:
                self._end(earlier, PlaybackState.REPLACED)
            self._current = playback
            self._unfinished.add(playback)
            if self._closed:
                self._end(playback, PlaybackState.STOPPED)
            return partial(self._started, playback, feed, earlier)

        self._turns.take(change)
        return playback

    def _started(self, playback: Playback, feed: Feed, earlier: Playback | None) -> None:
        feed.start(self._fed)
        if playback.state.is_over:
            # The connection ended meanwhile, and may have finished all that it knew.
            self._settle(playback)
        if earlier is not None:
            self._settle(earlier)
        self._sync()

    def stop(self, only: Playback | None = None) -> None:
        """Stop what plays; its feeder is not waited for."""

        def change() -> Callable[[], None] | None:
            current = self._current
            if current is None or (only is not None and current is not only):
                return None
            if not current.state.is_over:
                self._end(current, PlaybackState.STOPPED)
                if self._applied is not None and not self._closed:
                    self._command(self._native.stop)
                    self._applied = None
            self._current = None
            return partial(self._stopped, current)

        self._turns.take(change)

    def _stopped(self, current: Playback) -> None:
        if self._manners.resolve_on_stop:
            current.resolve(None, self._loop)
        self._settle(current)
        self._sync()

    def pause(self, only: Playback | None = None) -> None:
        """Hold what plays."""

        def change() -> Callable[[], None] | None:
            current = self._current
            if current is None or not current.is_playing() or (only is not None and current is not only):
                return None
            current.state = PlaybackState.PAUSED
            if self._applied is not None and not self._applied_pause and not self._closed:
                self._command(self._native.pause)
                self._applied_pause = True
            return self._sync

        self._turns.take(change)

    def resume(self, only: Playback | None = None) -> None:
        """Let what is held go on."""

        def change() -> Callable[[], None] | None:
            current = self._current
            if current is None or not current.is_paused() or (only is not None and current is not only):
                return None
            current.state = PlaybackState.PLAYING
            return self._sync

        self._turns.take(change)

    def swap(self, feed: Feed) -> bool:
        """Go on with another source; the old one is not cleaned up. False if nothing plays."""
        refused: list[bool] = []

        def change() -> Callable[[], None] | None:
            current = self._current
            if current is None or current.state.is_over:
                refused.append(True)
                return None
            old = current.feed
            old.cancel()
            current.earlier_frames += old.track.frames_sent
            current.feed = feed
            return partial(self._swapped, feed)

        self._turns.take(change)
        return not refused

    def _swapped(self, feed: Feed) -> None:
        feed.start(self._fed)
        self._sync()

    def rewrap(self, source: AnySource, native: NativeSource | None) -> bool:
        """Go on through ``source``, if it wraps what plays or is wrapped by it; False if it does not, or nothing plays.

        What was read ahead plays as it is: to begin anew would lose it.
        """
        refused: list[bool] = []

        def change() -> None:
            current = self._current
            if current is None or current.state.is_over or not current.feed.rewrap(source, native):
                refused.append(True)

        self._turns.take(change)
        return not refused

    def configure(self, options: _native.EncoderOptions) -> None:
        """Encode what plays with these options from now on."""
        current = self._current
        if current is not None and not current.state.is_over:
            current.feed.track.configure(options)

    def close(self) -> None:
        """The connection is over: what plays stops."""

        def change() -> Callable[[], None] | None:
            self._closed = True
            current = self._current
            if current is not None and not current.state.is_over:
                self._end(current, PlaybackState.STOPPED)
            self._applied = None
            return partial(self._ended, current) if current is not None else None

        self._turns.take(change)

    def _ended(self, current: Playback) -> None:
        if self._manners.resolve_on_stop:
            current.resolve(None, self._loop)
        self._settle(current)

    def finish_all(self) -> None:
        """The native connection is closed: no event will tell of the ends of its tracks any more."""
        self._turns.take(lambda: self._finishing(lambda feed: feed.feeder is None))

    # The gateway thread.

    def apply(self) -> None:
        """Bring the native side in step: start the track that is wanted, or let it go on."""

        def change() -> None:
            current = self._current
            if self._closed or current is None or not current.is_playing():
                return
            if current.feed is not self._applied:
                self._command(self._native.play, current.feed.track, current.barge_in)
                self._applied = current.feed
            if self._applied_pause:
                self._command(self._native.resume)
                self._applied_pause = False

        self._turns.take(change)

    # Feeder threads and the native event thread.

    def track_ended(self) -> None:
        """A track is over. Feeders see the end of theirs themselves, those that hang when their source was interrupted
        excepted."""
        self._turns.take(self._track_ended)

    def _track_ended(self) -> Callable[[], None]:
        finish = self._finishing(lambda feed: feed.feeder is None and feed.track.end is not None)
        stopped = []
        for playback in self._unfinished:
            feeder = playback.feed.feeder
            if feeder is not None and playback.feed.track.end == "interrupted" and not playback.state.is_over:
                self._end(playback, PlaybackState.ENDED)
                stopped.append(feeder)

        def settle() -> None:
            finish()
            for feeder in stopped:
                feeder.kill_later(_STUCK_AFTER)
            if stopped:
                self._sync()

        return settle

    def _finishing(self, is_over: Callable[[Feed], bool]) -> Callable[[], None]:
        over = [(playback, playback.feed) for playback in self._unfinished if is_over(playback.feed)]

        def finish() -> None:
            for playback, feed in over:
                self._finish_native(playback, feed)

        return finish

    def _fed(self, feed: Feed, error: BaseException | None) -> None:

        def change() -> Callable[[], None] | None:
            playback = next((known for known in self._unfinished if known.feed is feed), None)
            return partial(self._finish, playback, feed, error) if playback is not None else None

        self._turns.take(change)

    # Inside.

    def _command(self, command: Callable[..., None], *args: object) -> None:
        """Have the native side do something. Once it is closed there is nothing to do; all tracks are over then."""
        try:
            command(*args)
        except IsocordError as error:
            self.log.debug("The native connection did not take a command: %s", error)

    def _end(self, playback: Playback, state: PlaybackState) -> None:
        """Mark a playback as over; in a turn."""
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
            thread = threading.Thread(target=self._finish, args=arguments, name="isocord-after", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # From Python 3.12 on no thread begins while the interpreter exits.
                self._finish(*arguments)

    def _finish(self, playback: Playback, feed: Feed, error: BaseException | None) -> None:
        """Run ``after`` and clean up, once; nothing happens if the bot has gone on with another source meanwhile."""

        def change() -> Callable[[], None] | None:
            if playback.finished or playback.feed is not feed:
                return None
            playback.finished = True
            self._unfinished.discard(playback)
            if not playback.state.is_over:
                playback.state = PlaybackState.ENDED
            if self._applied is feed:
                self._applied = None
            return finish

        def finish() -> None:
            self._sync()
            playback.conclude(error, self._loop, after_first=self._manners.after_first)

        self._turns.take(change)
