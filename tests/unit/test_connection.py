"""A connection carried out: the handshake, speaking before sound, resumes, and ends, with a scripted voice server."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from isocord.connection.states import (
    Phase,
    Reason,
    UserDisconnected,
    UsersConnected,
    UserSpeaking,
    VoiceServerUpdate,
    VoiceStateUpdate,
)

from .connection_world import MODE, READY, World
from .fakes import wait_until

pytestmark = pytest.mark.usefixtures("fake_native")


class TestHandshake:
    def test_from_join_to_keys(self, world: World) -> None:
        world.connect()
        assert world.bot.voice_states == [100]
        assert world.native.opened == [("10.0.0.1", 50_000, 7)]
        assert world.native.session == (MODE, bytes([5] * 32))
        select = next(message for message in world.server.now.sent if message["op"] == 1)
        assert select["d"]["data"] == {"address": "1.2.3.4", "port": 4321, "mode": MODE}
        info = world.connection.info
        assert info is not None
        assert (info.ssrc, info.address, info.port, info.mode) == (7, "10.0.0.1", 50_000, MODE)
        assert bytes(info.secret_key) == bytes([5] * 32)
        assert "5, 5" not in repr(info)
        assert world.connection.latencies.last < 5

    def test_a_failed_discovery_is_tried_again_and_then_given_up(self, world: World) -> None:
        world.server.discovery_fails = True
        world.connection.start()
        world.connection.connected.result(5)
        state = world.connection.state
        assert (state.phase, state.reason) == (Phase.DISCONNECTED, Reason.FAILED)
        assert "black hole" in state.detail
        assert world.bot.voice_states[-1] is None
        assert world.native.closed

    def test_a_server_without_a_known_mode_is_refused(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(READY, "modes", ["rot13"])
        world.connection.start()
        world.connection.connected.result(5)
        assert world.connection.state.reason is Reason.REFUSED
        assert "rot13" in world.connection.state.detail

    def test_a_connect_without_an_answer_ends_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(monkeypatch, timeout=0.2)
        world.bot.discord_answers = False
        world.connection.start()
        world.connection.connected.result(5)
        assert world.connection.state.reason is Reason.TIMED_OUT
        world.close()

    def test_a_silent_voice_server_ends_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(monkeypatch, timeout=0.2)
        world.server.silent = True
        world.connection.start()
        world.connection.connected.result(5)
        assert world.connection.state.reason is Reason.TIMED_OUT
        assert world.server.now.closed is not None
        world.close()

    def test_heartbeats_do_not_need_the_bots_loop(self, world: World) -> None:
        world.connect()
        assert threading.current_thread().name != "isocord-gateway"
        assert any(message["op"] == 3 for message in world.server.now.sent)


class TestSpeaking:
    def test_the_server_is_told_before_the_track_starts(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: "play" in world.server.story)
        assert world.server.story[-2:] == ["op 5", "play"]
        assert world.server.now.sent[-1]["d"] == {"speaking": 1, "delay": 0, "ssrc": 7}
        assert world.connection.speaking

    def test_a_websocket_that_takes_nothing_delays_the_track_only_briefly(self, world: World) -> None:
        world.connect()
        world.server.now.writes_hang = True
        world.play()
        wait_until(lambda: "play" in world.server.story, 2.0)

    def test_speaking_goes_off_after_the_end_and_after_a_pause(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None)
        world.connection.player.pause()
        wait_until(lambda: world.server.now.sent[-1]["d"].get("speaking") == 0)
        world.connection.player.resume()
        wait_until(lambda: world.native.commands[-1] == "resume")
        assert world.server.now.sent[-1]["d"]["speaking"] == 1
        world.connection.player.stop()
        wait_until(lambda: world.server.now.sent[-1]["d"].get("speaking") == 0)

    def test_the_next_track_comes_without_going_off(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None)
        first = world.native.track
        world.connection.player.stop()
        world.play()
        wait_until(lambda: world.native.track not in (None, first))
        flags = [message["d"]["speaking"] for message in world.server.now.sent if message["op"] == 5]
        assert flags == [1]

    def test_flags_that_the_bot_sets_are_kept_and_joined(self, world: World) -> None:
        world.connect()
        world.connection.speak(4).result(5)
        assert world.server.now.sent[-1]["d"]["speaking"] == 4
        world.play()
        wait_until(lambda: world.native.track is not None)
        assert world.server.now.sent[-1]["d"]["speaking"] == 5
        world.connection.player.stop()
        wait_until(lambda: world.server.now.sent[-1]["d"].get("speaking") == 4)

    def test_a_new_session_is_told_before_its_packets_leave(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None)
        world.server.story.clear()
        world.server.cut(4006)
        wait_until(lambda: "session" in world.server.story)
        assert world.server.story[-2:] == ["op 5", "session"]
        assert "play" not in world.server.story

    def test_a_track_that_starts_while_the_websocket_is_away_waits_only_briefly(self, world: World) -> None:
        world.connect()
        world.server.silent = True
        world.server.cut()
        wait_until(lambda: world.connection.state.phase is Phase.RESUMING)
        world.play()
        wait_until(lambda: world.native.track is not None, 2.0)
        world.server.silent = False
        world.server.send(world.server.now, 9, None)
        wait_until(lambda: world.server.now.sent[-1]["op"] == 5)


class TestRecovery:
    def test_a_cut_is_resumed_and_the_track_does_not_notice(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None)
        track, commands = world.native.track, list(world.native.commands)
        world.server.cut()
        wait_until(lambda: world.connection.flow.resumes == 1)
        assert world.server.now.sent[0]["op"] == 7
        assert (world.native.track, world.native.commands) == (track, commands)
        assert len(world.native.opened) == 1
        wait_until(lambda: world.bot.phases[-2:] == [Phase.RESUMING, Phase.CONNECTED])

    def test_a_refused_resume_makes_a_new_session_and_the_track_keeps_its_place(self, world: World) -> None:
        world.connect()
        world.play()
        wait_until(lambda: world.native.track is not None)
        track = world.native.track
        world.server.refuse_resume = True
        world.server.cut()
        wait_until(lambda: world.connection.flow.reconnects == 1)
        assert world.native.track is track
        assert len(world.native.opened) == 2
        assert world.bot.voice_states == [100, 100]

    def test_another_server_replaces_the_socket(self, world: World) -> None:
        world.connect()
        old = world.server.now
        world.connection.voice_server(VoiceServerUpdate("new", "other:443"))
        wait_until(lambda: world.connection.flow.reconnects == 1)
        assert old.closed == 1000
        assert world.server.now.endpoint == "other:443"

    def test_an_unanswered_heartbeat_is_a_cut(self, world: World) -> None:
        world.connect()
        world.server.silent = True

        def overdue() -> None:
            session = world.connection._driver.media.session
            assert session is not None
            session.protocol._beat_sent_at = 0.0
            assert session.deadline is not None
            session.timeout(session.deadline)

        world.on_thread(overdue)
        wait_until(lambda: world.connection.state.phase is Phase.RESUMING)
        assert world.server.sockets[0].closed == 4900

    def test_the_socket_after_a_zombie_lives_although_it_was_waited_for(self, world: World) -> None:
        world.connect()
        world.server.cut()
        wait_until(lambda: world.connection.flow.resumes == 1)
        silent = world.server.now

        def overdue() -> None:
            session = world.connection._driver.media.session
            assert session is not None
            session.protocol._beat_sent_at = 0.0
            assert session.deadline is not None
            session.timeout(session.deadline)

        # The second loss in a row is backed off, so that a timer opens the next socket.
        world.on_thread(overdue)
        wait_until(lambda: world.connection.flow.resumes == 2)
        assert world.server.now is not silent
        assert world.server.now.closed is None

    def test_the_client_is_asked_to_look_into_its_registry_at_a_loss(self, world: World) -> None:
        world.connect()
        before = world.bot.checks
        world.server.cut()
        wait_until(lambda: world.bot.checks > before)


class TestEnd:
    @pytest.mark.parametrize("code", [1000, 4004, 4017])
    def test_a_final_close_ends_everything(self, world: World, code: int) -> None:
        world.connect()
        source = world.play()
        world.server.cut(code)
        world.connection.finished.result(5)
        assert world.connection.state.code == code
        assert world.native.closed
        assert world.bot.voice_states[-1] is None
        wait_until(lambda: source.cleaned)
        assert not world.connection.player.sounding

    def test_a_kick_ends_everything_without_a_leave(self, world: World) -> None:
        world.connect()
        world.connection.voice_state(VoiceStateUpdate("session", None))
        world.connection.finished.result(5)
        assert world.connection.state.reason is Reason.KICKED
        assert None not in world.bot.voice_states
        assert world.server.now.closed == 1000

    def test_a_stop_before_the_start_is_fine(self, world: World) -> None:
        world.connection.stop(leave=True)
        world.connection.finished.result(5)
        assert world.bot.voice_states == []
        assert world.connection.connected.done()

    def test_late_news_changes_nothing(self, world: World) -> None:
        world.connect()
        world.connection.stop(leave=False)
        world.connection.finished.result(5)
        sockets = len(world.server.sockets)
        world.connection.voice_server(VoiceServerUpdate("late", "late:1"))
        world.connection.voice_state(VoiceStateUpdate("late", 5))
        world.connection.move(5)
        world.connection.sync()
        world.connection.speak(1).result(5)
        world.on_thread(lambda: None)
        assert len(world.server.sockets) == sockets
        assert world.connection.state.phase is Phase.DISCONNECTED

    def test_nothing_is_left_armed(self, world: World) -> None:
        world.connect()
        world.play()
        world.connection.stop(leave=False)
        world.connection.finished.result(5)
        connection = world.connection

        def timers() -> list[Any]:
            driver, media = connection._driver, connection._driver.media
            found = [driver._timer, driver._check_timer, media._timer, media.speaker._quiet_timer]
            return [timer for timer in found if timer is not None and not timer.cancelled()]

        assert world.on_thread(timers) == []


class TestChannelEvents:
    def test_they_reach_the_client(self, world: World) -> None:
        world.connect()
        for op, d in (
            (11, {"user_ids": ["8", "9"]}),
            (5, {"user_id": "8", "ssrc": 55, "speaking": 1}),
            (13, {"user_id": "8"}),
            (13, {"user_id": "9"}),
        ):
            world.server.send(world.server.now, op, d)
        wait_until(lambda: len(world.bot.channel_events) == 4)
        assert world.bot.channel_events == [
            UsersConnected((8, 9)),
            UserSpeaking(8, 55, 1),
            UserDisconnected(8, 55),
            UserDisconnected(9, None),
        ]
