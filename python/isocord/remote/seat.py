"""One voice connection at a media node: its sound, driven by what a bot says over a link; on the gateway thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import enum
import itertools
import logging
import secrets
import weakref
from collections.abc import Callable
from typing import Any

from .. import _native
from ..connection.media import Media
from ..connection.session.encryption import EncryptionState
from ..connection.session.session import SocketOpener
from ..connection.states import ChannelEvent, Reason
from ..errors import ClosedError, IsocordError
from ..gateway.protocol.close_codes import CloseAction, CloseVerdict
from ..playing.barge_in import BargeIn
from ..runtime.handover import entered, uncancellable, weak_handler
from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from . import messages as said
from .beside.hosting import Hosting
from .beside.shared import SharedPlayer
from .beside.voice import Seated
from .ear import Ear
from .greeting import VERSION
from .line import Line

_LOOK = 5.0
_JOIN_LIMIT = 10.0
_serials = itertools.count(1)
_log = logging.getLogger("isocord.node")


class _State(enum.Enum):
    """Whose a seat is: of a bot's process; of none, until :meth:`NodeSeat.take_over`; never again anybody's."""

    TAKEN = enum.auto()
    LEFT = enum.auto()
    CLOSED = enum.auto()


class NodeSeat:
    """A bot's connection here.

    Args:
        seat: what both ends say that it is.
        thread: the gateway thread.
        open_socket: opens websockets.
        send: says something to the bot.
        runs_code: whether classes of the bot may run here.
        give_up: called with it where no process of the bot comes any more.

    Attributes:
        serial: a number that no other one has.
        keep: seconds for which it waits for another process of the bot.
        channel_id: where it speaks, once it was told.
    """

    def __init__(
        self,
        seat: said.Seat,
        *,
        thread: GatewayThread,
        open_socket: SocketOpener,
        send: Callable[[said.FromSeat], object],
        runs_code: bool,
        give_up: Callable[[NodeSeat], object],
    ) -> None:
        self.owner: tuple[int, int] = (seat.user_id, seat.server_id)
        self.serial: int = next(_serials)
        self.generation: int = seat.generation
        self.keep: float = seat.keep
        self.channel_id: int | None = None
        self._counts = secrets.randbits(63)
        self._patience: asyncio.TimerHandle | None = None
        self._give_up = give_up
        self._thread = thread
        self._line = line = Line(seat.seat, send)
        self._log = GuildLog(_log, seat.server_id)
        self._native = _native.Connection(weak_handler(weakref.WeakMethod(self._on_native)))
        self._player = SharedPlayer(self._native, line)
        self._media = Media(
            self,
            thread=thread,
            native=self._native,
            open_socket=open_socket,
            server_id=seat.server_id,
            user_id=seat.user_id,
            player=self._player,  # type: ignore[arg-type]
            log=self._log,
        )
        own = Seated(
            thread=thread,
            native=self._native,
            media=self._media,
            player=self._player,
            log=self._log,
            owner=self.owner,
        )
        self._hosting = Hosting(line, own, allowed=runs_code)
        self._ears: dict[int, Ear] = {}
        self._established = False
        self._turn = 0
        self._state = _State.TAKEN
        self._timer: asyncio.TimerHandle | None = None
        self._does = self._table()
        self._look()

    def welcome(self) -> None:
        """Say that it is there."""
        self._line.send(said.Seated(self._line.seat, self._native.position, self._counts))

    # What the bot says.

    def take(self, message: said.ToSeat) -> None:
        """It says something."""
        self.enter(self._take, message)

    def _take(self, message: said.ToSeat) -> None:
        if self._state is _State.TAKEN:
            self._does[type(message)](message)

    def _table(self) -> dict[type, Callable[[Any], object]]:
        """What is done about each message."""
        player = self._player
        return {
            said.Open: self._open,
            said.Drop: self._drop,
            said.EndSession: self._end_session,
            said.Speak: self._speak,
            said.Packet: self._send_packet,
            said.Ask: self._answer,
            said.Track: player.begin,
            said.Frames: player.write,
            said.Made: player.write,
            said.FinishTrack: lambda told: player.finish(told.track),
            said.ForgetTrack: lambda told: player.forget(told.track),
            said.Configure: lambda told: player.configure(told.track, _native.EncoderOptions(**told.options)),
            said.Play: self._play,
            said.Stop: lambda told: self._changed(player.stop),
            said.Pause: lambda told: self._changed(player.pause),
            said.Resume: lambda told: self._changed(player.resume),
            said.Listen: self._listen,
            said.Unlisten: self._unlisten,
            said.Leave: lambda told: self.close(),
            **self._hosting.table(),
        }

    def _open(self, message: said.Open) -> None:
        self._turn = message.turn
        self.channel_id = message.target.channel_id
        self._established = self._established and message.resume
        self._media.open(message.target, resume=message.resume)

    def _drop(self, message: said.Drop) -> None:
        self._turn = message.turn
        self._media.drop(message.code)

    def _end_session(self, message: said.EndSession) -> None:
        self._established = False
        self._media.end_session()

    def _send_packet(self, message: said.Packet) -> None:
        self._media.packet_leaves()
        # Without a session there is nobody to send it to, as with packets that are lost.
        with contextlib.suppress(ClosedError):
            self._native.send_packet(message.data)

    def _play(self, message: said.Play) -> None:
        told = message.barge_in
        barge_in = None if told is None else BargeIn(*told)
        self._changed(lambda: self._player.play(message.track, barge_in, held=message.held))

    def _changed(self, change: Callable[[], None]) -> None:
        change()
        self._media.sync()

    def _speak(self, message: said.Speak) -> None:
        done = uncancellable()
        say = self._line.speaker()
        done.add_done_callback(lambda _: say(said.Answer(message.seat, message.ticket)))
        if message.flags is None:
            self._media.announce_packet(done)
        else:
            self._media.speak(message.flags, done)

    def _answer(self, question: said.Ask) -> None:
        what, about, say = question.what, question.about, self._line.speaker()

        def told(value: Any) -> None:
            say(said.Answer(question.seat, question.ticket, value))

        if what == "verification_code":
            # It takes a tenth of a second.
            code: concurrent.futures.Future[Any] = concurrent.futures.Future()

            def look() -> None:
                code.set_result(self._media.verification_code(*about))

            self._thread.work(look, lambda error: told(code.result() if error is None else None))
        elif what == "receive_stats":
            told(said.Received(_plain(self._native.receive_stats)))
        elif what == "figures":
            told(self._figures())
        else:
            error = ValueError(f"a media node of version {VERSION} is not asked for {what!r}")
            say(said.Answer(question.seat, question.ticket, None, error))

    def _figures(self) -> said.Figures:
        media = self._media
        counters, latencies = dataclasses.asdict(media.counters), tuple(media.latencies)
        return said.Figures(_plain(self._native.stats), latencies, counters, media.seq_ack)

    def _tell_figures(self) -> None:
        """Whether it is asked or not: what the bot was not told is lost with the node."""
        self._line.send(said.Answer(self._line.seat, 0, self._figures()))

    def _listen(self, message: said.Listen) -> None:
        number, shape = message.listener, dict(message.shape)
        hear = self._native.utterances if message.utterances else self._native.listen
        own: _native.OwnVoice | None = None
        try:
            if shape.pop("own_voice", False):
                own = self._native.own_voice(self.owner[0])
            queue: Any = hear(**shape)
        except (IsocordError, ValueError, TypeError) as error:
            told = error if isinstance(error, (IsocordError, ValueError)) else ValueError(str(error))
            self._line.send(said.ListenerIsOver(self._line.seat, number, told))
            return
        self._ears[number] = Ear(self._line, number, queue, own)

    @property
    def stats(self) -> _native.Stats:
        """What has left."""
        return self._native.stats

    def go_elsewhere(self) -> None:
        """Ask the bot to have another node carry it."""
        if self._state is not _State.CLOSED:
            self._tell_figures()
            self._line.send(said.GoElsewhere(self._line.seat))

    def _unlisten(self, message: said.Unlisten) -> None:
        if (ear := self._ears.pop(message.listener, None)) is not None:
            ear.close()

    @property
    def is_left(self) -> bool:
        """Whether it waits for another process of the bot."""
        return self._state is _State.LEFT

    def yields_to(self, generation: int) -> bool:
        """Whether a connection of that generation may have it, or take its place.

        Clocks of two machines differ, but who is gone has nothing to say against it.
        """
        return self.is_left or generation >= self.generation

    def replaced(self) -> None:
        """Another process of the bot is about to take it over, and this one is there to be told."""
        self._hosting.replaced()
        for number in self._ears:
            self._line.send(said.ListenerIsOver(self._line.seat, number))

    def let_go(self) -> None:
        """The bot is gone without a word: the session is kept, and what runs here goes on, until :meth:`take_over` or
        :meth:`close`."""
        self._state = _State.LEFT
        self._be_patient(self.keep)
        self._line.cut()
        for number in list(self._ears):
            self._ears.pop(number).close()
        self._player.begin_anew()
        self._hosting.let_go()
        self._media.sync()

    def take_over(self, seat: said.Seat, send: Callable[[said.FromSeat], object]) -> None:
        """Another process of the bot is there, and about to open a session of its own."""
        self._be_patient(None)
        same, self.generation = seat.generation == self.generation, seat.generation
        self.keep = seat.keep
        self._turn, self._established = 0, False
        self._media.drop()
        self._media.end_session()
        self._line.belongs_to(seat.seat, send)
        self._hosting.take_over(same=same)
        self._state = _State.TAKEN

    def close(self) -> None:
        """The bot has gone, or another seat takes its place."""
        if self._state is _State.CLOSED:
            return
        self._state = _State.CLOSED
        self._be_patient(None)
        if self._timer is not None:
            self._timer.cancel()
        self._media.close()
        self._hosting.close()
        for ear in self._ears.values():
            ear.last()
        # It ends those who listen, when they have what has come.
        self._native.close()
        self._player.close()

    # Reports of what carries the sound.

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``; what it raises ends the session, and is told."""
        entered(self._break, function, *args)

    def _break(self, error: BaseException) -> None:
        self._log.error("The voice connection failed: %s", type(error).__name__, exc_info=error)
        told = f"isocord itself failed: {type(error).__name__}"
        self._media.drop()
        self.lost(CloseVerdict(CloseAction.REJOIN, None, told), Reason.INTERNAL, resumable=False)

    def established(self, *, resumed: bool) -> None:
        """Packets can leave."""
        self._established = True
        self._line.send(said.IsEstablished(self._line.seat, self._turn, resumed, self._media.info))

    def lost(self, verdict: CloseVerdict, reason: Reason, *, resumable: bool) -> None:
        """The websocket is gone, or the session of no use."""
        self._established = False
        if self._state is _State.LEFT:
            # What plays waits for whoever takes over, and for a session that somebody hears.
            self._media.end_session()
            if verdict.action is not CloseAction.RESUME:
                # The next process has joined and is about to come; or the bot is in that channel no more.
                self._be_patient(min(self.keep, _JOIN_LIMIT))
        self._line.send(said.IsLost(self._line.seat, self._turn, verdict, reason, resumable))

    def channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""
        self._line.send(said.Happened(self._line.seat, event))

    def encryption_changed(self, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""
        self._line.send(said.EncryptionIs(self._line.seat, state))

    # Inside.

    def _be_patient(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if seconds is not None:
            self._patience = self._thread.loop.call_later(seconds, self._give_up, self)

    def _look(self) -> None:
        self._timer = self._thread.loop.call_later(_LOOK, self.enter, self._look)
        self._media.look(established=self._established)
        if self._established:
            self._tell_figures()

    def _on_native(self, event: _native.Event) -> None:
        if isinstance(event, _native.TrackEnded):
            self._thread.call(self.enter, self._changed, self._player.settle)
        else:
            self._thread.call(self.enter, self._media.take_native, event)


def _plain(value: Any) -> Any:
    """What a native object counts, as values that pickle."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (int, float, list, type(None))):
        return value
    found = {name: _plain(getattr(value, name)) for name in dir(value) if not name.startswith("_")}
    return {**found, "_shown": repr(value)}
