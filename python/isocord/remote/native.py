"""What plays and listens at a media node, as the player and the surfaces of the client use it here.

Methods come from any thread and only hand over to the gateway thread; counters are asked for, and waited for within a
second. What was asked for stands, and is asked for again where another node takes over.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Literal, TypeVar

from .. import _native
from ..errors import ClosedError
from ..playing.barge_in import BargeIn
from ..runtime.thread import GatewayThread
from .beside.errand import Errands
from .listener import RelayedRecording, RemoteListener
from .made import MadeTrack
from .messages import Heard, Listen, Packet, Pause, Play, Resume, Stop, ToSeat, Unlisten
from .totals import Totals
from .track import RemoteTrack, sendable

_ASK_LIMIT = 1.0
_AnyTrack = TypeVar("_AnyTrack", "RemoteTrack", "MadeTrack")
Sending = Callable[[Callable[[int], "ToSeat | None"]], object]
Asking = Callable[[str, tuple[Any, ...], "concurrent.futures.Future[Any]"], None]


class RemoteNative:
    """One connection's sound at a node.

    Args:
        thread: the gateway thread.

    Attributes:
        flows: whether what plays leaves at once.
        totals: what has been counted at all nodes.
    """

    def __init__(self, thread: GatewayThread) -> None:
        self._thread = thread
        self._numbers = itertools.count(1)
        self._send: Sending | None = None
        self._ask: Asking | None = None
        self._ended: Callable[[], object] = _ignore
        self._answers: dict[str, Any] = {}
        self.totals: Totals = Totals()
        self.tracks: weakref.WeakValueDictionary[int, RemoteTrack | MadeTrack] = weakref.WeakValueDictionary()
        self.listeners: dict[int, RemoteListener | RelayedRecording] = {}
        self.errands: Errands = Errands(thread, self._post)
        # It is never opened: what is heard elsewhere is placed on its clock, and written by its recorder.
        self._here = _native.Connection(_ignore)
        self._playing: RemoteTrack | MadeTrack | None = None
        self._barge_in: tuple[float, frozenset[int], bool] | None = None
        self._paused = False
        self._closed = False
        self.flows: bool = False

    def attach(self, send: Sending, ask: Asking, ended: Callable[[], object]) -> None:
        """Whom it speaks through, and whom it tells that a track was ended here; on the gateway thread."""
        self._send, self._ask, self._ended = send, ask, ended

    # Tracks, as Feed makes them.

    def opus(self, *, lookahead: int = 25) -> RemoteTrack:
        """A track that is fed with Opus packets."""
        return self._track(opus=True, options=None, lookahead=lookahead)

    def pcm(self, options: _native.EncoderOptions | None = None, *, lookahead: int = 25) -> RemoteTrack:
        """A track that is fed with PCM."""
        return self._track(opus=False, options=options, lookahead=lookahead)

    def native(
        self, source: _native.Playable, options: _native.EncoderOptions | None = None, *, lookahead: int = 25
    ) -> MadeTrack:
        """A track of a native source, which is made here."""
        return self._begun(MadeTrack(next(self._numbers), self._post, source, options, lookahead=lookahead))

    def _track(self, *, opus: bool, options: _native.EncoderOptions | None, lookahead: int) -> RemoteTrack:
        return self._begun(
            RemoteTrack(next(self._numbers), self._post, opus=opus, options=options, lookahead=lookahead)
        )

    def _begun(self, track: _AnyTrack) -> _AnyTrack:
        self.tracks[track.number] = track
        self._thread.call(self._announce, track)
        return track

    def _announce(self, track: RemoteTrack | MadeTrack) -> None:
        if self._send is not None:
            self._send(lambda seat: track.begin(seat)[0])

    # What the player asks for.

    def play(self, track: RemoteTrack | MadeTrack, barge_in: BargeIn | None = None) -> None:
        """Play a track in the place of what plays."""
        before, self._playing, self._paused = self._playing, track, False
        self._barge_in = told = plain(barge_in)
        if self.flows:
            # Before the node knows: what changes from now on comes too late for the first frames.
            track.go_on()
        if before is not None and before is not track:
            self._end(before, "replaced")
        self._post(lambda seat: Play(seat, track.number, told, held=False))

    def stop(self) -> None:
        """End what plays."""
        before, self._playing = self._playing, None
        if before is not None:
            self._end(before, "stopped")
        self._post(Stop)

    def pause(self) -> None:
        """Hold what plays."""
        self._paused = True
        if self._playing is not None:
            self._playing.hold()
        self._post(Pause)

    def resume(self) -> None:
        """Let what is held go on."""
        self._paused = False
        if self._playing is not None:
            self._playing.go_on()
        self._post(Resume)

    def _end(self, track: RemoteTrack | MadeTrack, how: Literal["stopped", "replaced"]) -> None:
        track.ended(how)
        self._thread.call(self._ended)

    def close(self) -> None:
        """It is over."""
        self._closed = True
        for track in list(self.tracks.values()):
            track.ended("closed")

    # What the client's surfaces ask for.

    def send_packet(self, packet: bytes) -> None:
        """Send one Opus packet of 20 ms now.

        Raises:
            OpusError: it is empty or over 1,275 bytes.
            ClosedError: the connection is over.
        """
        data = sendable(packet)
        self._check()
        self._post(lambda seat: Packet(seat, data))

    def listen(self, **shape: Any) -> RemoteListener:
        """Frames of what users say.

        Raises:
            ValueError: an option is out of its range.
            ClosedError: the connection is over.
        """
        return self._listener(utterances=False, shape=shape)

    def utterances(self, **shape: Any) -> RemoteListener:
        """What users say, cut.

        Raises:
            ValueError: an option is out of its range.
            ClosedError: the connection is over.
        """
        return self._listener(utterances=True, shape=shape)

    def _listener(self, *, utterances: bool, shape: dict[str, Any]) -> RemoteListener:
        self._check()
        # The node would find the same fault, but too late for whoever asks.
        (self._here.utterances if utterances else self._here.listen)(**shape).close()
        listener = RemoteListener(next(self._numbers), self._unlisten, utterances=utterances, shape=shape)
        self.listeners[listener.number] = listener
        self._post(lambda seat: Listen(seat, listener.number, utterances, shape))
        return listener

    def record(self, target: Any, **options: Any) -> _native.Recording:
        """Record what is heard there, here: see :meth:`isocord._native.Connection.record`.

        Raises:
            SinkError: as there.
            ValueError: as there.
            ClosedError: the connection is over.
        """
        self._check()
        recording = self._here.record(target, relayed=True, **options)
        relayed = RelayedRecording(next(self._numbers), recording, own_voice=options.get("own_user") is not None)
        self.listeners[relayed.number] = relayed
        self._post(relayed.begin)
        return recording

    def _unlisten(self, number: int) -> None:
        self.listeners.pop(number, None)
        self._post(lambda seat: Unlisten(seat, number))

    @property
    def stats(self) -> Any:
        """What has been counted at all nodes, see :class:`isocord._native.Stats`."""
        self.asked("figures", None)
        found = self.totals.stats
        return _NO_STATS if found is None else Counted(**found)

    @property
    def receive_stats(self) -> Any:
        """The same, see :class:`isocord._native.ReceiveStats`."""
        self.asked("receive_stats", None)
        found = self.totals.received
        if found is None:
            return _NO_RECEIVE_STATS
        users = {user_id: Counted(**one) for user_id, one in found["users"].items()}
        return Counted(**{**found, "users": users})

    @property
    def position(self) -> int:
        """Now, on the clock that all frames are placed on, in samples of 48 kHz."""
        return self._here.position

    def verification_code(self, user_id: int) -> str | None:
        """See :meth:`isocord.VoiceClient.verification_code`."""
        found: str | None = self.asked("verification_code", None, user_id)
        return found

    def asked(self, what: str, default: Any, *about: Any) -> Any:
        """The node's answer, or its last one if it is away."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        if self._ask is not None and self._thread.call(self._ask, what, about, done):
            with contextlib.suppress(concurrent.futures.TimeoutError, ClosedError):
                self._answers[what] = done.result(_ASK_LIMIT)
        return self._answers.get(what, default)

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the connection is closed")

    def _post(self, message: Callable[[int], ToSeat | None]) -> None:
        if self._send is not None:
            self._thread.call(self._send, message)

    # The gateway thread.

    def end_listeners(self) -> None:
        """No more comes for anybody."""
        listeners, self.listeners = self.listeners, {}
        for listener in listeners.values():
            listener.end()
        self.errands.close()
        self._here.close()

    def heard(self, told: Heard, shift: int) -> None:
        """The node brings what users said; its clock is ``shift`` samples behind."""
        listener = self.listeners.get(told.listener)
        if isinstance(listener, RelayedRecording) and listener.is_over:
            listener.end()
            self._unlisten(listener.number)
        elif listener is not None:
            listener.heard(told.items, told.dropped, told.late, shift)

    def begin(self, seat: int) -> list[ToSeat]:
        """All that a node that knows nothing of it has to be told."""
        told: list[ToSeat] = []
        for track in list(self.tracks.values()):
            if track.end is None:
                told += track.begin(seat)
        playing = self._playing
        if playing is not None and playing.end is None:
            told.append(Play(seat, playing.number, self._barge_in, held=self._paused))
        told += [listener.begin(seat) for listener in list(self.listeners.values())]
        return told + self.errands.begin(seat)


def _ignore(*_: object) -> None:
    """Nothing happens on a connection that is never opened."""


def plain(barge_in: BargeIn | None) -> tuple[float, frozenset[int], bool] | None:
    """Who may interrupt, as values that pickle."""
    if barge_in is None:
        return None
    return (barge_in.min_speech, frozenset(barge_in.users), barge_in.echo_guard)


class Counted(SimpleNamespace):
    """What a native object has counted elsewhere; shown as it was there."""

    def __repr__(self) -> str:
        shown: str = self.__dict__["_shown"]
        return shown


def _zeros(kind: type, **more: Any) -> Counted:
    names = [name for name in dir(kind) if not name.startswith("_")]
    return Counted(_shown=f"<{kind.__name__}: none yet>", **(dict.fromkeys(names, 0) | more))


_NO_STATS = _zeros(_native.Stats, lateness_histogram=[])
_NO_RECEIVE_STATS = _zeros(_native.ReceiveStats, users={})
