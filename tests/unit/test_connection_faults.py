"""What a voice server, or isocord itself, can do wrong in the midst of a connection: a loss that is told at once."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from types import FunctionType, ModuleType

import pytest

from isocord import _native
from isocord.connection.decisions import limits
from isocord.connection.session.roster import MOST_USERS
from isocord.connection.states import Phase, Reason, UserDisconnected, VoiceServerUpdate, VoiceStateUpdate
from isocord.playing.sources.feed import Feed

from .connection_world import KEYS, READY, World
from .fakes import wait_until
from .stages import Frames

pytestmark = pytest.mark.usefixtures("fake_native")


class PanicError(BaseException):
    """As the native side's, which is no Exception."""


def reasons(world: World) -> list[Reason]:
    return [state.reason for state in world.bot.states]


class TestBetweenKeysAndStart:
    """The first packet waits for Speaking to be written: the keys are there, and the session has not begun."""

    def begin(self, world: World) -> None:
        world.connection.speak(4).result(5)
        world.server.writes_hang = True
        world.connection.start()
        wait_until(lambda: "op 5" in world.server.story)

    @pytest.mark.parametrize("code", [None, 4006])
    def test_a_websocket_that_dies_does_not_connect(self, world: World, code: int | None) -> None:
        self.begin(world)
        world.server.silent = True
        world.server.cut(code)
        wait_until(lambda: len(world.server.sockets) == 2 or len(world.bot.voice_states) == 2)
        # Longer than Speaking is waited for.
        world.on_thread(lambda: None, after=0.3)
        assert world.native.session is None
        assert world.connection.state.phase is Phase.CONNECTING
        assert world.connection.flow.deadline is not None
        world.server.silent = world.server.writes_hang = False
        world.server.cut()
        world.connection.connected.result(10)
        assert world.connection.state.phase is Phase.CONNECTED
        assert world.native.session is not None

    def test_after_an_outage_it_is_no_session_to_be_resumed(self, world: World) -> None:
        world.connect()
        world.connection.speak(4).result(5)
        world.server.refuse_resume = world.server.writes_hang = True
        world.server.story.clear()
        world.server.cut()
        wait_until(lambda: "op 5" in world.server.story)
        assert world.native.session is None
        before = len(world.server.sockets)
        world.server.refuse_resume = world.server.writes_hang = False
        world.server.cut()
        wait_until(lambda: world.connection.state.phase is Phase.CONNECTED)
        assert world.native.session is not None
        assert all(message["op"] != 7 for socket in world.server.sockets[before:] for message in socket.sent)

    def test_streams_that_are_told_meanwhile_are_kept(self, world: World) -> None:
        self.begin(world)
        world.server.send(world.server.now, 5, {"user_id": "8", "ssrc": 55, "speaking": 1})
        world.connection.connected.result(5)
        world.server.send(world.server.now, 13, {"user_id": "8"})
        wait_until(lambda: UserDisconnected(8, 55) in world.bot.channel_events)


