"""Changes in turns, and the player that is stopped by a signal in the midst of its own change."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import pytest

from isocord.playing.turns import Turns


def test_a_change_in_the_midst_of_another_is_made_when_that_is_made() -> None:
    turns, story = Turns(), []

    def inner() -> Callable[[], None]:
        story.append("inner")
        return lambda: story.append("after inner")

    def outer() -> Callable[[], None]:
        story.append("outer begins")
        turns.take(inner)
        story.append("outer ends")
        return lambda: story.append("after outer")

    turns.take(outer)
    assert story == ["outer begins", "outer ends", "inner", "after outer", "after inner"]


def test_what_follows_may_change_again() -> None:
    turns, story = Turns(), []
    turns.take(lambda: lambda: turns.take(lambda: story.append("again")))
    assert story == ["again"]


def test_a_change_that_fails_leaves_the_next_one_its_turn() -> None:
    turns, story = Turns(), []

    def fail() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        turns.take(fail)
    turns.take(lambda: story.append("next"))
    assert story == ["next"]


def test_threads_take_turns() -> None:
    turns, counts = Turns(), {"now": 0, "most": 0, "all": 0}

    def change() -> None:
        counts["now"] += 1
        counts["most"] = max(counts["most"], counts["now"])
        counts["all"] += 1
        counts["now"] -= 1

    threads = [threading.Thread(target=lambda: [turns.take(change) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert counts == {"now": 0, "most": 1, "all": 2000}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
def test_a_signal_handler_may_stop_and_play_while_the_main_thread_does() -> None:
    code = """
        import asyncio, signal, sys, time
        from isocord.playing.manners import Manners
        from isocord.playing.player import Player

        class Track:
            frames_sent, end = 0, None

        class Feed:
            feeder, error = None, None
            def __init__(self):
                self.track, self.source = Track(), self
            def start(self, over): pass
            def cancel(self): pass
            def cleanup(self): pass

        class Native:
            playing = None
            def play(self, track, barge_in=None): Native.playing = track
            def stop(self): Native.playing = None
            def pause(self): pass
            def resume(self): pass

        player = Player(Native(), lambda: None, loop=asyncio.new_event_loop(), manners=Manners(), log=None)
        handled = 0

        def handler(*_):
            global handled
            handled += 1
            player.stop()
            player.start(Feed(), None, None)
            player.apply()
            player.stop()

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        rounds = 0
        while handled < 1000:
            player.start(Feed(), None, None)
            player.apply()
            player.pause()
            player.resume()
            player.stop()
            rounds += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        player.stop()
        assert player.current is None
        assert Native.playing is None, "a track plays on that nobody knows"
        assert player._applied is None
        print("handled", handled)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "handled 1" in done.stdout, done.stderr
