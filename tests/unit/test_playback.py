"""The player: what the bot hears back of its sources, and what the native side is told."""

from __future__ import annotations

import logging
import threading

import pytest

from isocord.playing.player import PlaybackState
from isocord.playing.sources.feed import Feed

from .fakes import FakeAudioFile, wait_until
from .stages import Frames, Hanging, Stage

pytestmark = pytest.mark.usefixtures("fake_native")


class TestEnds:
    def test_played_to_its_end(self, stage: Stage) -> None:
        source = Frames(10)
        stage.play(source)
        assert stage.player.sounding
        stage.native.play_out()
        wait_until(lambda: len(stage.story) == 2)
        assert stage.story == ["after None", "cleanup"]
        assert not stage.player.sounding
        assert stage.player.current is not None
        assert stage.player.current.played_frames() == 10
        assert all(name.startswith("isocord-feed-") for name in source.readers)

    def test_older_libraries_clean_up_first(self, old_stage: Stage) -> None:
        old_stage.play(Frames(1))
        old_stage.native.play_out()
        wait_until(lambda: len(old_stage.story) == 2)
        assert old_stage.story == ["cleanup", "after None"]

    def test_an_error_of_the_source_goes_to_after_when_what_was_read_has_played(self, stage: Stage) -> None:
        stage.play(Frames(5, error=OSError("broken pipe")))
        assert stage.player.sounding
        stage.native.play_out()
        wait_until(lambda: len(stage.story) == 2)
        assert stage.story == ["after OSError('broken pipe')", "cleanup"]
        assert not stage.player.sounding

    def test_an_exit_in_the_source_is_an_error_like_others(self, stage: Stage) -> None:
        stage.play(Frames(0, error=SystemExit(3)))
        stage.native.play_out()
        wait_until(lambda: len(stage.story) == 2)
        assert "SystemExit(3)" in stage.story[0]

    def test_without_after_the_error_is_logged(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        source = Frames(0, error=OSError("no such stream"))
        stage.player.start(Feed(source, None, lookahead=25), None, None)
        stage.native.play_out()
        wait_until(lambda: source.cleaned)
        assert "no such stream" in caplog.text
        assert caplog.records[0].getMessage().startswith("[guild 1] ")

    def test_an_error_in_after_is_logged_and_the_source_cleaned_up(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        def after(error: Exception | None) -> None:
            raise ValueError("in after")

        source = Frames(1)
        stage.play(source, after=after)
        stage.native.play_out()
        wait_until(lambda: source.cleaned)
        assert "in after" in caplog.text

    def test_an_error_in_cleanup_is_logged(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        source = Frames(1)
        source.cleanup = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
        done = threading.Event()
        stage.player.start(Feed(source, None, lookahead=25), lambda error: done.set(), None)
        stage.native.play_out()
        assert done.wait(15)
        wait_until(lambda: "ZeroDivisionError" in caplog.text)

    def test_after_may_play_the_next(self, stage: Stage) -> None:
        second = Frames(2)

        def after(error: Exception | None) -> None:
            assert not stage.player.sounding
            stage.play(second)

        stage.play(Frames(2), after=after)
        stage.native.play_out()
        wait_until(lambda: stage.player.sounding)
        stage.native.play_out()
        wait_until(lambda: second.cleaned)


class TestStop:
    def test_it_is_over_at_once_and_after_follows(self, stage: Stage) -> None:
        source = Frames(1000)
        stage.play(source)
        stage.player.stop()
        assert not stage.player.sounding
        assert stage.player.current is None
        assert stage.native.commands == ["play", "stop"]
        wait_until(lambda: len(stage.story) == 2)
        assert stage.story == ["after None", "cleanup"]

    def test_a_source_that_hangs_holds_nobody_up(self, stage: Stage) -> None:
        source = Hanging()
        stage.play(source)
        assert source.entered.wait(15)
        stage.player.stop()
        assert not stage.player.sounding
        stage.play(Frames(1))
        assert stage.player.sounding
        source.released.set()
        wait_until(lambda: source.cleaned)

    def test_a_process_that_hangs_is_killed(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("isocord.playing.player._STUCK_AFTER", 0.01)
        source = Hanging()
        stage.play(source, kill=source.released.set)
        assert source.entered.wait(15)
        stage.player.stop()
        wait_until(lambda: source.cleaned)

    def test_a_track_that_never_started_ends_too(self, stage: Stage) -> None:
        stage.player._sync = lambda: None
        source = Frames(1000)
        stage.play(source)
        stage.player.stop()
        stage.player.apply()
        assert stage.native.commands == []
        wait_until(lambda: source.cleaned)

    def test_stopping_twice_is_fine(self, stage: Stage) -> None:
        stage.play(Frames(10))
        stage.player.stop()
        stage.player.stop()
        wait_until(lambda: len(stage.story) == 2)
        assert stage.story.count("cleanup") == 1

    def test_the_end_of_the_connection_stops_it(self, stage: Stage) -> None:
        source = Frames(1000)
        stage.play(source)
        stage.player.close()
        stage.native.close()
        wait_until(lambda: source.cleaned)
        assert stage.story[0] == "after None"
        late = Frames(5)
        stage.play(late)
        wait_until(lambda: late.cleaned)
        assert not stage.player.sounding


class TestPause:
    def test_pause_and_resume(self, stage: Stage) -> None:
        stage.play(Frames(1000))
        stage.player.pause()
        stage.player.pause()
        current = stage.player.current
        assert current is not None
        assert (current.is_playing(), current.is_paused()) == (False, True)
        assert not stage.player.sounding
        stage.player.resume()
        stage.player.resume()
        assert stage.player.sounding
        assert stage.native.commands == ["play", "pause", "resume"]

    def test_what_is_paused_before_it_started_starts_when_resumed(self, stage: Stage) -> None:
        stage.player._sync = lambda: None
        stage.play(Frames(1000))
        stage.player.pause()
        stage.player.apply()
        assert stage.native.commands == []
        stage.player.resume()
        stage.player.apply()
        assert stage.native.commands == ["play"]

    def test_playing_replaces_what_is_paused(self, stage: Stage) -> None:
        first, second = Frames(1000), Frames(1000)
        stage.play(first)
        stage.player.pause()
        paused = stage.player.current
        stage.play(second)
        assert stage.player.sounding
        assert not stage.native.paused
        wait_until(lambda: first.cleaned)
        assert paused is not None
        assert paused.state is PlaybackState.REPLACED
        assert second.cleaned == 0

    def test_the_playback_that_bots_know_as_player_acts_only_while_it_is_the_present_one(self, stage: Stage) -> None:
        stage.play(Frames(1000))
        first = stage.player.current
        assert first is not None
        first.stop()
        stage.play(Frames(1000))
        first.stop()
        first.pause()
        assert stage.player.sounding


class TestSwap:
    def test_another_source_goes_on_and_the_old_one_is_left_alone(self, stage: Stage) -> None:
        old, new = Frames(1000), Frames(5)
        stage.play(old)
        wait_until(lambda: stage.native.track is not None and len(stage.native.track.frames) > 5)
        stage.native.step(4)
        assert stage.player.swap(Feed(new, None, lookahead=25))
        assert stage.player.current is not None
        assert stage.player.current.source is new
        stage.native.play_out()
        wait_until(lambda: new.cleaned)
        assert old.cleaned == 0
        assert stage.story == ["after None"]
        assert stage.player.current.played_frames() == 9

    def test_what_is_paused_stays_so(self, stage: Stage) -> None:
        stage.play(Frames(1000))
        stage.player.pause()
        new = Frames(5)
        assert stage.player.swap(Feed(new, None, lookahead=25))
        assert not stage.player.sounding
        stage.player.resume()
        assert stage.player.sounding
        stage.native.play_out()
        wait_until(lambda: new.cleaned)

    def test_nothing_plays_nothing_is_swapped(self, stage: Stage) -> None:
        assert not stage.player.swap(Feed(Frames(), None, lookahead=25))


class TestNativeSources:
    def test_they_need_no_feeder_and_after_has_a_thread_of_its_own(self, stage: Stage) -> None:
        source = FakeAudioFile()
        before = set(threading.enumerate())
        names: list[str] = []
        stage.play(source, after=lambda error: names.append(threading.current_thread().name))
        others = set(threading.enumerate()) - before
        assert not any(thread.name.startswith("isocord-feed") for thread in others)
        stage.native.play_out()
        wait_until(lambda: source.cleaned)
        assert names == ["isocord-after"]

    def test_a_failure_is_told(self, stage: Stage) -> None:
        stage.play(FakeAudioFile(error=RuntimeError("bad block")))
        assert stage.native.track is not None
        stage.native._end("failed")
        wait_until(lambda: stage.story)
        assert stage.story == ["after RuntimeError('bad block')"]

    def test_stopped_before_it_started(self, stage: Stage) -> None:
        stage.player._sync = lambda: None
        source = FakeAudioFile()
        stage.play(source)
        stage.player.stop()
        wait_until(lambda: source.cleaned)

    def test_the_end_of_the_connection_finishes_them(self, stage: Stage) -> None:
        source = FakeAudioFile()
        stage.play(source)
        stage.player.close()
        stage.native.close()
        stage.player.finish_all()
        wait_until(lambda: source.cleaned)
        assert stage.story == ["after None"]
        assert source.cleaned == 1


class TestFutures:
    def test_its_result_is_none_at_the_end(self, stage: Stage) -> None:
        future = stage.new_future()
        stage.play(Frames(2), future=future)
        stage.native.play_out()
        wait_until(future.done)
        assert future.result() is None

    def test_its_result_is_the_error(self, stage: Stage) -> None:
        future = stage.new_future()
        stage.play(Frames(2, error=OSError("x")), future=future)
        stage.native.play_out()
        wait_until(future.done)
        assert isinstance(future.result(), OSError)

    def test_a_stop_resolves_it_even_while_the_source_hangs(self, stage: Stage) -> None:
        future, source = stage.new_future(), Hanging()
        stage.play(source, future=future)
        stage.player.stop()
        wait_until(future.done)
        assert future.result() is None
        source.released.set()

    def test_in_older_libraries_it_waits_for_after(self, old_stage: Stage) -> None:
        future, source = old_stage.new_future(), Hanging()
        old_stage.play(source, future=future)
        assert source.entered.wait(15)
        old_stage.player.stop()
        assert not future.done()
        source.released.set()
        wait_until(future.done)
        assert old_stage.story == ["cleanup", "after None"]

    def test_one_that_was_cancelled_is_left_alone(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        future = stage.new_future()
        stage.loop.call_soon_threadsafe(future.cancel)
        with caplog.at_level(logging.ERROR):
            stage.play(Frames(1), future=future)
            stage.native.play_out()
            wait_until(lambda: len(stage.story) == 2)
        assert caplog.text == ""
