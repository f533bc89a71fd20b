"""One call of ``play``, from its start to what the bot hears of its end."""

from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import _native
from ..errors import Interrupted
from ..runtime.callbacks import follow
from ..runtime.handover import raisable
from .barge_in import BargeIn
from .sources.feed import Feed
from .sources.feeder import Source

if TYPE_CHECKING:
    from .player import Player

After: TypeAlias = Callable[[Exception | None], Any]
"""Called when a playback is over, with the error that ended it; a coroutine function runs on the bot's loop."""
AnySource: TypeAlias = "Source | _native.Playable"


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


class Playback:
    """One call of ``play``. Bots know it as ``voice_client._player``, which is a thread in their libraries.

    Args:
        player: what plays it.
        feed: its source and track.
        after: the bot's function for the end.
        future: who waits for the end.
        exchange: goes on with another source, as ``voice_client.source = source`` does.
    """

    DELAY = 0.02

    def __init__(
        self,
        player: Player,
        feed: Feed,
        after: After | None,
        future: asyncio.Future[Exception | None] | None,
        exchange: Callable[[Any], None] | None = None,
    ) -> None:
        self._player = player
        self._exchange = exchange
        self._state = PlaybackState.PLAYING
        self._concluded = threading.Event()
        self._current_error: Exception | None = None
        # Two events that bots look at.
        self._end = threading.Event()
        self._resumed = threading.Event()
        self._resumed.set()
        self.barge_in: BargeIn | None = None
        self.feed = feed
        self.after = after
        self.future = future
        self.earlier_frames = 0
        self.finished = False

    @property
    def state(self) -> PlaybackState:
        """Where it stands."""
        return self._state

    @state.setter
    def state(self, state: PlaybackState) -> None:
        self._state = state
        if state is PlaybackState.PAUSED:
            self._resumed.clear()
        else:
            self._resumed.set()
        if state.is_over:
            self._end.set()

    @property
    def source(self) -> AnySource:
        """What is being played. Set it to go on with another source; the old one is not cleaned up.

        Raises:
            TypeError: set to something that is no audio source.
            ValueError: set when it is not what plays any more.
        """
        return self.feed.source

    @source.setter
    def source(self, source: AnySource) -> None:
        self.set_source(source)

    def set_source(self, source: AnySource) -> None:
        """The same as setting :attr:`source`."""
        if self._exchange is None or self.state.is_over or self._player.current is not self:
            raise ValueError("the client is not playing this any more")
        self._exchange(source)

    _set_source = set_source

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

    def is_alive(self) -> bool:
        """Whether its end is still to come: until ``after`` was called and the source cleaned up."""
        return not self._concluded.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Block the calling thread until :meth:`is_alive` is false, or for ``timeout`` seconds."""
        self._concluded.wait(timeout)

    def stop(self) -> None:
        """Stop it, if it is still the one that plays."""
        self._player.stop(self)

    def pause(self) -> None:
        """Hold it, if it is still the one that plays."""
        self._player.pause(self)

    def resume(self) -> None:
        """Let it go on, if it is still the one that plays."""
        self._player.resume(self)

    def conclude(self, error: BaseException | None, loop: asyncio.AbstractEventLoop, *, after_first: bool) -> None:
        """It is over: call ``after``, clean up, tell who waits. On a thread where code of the bot may take its time.

        Whatever that raises is logged, also what wants to end the interpreter: the rest is done all the same.
        """
        shown = None if error is None else raisable(error)
        self._current_error = shown
        if after_first:
            self._call_after(shown, loop)
            self._clean_up()
        else:
            self._clean_up()
            self._call_after(shown, loop)
        self._concluded.set()
        self.resolve(shown, loop)

    def resolve(self, error: Exception | None, loop: asyncio.AbstractEventLoop) -> None:
        """Tell who waits for the end, once."""
        future = self.future
        if future is None:
            return

        def resolve() -> None:
            if not future.done():
                future.set_result(error)

        try:
            loop.call_soon_threadsafe(resolve)
        except RuntimeError:
            self._player.log.debug("The bot's loop is closed: nobody waits for the end of the playback")

    def _call_after(self, error: Exception | None, loop: asyncio.AbstractEventLoop) -> None:
        if self.after is not None:
            try:
                result = self.after(error)
            except BaseException as raised:
                raised.__context__ = error
                self._player.log.exception("Calling the after function failed.", exc_info=raised)
                result = None
            follow(result, loop, "The after function", self._player.log)
        elif error is not None and not isinstance(error, Interrupted):
            self._player.log.error("The source %s failed", type(self.source).__name__, exc_info=error)

    def _clean_up(self) -> None:
        try:
            self.source.cleanup()
        except BaseException:
            self._player.log.exception("Cleaning up the source %s failed", type(self.source).__name__)