class TestProtocolFaults:
    def test_a_second_ready_is_a_loss_that_is_told_and_another_session(self, world: World) -> None:
        world.connect()
        first = world.server.now
        world.server.send(first, 2, READY)
        wait_until(lambda: world.connection.flow.reconnects == 1)
        lost = next(state for state in world.bot.states if state.phase is Phase.RECONNECTING)
        assert lost.reason is Reason.PROTOCOL_BROKEN
        assert "began the session anew" in lost.detail
        assert first.closed == 4900
        assert world.native.session is not None

    def test_a_version_of_the_encryption_that_was_not_offered_is_refused(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(KEYS, "dave_protocol_version", 99)
        world.connection.start()
        world.connection.connected.result(5)
        assert world.connection.state.reason is Reason.REFUSED
        assert "version 99" in world.connection.state.detail

    def test_a_mode_that_was_not_selected_is_a_loss_that_is_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.connect()
        keys = world.native.session
        world.server.send(world.server.now, 4, KEYS | {"mode": "xsalsa20_poly1305\n" * 4, "secret_key": [6] * 32})
        world.server.send(world.server.now, 4, KEYS | {"mode": "xsalsa20_poly1305\n", "secret_key": [6] * 32})
        wait_until(lambda: world.connection.flow.reconnects == 1)
        lost = next(state for state in world.bot.states if state.phase is Phase.RECONNECTING)
        assert lost.reason is Reason.PROTOCOL_BROKEN
        assert "not selected: xsalsa20_poly1305\\n" in lost.detail
        assert world.native.session == keys

    def test_a_message_that_means_nothing_is_counted(self, world: World) -> None:
        world.connect()
        world.server.send(world.server.now, 8, {"heartbeat_interval": 50})
        world.server.send(world.server.now, 9, None)
        wait_until(lambda: world.connection.counters.misplaced == 2)
        assert world.connection.state.phase is Phase.CONNECTED


class TestOwnFaults:
    @pytest.mark.parametrize("error", [RuntimeError("x"), OverflowError("x"), PanicError("x")])
    @pytest.mark.parametrize("method", ["open", "start_session"])
    def test_an_exception_in_the_handshake_is_told_at_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(type(world.native), method, fail)
        world.connection.start()
        world.connection.connected.result(10)
        state = world.connection.state
        assert state.reason is Reason.FAILED
        assert state.detail == f"isocord itself failed: {type(error).__name__}"

    @pytest.mark.parametrize("error", [RuntimeError("x"), PanicError("x")])
    def test_an_exception_at_a_message_replaces_the_session(
        self, world: World, monkeypatch: pytest.MonkeyPatch, error: BaseException
    ) -> None:
        world.connect()

        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(type(world.native), "assign_ssrc", fail)
        world.server.send(world.server.now, 5, {"user_id": "8", "ssrc": 55, "speaking": 1})
        wait_until(lambda: world.connection.flow.reconnects == 1)
        assert Reason.INTERNAL in reasons(world)
        wait_until(lambda: world.connection.state.phase is Phase.CONNECTED)
        assert world.connection._driver.media._timer is not None

    def test_sound_that_cannot_be_started_is_told(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.connect()

        def fail(*_: object) -> None:
            raise RuntimeError("x")

        monkeypatch.setattr(type(world.native), "play", fail)
        world.play()
        wait_until(lambda: Reason.INTERNAL in reasons(world))
        monkeypatch.undo()

    def test_a_leave_that_fails_does_not_keep_it_from_its_end(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.connect()

        def fail(*_: object) -> None:
            raise RuntimeError("x")

        monkeypatch.setattr(world.bot, "send_voice_state", fail)
        world.connection.stop(leave=True)
        world.connection.finished.result(5)
        assert world.native.closed
        assert world.connection.state.reason is Reason.REQUESTED

    def test_a_link_that_fails_ends_it_rather_than_leave_it_hanging(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.connect()

        def fail(*_: object) -> None:
            raise RuntimeError("x")

        monkeypatch.setattr(world.bot, "state_changed", fail)
        world.server.cut(4006)
        world.connection.finished.result(5)
        assert world.connection.state.reason is Reason.INTERNAL
        assert world.native.closed


class TestNothingLeaves:
    def check(self, world: World) -> None:
        world.on_thread(lambda: world.connection._driver.enter(world.connection._driver._check))

    def test_a_session_that_does_not_send_is_replaced_and_the_reason_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SEND_LIMIT", 0.0)
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None and world.connection.player.has_frames)
        self.check(world)
        world.native.stats.packets_sent += 10
        self.check(world)
        assert world.connection.flow.reconnects == 0
        self.check(world)
        wait_until(lambda: world.connection.flow.reconnects == 1)
        assert Reason.UNSENT in reasons(world)
        lost = next(state for state in world.bot.states if state.reason is Reason.UNSENT)
        assert "no packet leaves" in lost.detail

    def test_a_source_that_is_slow_to_begin_is_no_fault(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "SEND_LIMIT", 0.0)
        world.connect()
        released = threading.Event()

        class Slow(Frames):
            def read(self) -> bytes:
                released.wait(15)
                return super().read()

        world.connection.player.start(Feed(Slow(100), None, lookahead=25), None, None)
        wait_until(lambda: world.native.track is not None)
        for _ in range(3):
            self.check(world)
        assert world.connection.flow.reconnects == 0
        released.set()
        wait_until(lambda: world.connection.player.has_frames)
        for _ in range(3):
            self.check(world)
        wait_until(lambda: world.connection.flow.reconnects == 1)

    def test_silence_and_pauses_are_no_fault(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "SEND_LIMIT", 0.0)
        world.connect()
        for _ in range(3):
            self.check(world)
        world.play()
        world.connection.player.pause()
        for _ in range(3):
            self.check(world)
        assert world.connection.flow.reconnects == 0


def test_what_is_known_of_users_is_bounded(world: World) -> None:
    world.connect()
    roster = world.connection._driver.media._roster
    for user in range(MOST_USERS + 100):
        world.server.send(world.server.now, 5, {"user_id": str(user + 10), "ssrc": user, "speaking": 1})
    wait_until(lambda: len(world.bot.channel_events) == MOST_USERS + 100)
    assert len(roster._ssrcs) == MOST_USERS
    assert len(world.native.ssrcs) == MOST_USERS
    world.server.send(world.server.now, 13, {"user_id": "10"})
    world.server.send(world.server.now, 13, {"user_id": str(MOST_USERS)})
    wait_until(lambda: len(world.bot.channel_events) == MOST_USERS + 102)
    assert world.bot.channel_events[-2:] == [UserDisconnected(10, None), UserDisconnected(MOST_USERS, MOST_USERS - 10)]


class TestKick:
    def test_it_is_true_at_once(self, world: World) -> None:
        world.connect()
        held = world.hold()
        world.connection.voice_state(VoiceStateUpdate("session", None))
        assert world.connection.state.phase is Phase.DISCONNECTED
        assert world.connection.state.reason is Reason.KICKED
        held.set()
        world.connection.finished.result(5)
        assert world.connection.state.reason is Reason.KICKED

    def test_the_answer_to_a_leave_of_its_own_is_none(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.connect()
        seen: list[Reason] = []

        def answered_at_once(channel_id: int | None, sent: Callable[[], object]) -> None:
            # The bot's loop may be faster than the gateway thread, which has not told the end yet.
            world.connection.voice_state(VoiceStateUpdate("session", channel_id))
            seen.append(world.connection.state.reason)
            sent()

        monkeypatch.setattr(world.bot, "send_voice_state", answered_at_once)
        world.server.cut(4004)
        world.connection.finished.result(5)
        assert world.connection.state.reason is Reason.REFUSED
        assert Reason.KICKED not in seen

    def test_word_of_an_earlier_clients_leave_is_none(self, world: World) -> None:
        held = world.hold()
        world.bot.discord_answers = False
        world.connection.start()
        world.connection.voice_state(VoiceStateUpdate("session", None))
        held.set()
        assert world.connection.state.phase is not Phase.DISCONNECTED


def reachable(root: object, kept: Callable[[object], bool]) -> list[object]:
    """All that can be reached from ``root`` by references, but by way of the test's own things, and is ``kept``."""
    seen, found, todo = {id(root)}, [], [root]
    while todo:
        thing = todo.pop()
        if kept(thing):
            found.append(thing)
        if type(thing).__module__.startswith(("tests.", "logging")):
            continue
        for other in gc.get_referents(thing):
            if id(other) not in seen and not isinstance(other, type | ModuleType | FunctionType):
                seen.add(id(other))
                todo.append(other)
    return found


def test_tokens_and_keys_do_not_outlive_the_connection(world: World) -> None:
    def secret(thing: object) -> bool:
        text = thing if isinstance(thing, str) else ""
        raw = thing if isinstance(thing, bytes) else b""
        return "token 1" in text or "hush" in text or bytes([5] * 32) in raw

    world.bot.session_id = "hush"
    world.connect()
    connection = world.connection
    mine = (connection._driver.flow, connection._driver.media.session, connection._driver.media.encryption)
    assert len(reachable(mine, secret)) >= 3
    connection.stop(leave=False)
    connection.finished.result(5)
    world.on_thread(lambda: None)
    mine = (connection._driver.flow, connection._driver.media.session, connection._driver.media.encryption)
    assert reachable(mine, secret) == []
    assert (connection.flow.token, connection.flow.session_id) == (None, None)
    assert connection.info is not None
    assert connection.info.ssrc == READY["ssrc"]


def test_a_late_update_brings_no_token_back(world: World) -> None:
    world.connect()
    world.connection.stop(leave=False)
    world.connection.finished.result(5)
    world.connection.voice_server(VoiceServerUpdate("token", "server:443"))
    world.on_thread(lambda: None)
    assert world.connection.flow.token is None


class TestLog:
    def test_changes_name_their_guild_by_the_public_logger(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "isocord")
        world.connect()
        world.server.cut(4006)
        wait_until(lambda: world.connection.flow.reconnects == 1)
        changes = [record for record in caplog.records if record.name == "isocord.connection"]
        assert [record.levelname for record in changes[:2]] == ["INFO", "INFO"]
        assert changes[0].getMessage() == "[guild 1] Voice connection: connecting (requested by the bot)"
        assert all(record.guild_id == 1 for record in changes)  # type: ignore[attr-defined]
        assert {record.name.split(".")[1] for record in caplog.records} == {"connection"}

    def test_what_a_server_wrote_is_one_short_line(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "isocord")
        world.connect()
        handler = world.server.now.handler
        world.on_thread(lambda: handler.socket_lost(None, "no\n[guild 7] forged\x1b[2J" + "x" * 100_000, trusted=True))
        wait_until(lambda: world.connection.flow.resumes == 1)
        assert any("forged" in record.getMessage() for record in caplog.records)
        for record in caplog.records:
            assert record.getMessage().isprintable()
            assert len(record.getMessage()) < 500

    def test_notices_that_repeat_are_told_once_and_counted(
        self, world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.INFO, "isocord")

        class Notice:
            def __init__(self, number: int) -> None:
                self.text = f"a message of user {number} was refused"

        monkeypatch.setattr(_native, "DaveNotice", Notice)
        numbers = iter(range(300))
        monkeypatch.setattr(
            _native.DaveSession,
            "outputs",
            lambda self: [Notice(number := next(numbers) % 100), Notice(number + 1)],
        )
        world.connect()
        for seq in range(300):
            data = seq.to_bytes(2, "big") + bytes([27, seq % 100])
            world.on_thread(lambda data=data: world.server.now.handler.socket_received(data))
        told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
        assert len(told) == 3
        assert "100 times" in told[2]
