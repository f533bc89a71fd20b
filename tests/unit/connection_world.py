"""A voice connection between a scripted voice server and a bot that notes everything."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from isocord import _native
from isocord.connection.connection import VoiceConnection
from isocord.connection.media import Here
from isocord.connection.states import (
    ChannelEvent,
    ConnectionState,
    Phase,
    VoiceServerUpdate,
    VoiceStateUpdate,
)
from isocord.playing.player import Manners, Player
from isocord.playing.sources.feed import Feed
from isocord.runtime.thread import GatewayThread, gateway_thread

from .fakes import LOG, FakeConnection
from .stages import Frames

MODE = "aead_aes256_gcm_rtpsize"
READY = {"ssrc": 7, "ip": "10.0.0.1", "port": 50_000, "modes": [MODE]}
KEYS = {"mode": MODE, "secret_key": [5] * 32, "dave_protocol_version": 0}


class FakeDiscovered:
    address, port = "1.2.3.4", 4321


class ScriptedSocket:
    """A websocket whose server is the test."""

    def __init__(self, server: Server, endpoint: str, handler: Any) -> None:
        self.server = server
        self.endpoint = endpoint
        self.handler: Any = handler
        self.sent: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.writes_hang = server.writes_hang

    def write(self, data: str | bytes) -> None:
        assert isinstance(data, str)
        message = json.loads(data)
        self.sent.append(message)
        self.server.story.append(f"op {message['op']}")
        self.server.answer(self, message)

    async def flush(self, limit: float) -> bool:
        await asyncio.sleep(limit if self.writes_hang else 0)
        return not self.writes_hang

    def close(self, code: int) -> None:
        self.closed = code
        self.handler = None


class Server:
    """A voice server that answers at once, and the bot's gateway in front of it."""

    def __init__(self) -> None:
        self.thread: GatewayThread = gateway_thread()
        self.sockets: list[ScriptedSocket] = []
        self.story: list[str] = []
        self.silent = False
        self.refuse_resume = False
        self.writes_hang = False
        """Whether the websockets that are opened from now on write nothing in time."""
        self.discovery_fails = False

    def opener(self, thread: GatewayThread) -> Callable[[str, Any], ScriptedSocket]:
        def open_socket(endpoint: str, handler: Any) -> ScriptedSocket:
            socket = ScriptedSocket(self, endpoint, handler)
            self.sockets.append(socket)
            thread.loop.call_soon(self.opened, socket)
            return socket

        return open_socket

    def opened(self, socket: ScriptedSocket) -> None:
        if socket.handler is not None:
            socket.handler.socket_opened()
            self.send(socket, 8, {"heartbeat_interval": 10_000})

    def answer(self, socket: ScriptedSocket, message: dict[str, Any]) -> None:
        if self.silent:
            return
        match message["op"]:
            case 0:
                self.send(socket, 2, READY)
            case 1:
                self.send(socket, 4, KEYS)
            case 3:
                self.send(socket, 6, {"t": message["d"]["t"]})
            case 7 if self.refuse_resume:
                self.thread.loop.call_soon(self.lose, 4006)
            case 7:
                self.send(socket, 9, None)

    def send(self, socket: ScriptedSocket, op: int, d: Any) -> None:
        def deliver() -> None:
            if socket.handler is not None:
                socket.handler.socket_received(json.dumps({"op": op, "d": d}))

        self.thread.loop.call_soon_threadsafe(deliver)

    def lose(self, code: int | None) -> None:
        socket = self.sockets[-1]
        if socket.handler is not None:
            handler, socket.handler = socket.handler, None
            handler.socket_lost(code, "it broke", trusted=True)

    def cut(self, code: int | None = None) -> None:
        self.thread.call(self.lose, code)

    @property
    def now(self) -> ScriptedSocket:
        return self.sockets[-1]


class Bot:
    """The client's end, noting everything, and answering opcode 4 as Discord does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.voice_states: list[int | None] = []
        self.states: list[ConnectionState] = []
        self.channel_events: list[ChannelEvent] = []
        self.checks = 0
        self.session_id = "session"
        self.discord_answers = True
        self.connection: VoiceConnection | None = None

    def send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        self.voice_states.append(channel_id)
        sent()
        if self.discord_answers and channel_id is not None and self.connection is not None:
            self.connection.voice_state(VoiceStateUpdate(self.session_id, channel_id))
            self.connection.voice_server(VoiceServerUpdate(f"token {len(self.voice_states)}", "server:443"))

    def state_changed(self, state: ConnectionState) -> None:
        self.states.append(state)

    def channel_event(self, event: ChannelEvent) -> None:
        self.channel_events.append(event)

    def check(self) -> None:
        self.checks += 1

    @property
    def phases(self) -> list[Phase]:
        return [state.phase for state in self.states]


class World:
    """A bot, a server, and their connection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, timeout: float = 5.0, reconnect: bool = True) -> None:
        self.server = Server()
        self.bot = Bot(self.server)
        world = self

        class Connection(FakeConnection):
            def __init__(self, on_event: Callable[[Any], object]) -> None:
                super().__init__(on_event)
                world.native = self

            def open(self, *args: Any, **kwargs: Any) -> None:
                super().open(*args, **kwargs)
                failed = _native.DiscoveryFailed if world.server.discovery_fails else _native.Discovered
                event = failed()  # type: ignore[call-arg]
                threading.Thread(target=self.on_event, args=(event,), daemon=True).start()

            def play(self, track: Any, barge_in: object = None) -> None:
                world.server.story.append("play")
                super().play(track, barge_in)

            def start_session(self, mode: str, secret_key: bytes) -> None:
                world.server.story.append("session")
                super().start_session(mode, secret_key)

        monkeypatch.setattr(_native, "Connection", Connection)
        monkeypatch.setattr(_native, "Discovered", FakeDiscovered)
        monkeypatch.setattr(_native, "DiscoveryFailed", type("Failed", (), {"reason": "black hole"}))
        self.native: FakeConnection
        self.loop = asyncio.new_event_loop()
        self.connection = VoiceConnection(
            self.bot,
            server_id=1,
            user_id=2,
            channel_id=100,
            timeout=timeout,
            reconnect=reconnect,
            player=self.player,
            carrier=Here(self.server.opener),
        )
        self.bot.connection = self.connection

    def player(self, native: Any, sync: Callable[[], None]) -> Player:
        return Player(native, sync, loop=self.loop, manners=Manners(), log=LOG)

    def connect(self) -> World:
        self.connection.start()
        self.connection.connected.result(5)
        assert self.connection.state.phase is Phase.CONNECTED
        return self

    def play(self) -> Frames:
        source = Frames(100_000)
        self.connection.player.start(Feed(source, None, lookahead=25), None, None)
        return source

    def on_thread(self, function: Callable[[], Any], *, after: float = 0.0) -> Any:
        async def run() -> Any:
            await asyncio.sleep(after)
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.server.thread.loop).result(5)

    def hold(self) -> threading.Event:
        """Hold the gateway thread up until the event is set."""
        held = threading.Event()
        self.server.thread.call(held.wait, 5)
        return held

    def close(self) -> None:
        self.connection.stop(leave=False)
        self.connection.finished.result(5)
        self.loop.close()
