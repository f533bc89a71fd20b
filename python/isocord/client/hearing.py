"""The listening part of :class:`isocord.VoiceClient`: what users say, live."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from .. import _native
from ..errors import ClientError, ClosedError
from ..hearing.listening import CallbackListening, Drop, Listening
from .base import ClientBase
from .speaking import SpeakingNews, SpeakingWatch

if TYPE_CHECKING:
    from ..hearing.tap import LiveSource


Format: TypeAlias = Literal["s16", "f32"]
Frame: TypeAlias = "_native.HeardFrame"
FrameOrEvent: TypeAlias = "_native.HeardFrame | _native.SpeakingChanged"


def ids(users: Iterable[Any]) -> frozenset[int] | None:
    """The ids of members, users and ids; None, which is everybody's, of none."""
    return frozenset(int(getattr(user, "id", user)) for user in users) or None


class ListeningSurface(ClientBase):
    """Hears; see :class:`isocord.VoiceClient`."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._speaking_watch: SpeakingWatch | None = None
        self._beginning_watch = threading.RLock()
        self._speaking_news = SpeakingNews(self.loop, self._member, self._dispatch_speaking)

    @overload
    def listen(
        self,
        *,
        users: Iterable[Any] = (),
        speaking: Literal[False] = False,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
        capacity: int = 500,
        drop: Drop = "oldest",
    ) -> Listening[Frame]: ...

    @overload
    def listen(
        self,
        *,
        users: Iterable[Any] = (),
        speaking: bool,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
        capacity: int = 500,
        drop: Drop = "oldest",
    ) -> Listening[FrameOrEvent]: ...

    def listen(
        self,
        *,
        users: Iterable[Any] = (),
        speaking: bool = False,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
        capacity: int = 500,
        drop: Drop = "oldest",
    ) -> Listening[Any]:
        """Hear what users say: ``async for frame in voice.listen(): ...``

        Frames are :class:`isocord.HeardFrame`: 20 ms of one user, s16le stereo at 48 kHz unless asked for otherwise,
        with its place on the clock that all users share; where nobody speaks, nothing comes. It goes on over reconnects
        and moves, and ends with the connection or :meth:`.Listening.close`. Several may listen at once.

        Args:
            users: members, users or ids to listen to; all if empty.
            speaking: whether :class:`isocord.SpeakingChanged` comes as well when users begin and cease to speak.
            opus: Opus packets as they came instead of decoded sound.
            mixdown: all users as one, whose ``user_id`` is 0. It comes when everybody's sound has come.
            latency: how long a mixdown waits for somebody beyond the jitter buffers at most, in seconds, 0 to 1; what
                comes later is left out and counted in :attr:`.Listening.late`.
            fill: frames of silence (``kind`` is "silence") where nobody speaks, so that each of ``users``, everybody
                heard so far, or the mixdown, is one unbroken row of frames: recognisers that find ends themselves
                need it. Silence comes 40 ms after its time. A user who leaves ends its row.
            sample_rate: 48000, 24000, 16000, 12000 or 8000 Hz; resampled natively.
            channels: 1 or 2. Speech recognition usually wants ``sample_rate=16000, channels=1``.
            format: "s16" or "f32": samples of 16 bits, or floating point with full scale at 1.0.
            vad: whether frames are judged for speech, without the GIL: :attr:`HeardFrame.speech`.
            capacity: frames that may wait for the loop, of all users, 1 to 100,000; 50 are a second of one user.
            drop: which frame goes if no more may wait.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
            ValueError: an option is out of its range, or Opus packets are to be mixed, filled, judged or resampled.
        """
        if not 1 <= capacity <= 100_000:
            raise ValueError("capacity must be 1 to 100,000 frames")
        if drop not in ("oldest", "newest"):
            raise ValueError('drop must be "oldest" or "newest"')
        frames = self._hear(
            "opus" if opus else "pcm",
            users=users,
            mixdown=mixdown,
            latency=latency,
            fill=fill,
            sample_rate=sample_rate,
            channels=channels,
            format=format,
            vad=vad,
        )
        return Listening(frames, speaking=speaking, capacity=capacity, drop=drop)

    @overload
    def listen_with(
        self,
        callback: Callable[[Frame], object],
        *,
        users: Iterable[Any] = (),
        speaking: Literal[False] = False,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
    ) -> CallbackListening: ...

    @overload
    def listen_with(
        self,
        callback: Callable[[FrameOrEvent], object],
        *,
        users: Iterable[Any] = (),
        speaking: bool,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
    ) -> CallbackListening: ...

    def listen_with(
        self,
        callback: Callable[[Any], object],
        *,
        users: Iterable[Any] = (),
        speaking: bool = False,
        opus: bool = False,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48_000,
        channels: int = 2,
        format: Format = "s16",
        vad: bool = False,
    ) -> CallbackListening:
        """Hear what users say in a plain function, on a thread of its own that never holds the bot's loop.

        Args:
            callback: called with each :class:`isocord.HeardFrame`, and :class:`isocord.SpeakingChanged` if wanted. It
                may take its time: 4,096 frames wait for it, and newer ones are dropped. If it raises, that is logged
                and the listening ends.
            users: as the following, see :meth:`listen`.
            speaking: see :meth:`listen`.
            opus: see :meth:`listen`.
            mixdown: see :meth:`listen`.
            latency: see :meth:`listen`.
            fill: see :meth:`listen`.
            sample_rate: see :meth:`listen`.
            channels: see :meth:`listen`.
            format: see :meth:`listen`.
            vad: see :meth:`listen`.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
            TypeError: ``callback`` is not callable, or a coroutine function: use :meth:`listen` with ``async for``.
            ValueError: as for :meth:`listen`.
        """
        if not callable(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError("callback must be a plain function; coroutines read from listen() with async for")
        frames = self._hear(
            "opus" if opus else "pcm",
            users=users,
            mixdown=mixdown,
            latency=latency,
            fill=fill,
            sample_rate=sample_rate,
            channels=channels,
            format=format,
            vad=vad,
        )
        return CallbackListening(frames, callback, speaking=speaking)

    def dispatch_speaking(self, enabled: bool = True) -> None:
        """Have the bot's events ``voice_member_speaking_start`` and ``_stop`` tell who begins and ceases to speak.

        Both have the member as their argument, and come as the sound itself tells, also while nobody listens. They end
        with the connection. ``member_speaking_state_update``, which Discord sends once for each member, always comes.
        Members whom the bot library has not cached within two seconds are left out: switch on ``Intents.members``, or
        use ``listen(speaking=True)``, which gives ids.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
        """
        if enabled:
            self._watch().telling = True
        elif self._speaking_watch is not None:
            self._speaking_watch.tell_no_more()

    def is_speaking(self, member: Any) -> bool | None:
        """Whether a member, a user or an id speaks just now, as the sound itself tells; None if that is not known.

        Speaking is followed from the first call on, so that one knows nothing yet.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
        """
        user_id = int(getattr(member, "id", member))
        speaking = self._watch().asked_of(user_id)
        return False if speaking is None and user_id in self._streams else speaking

    def _watch(self) -> SpeakingWatch:
        with self._beginning_watch:
            watch = self._speaking_watch
            if watch is None or watch.is_over:
                watch = self._speaking_watch = SpeakingWatch(self._hear("speaking"), self._tell_speaking)
            return watch

    def _tell_speaking(self, change: _native.SpeakingChanged) -> None:
        # The loop may be closed already.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._speaking_news.take, change)

    def _dispatch_speaking(self, member: Any, change: _native.SpeakingChanged) -> None:
        watch, names = self._speaking_watch, self._host.events
        # It may have been switched off while the change was on its way to the loop.
        if watch is not None and watch.telling:
            self._host.dispatch(self.client, names.speaking_start if change.speaking else names.speaking_stop, member)

    def _hear(self, form: Literal["pcm", "opus", "speaking"], *, users: Iterable[Any] = (), **shape: Any) -> LiveSource:
        native = self._live().native
        try:
            found: LiveSource = native.listen(form=form, users=ids(users), **shape)
        except ClosedError as error:
            raise self._error(ClientError, "Not connected to voice") from error
        return found

    @property
    def receive_stats(self) -> _native.ReceiveStats:
        """Counters of what the present connection received, in all and of each user.

        Raises:
            ClientError: ``connect`` has not been called.
        """
        return self._begun().native.receive_stats
