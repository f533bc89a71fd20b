"""The half of a connection that carries its sound at a media node: what :class:`isocord.connection.media.Media` is for
one that carries it here. It belongs to the gateway thread.

A node that is lost is a session that is lost: the decisions, which stay with the bot, ask for another one, and that is
opened at another node, which is told all that the first one had been told.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import time
from collections.abc import Callable
from typing import Any

from .. import _native
from ..connection.carrier import MediaOwner
from ..connection.decisions.actions import Target
from ..connection.session.encryption import EncryptionState
from ..connection.session.session import SessionInfo
from ..connection.states import Reason
from ..errors import ClosedError
from ..gateway.protocol.close_codes import CloseAction, CloseVerdict
from ..gateway.protocol.counters import Counters, Latencies
from ..gateway.protocol.protocol import ABANDONED
from ..playing.player import Player
from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from .address import NodeAddress
from .beside.messages import Returned, RunIsOver, Running
from .codec import LinkError
from .link import NodeLink
from .messages import (
    Answer,
    Ask,
    Drop,
    EncryptionIs,
    EndSession,
    Figures,
    FromSeat,
    GoElsewhere,
    Happened,
    Heard,
    IsEstablished,
    IsLost,
    Leave,
    ListenerIsOver,
    NoSeat,
    Open,
    Progress,
    Received,
    Seated,
    Speak,
    ToSeat,
    TrackIsOver,
)
from .native import RemoteNative
from .search import Nodes, Search

_PACKET_TIME = 0.9
_FRESH = 1.0
_LINGER = 2.0
_SAMPLE_RATE = 48_000


class RemoteMedia:
    """The sessions of one connection at a node, or at one after the other."""

    def __init__(
        self,
        owner: MediaOwner,
        *,
        thread: GatewayThread,
        native: RemoteNative,
        nodes: Nodes,
        keep: float,
        server_id: int,
        user_id: int,
        player: Player,
        log: GuildLog,
    ) -> None:
        self._latencies = Latencies()
        self._figures_at = -_FRESH
        self.counters: Counters = Counters()
        self.info: SessionInfo | None = None
        self.encryption_state: EncryptionState = EncryptionState()
        self.seq_ack: int = -1
        self._owner = owner
        self._thread = thread
        self._native = native
        # Of two connections for one guild the later one is valid, whichever processes they are of.
        self._generation = time.time_ns()
        self._keep = keep
        self._server_id, self._user_id = server_id, user_id
        self._player = player
        self._log = log
        self._link: NodeLink | None = None
        self._seat = self._turn = 0
        self._wanted: Target | None = None
        self._finding = False
        self._search = Search(nodes, thread=thread, user_id=user_id, server_id=server_id, seeks=keep > 0, log=log)
        self._tickets: dict[int, concurrent.futures.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._announced = self._asked_at = 0.0
        self._shift = 0
        self._closed = False
        self._does: dict[type, Callable[[Any], object]] = {
            IsEstablished: self._established,
            IsLost: self._is_lost,
            Happened: lambda told: owner.channel_event(told.event),
            EncryptionIs: self._encryption_is,
            Answer: self._answered,
            Progress: self._progress,
            TrackIsOver: self._track_is_over,
            Heard: lambda told: native.heard(told, self._shift),
            Seated: self._seated,
            ListenerIsOver: self._listener_is_over,
            GoElsewhere: self._go_elsewhere,
            NoSeat: self._no_seat,
            **dict.fromkeys((Running, Returned, RunIsOver), native.errands.told),
        }
        native.attach(self._send, self._ask, player.track_ended)

    @property
    def address(self) -> NodeAddress | None:
        """The node that carries it, if one does."""
        return self._link.address if self._link is not None else None

    @property
    def latencies(self) -> Latencies:
        """Of heartbeats, as the node told last; it is asked again if that is a second ago."""
        now = time.monotonic()
        if now - self._figures_at >= _FRESH:
            self._figures_at = now
            self._thread.call(self._ask, "figures", (), concurrent.futures.Future())
        return self._latencies

    @property
    def speaking(self) -> bool:
        """Whether the node has told the server, or does before anything leaves."""
        return self._player.sounding or time.monotonic() < self._announced

    def verification_code(self, user_id: int) -> str | None:
        """The digits that the bot and a user compare; on any thread but the gateway's."""
        return self._native.verification_code(user_id)

    def packet_leaves(self) -> None:
        """The node is told with the packet."""

    # What the driver asks for.

    def open(self, target: Target, *, resume: bool) -> None:
        """Have a node open a websocket; the present node, if there is one."""
        self._wanted = target
        self._turn += 1
        if self._link is not None:
            self._link.send(Open(self._seat, self._turn, target, resume))
        elif not self._finding:
            self._finding = True
            self._thread.spawn(self._find(target.endpoint), name="isocord-find-node")

    def drop(self, code: int = ABANDONED) -> None:
        """Close the websocket but keep the session."""
        self._wanted = None
        self._turn += 1
        turn = self._turn
        self._native.flows = False
        self._send(lambda seat: Drop(seat, turn, code))

    def end_session(self) -> None:
        """The session is over on the server."""
        self._send(EndSession)

    def sync(self) -> None:
        """The player wants something else; the node tells the server before anything leaves."""
        self._player.apply()

    def speak(self, flags: int, done: concurrent.futures.Future[None]) -> None:
        """Set the flags that hold while the player is silent."""
        self._ticket(lambda seat, ticket: Speak(seat, flags, ticket), done)

    def announce_packet(self, done: concurrent.futures.Future[None]) -> None:
        """A single packet is about to leave."""
        self._announced = time.monotonic() + _PACKET_TIME
        self._ticket(lambda seat, ticket: Speak(seat, None, ticket), done)

    def take_native(self, event: _native.Discovered | _native.DiscoveryFailed) -> None:
        """The node sees to that."""

    def look(self, *, established: bool) -> None:
        """The node sees to that."""

    def close(self) -> None:
        """It is over; what the node has heard and not brought yet, it brings before it is done with."""
        self._closed = True
        self._wanted = None
        if self.info is not None:
            self.info = self.info.without_key()
        self._send(Leave)
        if self._link is not None and self._native.listeners:
            self._thread.loop.call_later(_LINGER, self._part)
        else:
            self._part()

    def _part(self) -> None:
        self._give_seat_back()
        self._native.end_listeners()

    # A node.

    async def _find(self, endpoint: str) -> None:
        try:
            link = await self._search.first(
                endpoint, again=bool(self._seat), wanted=lambda: not self._closed and self._wanted is not None
            )
        except Exception as error:
            # Whatever it is: the decisions have to hear of it, which ask again.
            if not isinstance(error, LinkError):
                self._log.error("No media node could be looked for", exc_info=error)
            told = str(error)
        else:
            self._finding = False
            if link is not None:
                self._owner.enter(self._sit_down, link)
            return
        self._finding = False
        self._owner.enter(self._report_lost, told)

    def _sit_down(self, link: NodeLink) -> None:
        target = self._wanted
        if self._closed or target is None:
            return
        self._link = link
        self._asked_at = time.monotonic()
        self._seat = link.seat(
            self,
            server_id=self._server_id,
            user_id=self._user_id,
            generation=self._generation,
            keep=self._keep,
        )
        self._log.info("The sound is carried by media node %s:%d", link.address.host, link.address.port)
        for message in self._native.begin(self._seat):
            link.send(message)
        link.send(Open(self._seat, self._turn, target, False))

    def link_lost(self, told: str) -> None:
        """The node is gone."""
        if self._link is not None:
            address = self._link.address
            self._search.lost(address)
            self._give_seat_back()
            self._native.errands.lost(crashed=True)
            if self._closed:
                self._part()
            self._owner.enter(self._report_lost, f"media node {address.host}:{address.port} is lost: {told}")

    def _go_elsewhere(self, message: GoElsewhere) -> None:
        if self._link is None or self._wanted is None:
            return
        address = self._link.address
        if not self._search.knows_another(address, self._wanted.endpoint):
            # Until it ends it is better than none.
            return
        self._search.lost(address)
        # Not the session, which another node is about to take up.
        turn = self._turn
        self._send(lambda seat: Drop(seat, turn, ABANDONED))
        self._send(Leave)
        self._give_seat_back()
        self._native.errands.lost(crashed=False)
        self._report_lost(f"media node {address.host}:{address.port} is about to end")

    def _no_seat(self, message: NoSeat) -> None:
        self._give_seat_back()
        self._native.errands.lost(crashed=False)
        self._report_lost("another process of this bot has the connection")

    def _report_lost(self, told: str) -> None:
        if not self._closed and self._wanted is not None:
            # Discord still has the session, and answers no join where it sees no change: another node takes it up.
            self._owner.lost(CloseVerdict(CloseAction.RESUME, None, told), Reason.NODE_LOST, resumable=False)

    def _give_seat_back(self) -> None:
        link, self._link = self._link, None
        self._native.flows = False
        if link is not None:
            link.leave(self._seat)
        tickets, self._tickets = self._tickets, {}
        for done in tickets.values():
            done.set_exception(ClosedError("the media node is gone"))

    # What the node says.

    def told(self, message: FromSeat) -> None:
        """It says something."""
        self._owner.enter(self._take, message)

    def _take(self, message: FromSeat) -> None:
        self._does[type(message)](message)

    def _is_lost(self, message: IsLost) -> None:
        if message.turn == self._turn:
            self._native.flows = False
            self._owner.lost(message.verdict, message.reason, resumable=message.resumable)

    def _established(self, message: IsEstablished) -> None:
        if message.turn != self._turn:
            return
        if not message.resumed:
            self.info = message.info
        self._native.flows = True
        self._owner.established(resumed=message.resumed)
        self.sync()

    def _encryption_is(self, message: EncryptionIs) -> None:
        self.encryption_state = message.state
        self._owner.encryption_changed(message.state)

    def _progress(self, message: Progress) -> None:
        if (track := self._native.tracks.get(message.track)) is not None:
            track.progress(message)

    def _track_is_over(self, message: TrackIsOver) -> None:
        if (track := self._native.tracks.get(message.track)) is not None:
            track.is_over(message)
            self._player.track_ended()

    def _seated(self, message: Seated) -> None:
        # Half of the way there and back the message took to come.
        now, away = self._native.position, time.monotonic() - self._asked_at
        self._shift = now - round(away / 2 * _SAMPLE_RATE) - message.position
        self._native.totals.seated(message.counts)

    def _listener_is_over(self, message: ListenerIsOver) -> None:
        if (listener := self._native.listeners.pop(message.listener, None)) is not None:
            listener.end()
        if self._closed and not self._native.listeners:
            self._part()

    def _answered(self, answer: Answer) -> None:
        if isinstance(answer.value, (Figures, Received)):
            self._native.totals.note(answer.value)
        if isinstance(answer.value, Figures):
            self._note(answer.value)
        done = self._tickets.pop(answer.ticket, None)
        if done is None:
            return
        if answer.error is not None:
            done.set_exception(answer.error)
        else:
            done.set_result(answer.value)

    def _note(self, figures: Figures) -> None:
        self.seq_ack = figures.seq_ack
        self._figures_at = time.monotonic()
        latencies = Latencies()
        for latency in figures.latencies:
            latencies.add(latency)
        self._latencies = latencies
        self.counters = Counters(**self._native.totals.gateway)

    # What it is told.

    def _send(self, message: Callable[[int], ToSeat | None]) -> None:
        if self._link is not None and (said := message(self._seat)) is not None:
            self._link.send(said)

    def _ask(self, what: str, about: tuple[Any, ...], done: concurrent.futures.Future[Any]) -> None:
        self._ticket(lambda seat, ticket: Ask(seat, ticket, what, about), done, ClosedError("no media node"))

    def _ticket(
        self,
        message: Callable[[int, int], ToSeat],
        done: concurrent.futures.Future[Any],
        absent: Exception | None = None,
    ) -> None:
        if self._link is None:
            if absent is None:
                done.set_result(None)
            else:
                done.set_exception(absent)
            return
        ticket = next(self._numbers)
        self._tickets[ticket] = done
        self._link.send(message(self._seat, ticket))
