"""A whole connection in virtual time: driver, flow, session and protocol are the real ones, and so is the MLS group."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine
from typing import Any

from isocord import _native
from isocord.connection.decisions.flow import ConnectionFlow
from isocord.connection.driver import ConnectionDriver
from isocord.connection.media import Here
from isocord.connection.states import ChannelEvent, ConnectionState

USER, GUILD, CHANNEL = 2, 1, 100


class Handle:
    """A timer."""

    def __init__(self, when: float, order: int, call: Callable[[], object]) -> None:
        self.when, self.order, self.call = when, order, call
        self.off = False

    def __lt__(self, other: Handle) -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        self.off = True

    def cancelled(self) -> bool:
        return self.off


class Clock:
    """The part of an event loop that a connection uses, in virtual time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._due: list[Handle] = []
        self._order = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, function: Callable[..., object], *args: Any) -> Handle:
        self._order += 1
        handle = Handle(when, self._order, lambda: function(*args))
        heapq.heappush(self._due, handle)
        return handle

    def call_later(self, delay: float, function: Callable[..., object], *args: Any) -> Handle:
        return self.call_at(self.now + delay, function, *args)

    def run(self, until: float, *, most: int) -> None:
        """Let time pass; more than ``most`` timers mean that something never rests."""
        for _ in range(most):
            if not self._due or self._due[0].when > until:
                self.now = max(self.now, until)
                return
            handle = heapq.heappop(self._due)
            if not handle.off:
                self.now = max(self.now, handle.when)
                handle.call()
        raise AssertionError(f"{most} timers in {until - self.now:.1f} s")


class Thread:
    """The gateway thread; its tasks wait by the clock."""

    def __init__(self) -> None:
        self.loop = Clock()
        self.resources: dict[Any, Any] = {}

    def call(self, function: Callable[..., object], *args: Any) -> bool:
        self.loop.call_later(0.0, function, *args)
        return True

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> None:
        def step() -> None:
            try:
                delay = coroutine.send(None)
            except StopIteration:
                return
            self.loop.call_later(delay, step)

        step()

    def at_stop(self, closer: object) -> None:
        pass

    def forget(self, closer: object) -> None:
        pass

    def work(self, job: Callable[[], None], done: Callable[[BaseException | None], object]) -> None:
        job()
        done(None)

    def resource(self, factory: Any) -> Any:
        return self.resources.setdefault(factory, object())


class Sleep:
    """Awaited, it hands a delay to :meth:`Thread.spawn`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Any:
        yield self.seconds


class Socket:
    """A websocket whose server is the fuzzer."""

    def __init__(self, handler: Any) -> None:
        self.handler: Any = handler
        self.sent: list[str | bytes] = []
        self.slow = 0.0

    def write(self, data: str | bytes) -> None:
        self.sent.append(data)

    async def flush(self, limit: float) -> bool:
        await Sleep(min(self.slow, limit))
        return self.slow <= limit

    def close(self, code: int) -> None:
        self.handler = None


class Native:
    """The native connection, which refuses what the real one refuses."""

    def __init__(self) -> None:
        self.packets_sent = self.send_errors = self.withheld = self.underruns = 0
        self.session = False

    @property
    def stats(self) -> Native:
        return self

    def open(self, host: str, port: int, ssrc: int) -> None:
        self.session = False
        if host.count(".") != 3 or not all(part.isdigit() and int(part) < 256 for part in host.split(".")):
            raise ValueError(f"{host!r} is no address")
        assert 0 < port <= 0xFFFF
        assert 0 <= ssrc <= 0xFFFF_FFFF

    def start_session(self, mode: str, key: bytes) -> None:
        assert mode in _native.TRANSPORT_MODES
        assert len(key) == 32
        self.session = True

    def end_session(self) -> None:
        self.session = False

    def assign_ssrc(self, ssrc: int, user_id: int) -> None:
        assert 0 <= ssrc <= 0xFFFF_FFFF
        assert 0 <= user_id <= 0xFFFF_FFFF_FFFF_FFFF

    def user_left(self, user_id: int) -> None:
        assert 0 <= user_id <= 0xFFFF_FFFF_FFFF_FFFF

    def close(self) -> None:
        self.session = False


class Player:
    """Something plays, or nothing."""

    sounding = False

    @property
    def has_frames(self) -> bool:
        return self.sounding

    def apply(self) -> None:
        pass

    def close(self) -> None:
        pass

    def finish_all(self) -> None:
        pass


class Link:
    """The client's end."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.sent: list[Callable[[], object]] = []
        self.states: list[ConnectionState] = []
        self.events = 0

    def send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        self.asked.append(channel_id)
        self.sent.append(sent)

    def state_changed(self, state: ConnectionState) -> None:
        self.states.append(state)

    def channel_event(self, event: ChannelEvent) -> None:
        self.events += 1

    def encryption_changed(self, state: object) -> None:
        pass

    def check(self) -> None:
        pass


class Ground:
    """One connection on its ground."""

    def __init__(self, *, reconnect: bool) -> None:
        self.thread = Thread()
        self.native, self.player, self.link = Native(), Player(), Link()
        self.sockets: list[Socket] = []
        self.broken: list[BaseException] = []
        self.flow = ConnectionFlow(CHANNEL, timeout=30.0, reconnect=reconnect, jitter=lambda: 0.5)
        things: Any = (self.thread, self.native, self.player)
        self.driver = ConnectionDriver(
            self.link,
            self.flow,
            thread=things[0],
            server_id=GUILD,
            user_id=USER,
            native=things[1],
            player=things[2],
            carrier=Here(lambda thread: self._open),
        )
        # What is told as an error of isocord's own is what the fuzzer looks for.
        self.driver._break = self.broken.append  # type: ignore[method-assign]

    def _open(self, endpoint: str, handler: Any) -> Socket:
        self.sockets.append(Socket(handler))
        return self.sockets[-1]

    def handler(self) -> Any:
        """Whom the present websocket reports to; None if there is none."""
        return self.sockets[-1].handler if self.sockets else None

    def lose(self, code: int | None, text: str, *, trusted: bool = True) -> None:
        if (handler := self.handler()) is not None:
            self.sockets[-1].handler = None
            handler.socket_lost(code, text, trusted=trusted)

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        self.driver.enter(function, *args)


def without_connection(monkeypatch_set: Callable[[object, str, object], None]) -> None:
    """Let the MLS group keep its keys to itself: there is no native connection to hand them to."""
    real = _native.DaveSession
    monkeypatch_set(_native, "DaveSession", lambda _, user_id, channel_id: real(None, user_id, channel_id))
