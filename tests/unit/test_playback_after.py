"""What ``after`` may do, and what bots read and set on ``voice_client._player``."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from isocord.runtime.callbacks import follow

from .fakes import wait_until
from .stages import Frames, Stage

pytestmark = pytest.mark.usefixtures("fake_native")


def test_after_may_put_a_task_into_a_loop_that_sleeps(stage: Stage) -> None:
    ran = threading.Event()

    async def task() -> None:
        ran.set()

    tasks: list[asyncio.Task[None]] = []
    stage.play(Frames(3), after=lambda error: tasks.append(stage.loop.create_task(task())))
    stage.native.play_out()
    assert ran.wait(15)


def test_after_may_be_a_coroutine_function(stage: Stage) -> None:
    heard: list[tuple[Exception | None, str]] = []
    done = threading.Event()

    async def after(error: Exception | None) -> None:
        await asyncio.sleep(0)
        heard.append((error, threading.current_thread().name))
        done.set()

    error = OSError("broken")
    stage.play(Frames(3, error=error), after=after)
    stage.native.play_out()
    assert done.wait(15)
    assert heard == [(error, stage.runner.name)]


def test_a_coroutine_that_fails_is_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async def after(error: Exception | None) -> None:
        raise LookupError("in the bot")

    stage.play(Frames(3), after=after)
    stage.native.play_out()
    wait_until(lambda: "in the bot" in caplog.text)
    assert "The after function failed" in caplog.text


class OwnEnd(BaseException):
    """No Exception, as a library may have."""


@pytest.mark.parametrize("raised", [SystemExit("enough"), asyncio.CancelledError("enough"), OwnEnd("enough")])
@pytest.mark.parametrize("place", ["after", "cleanup"])
def test_what_wants_to_end_more_than_the_playback_is_told_and_the_rest_is_done(
    stage: Stage, caplog: pytest.LogCaptureFixture, place: str, raised: BaseException
) -> None:
    done: list[str] = []

    class Leaving(Frames):
        def cleanup(self) -> None:
            done.append("cleanup")
            if place == "cleanup":
                raise raised

    def after(error: Exception | None) -> None:
        done.append("after")
        if place == "after":
            raise raised

    future = stage.new_future()
    stage.play(Leaving(3), after=after, future=future)
    player = stage.player.current
    assert player is not None
    stage.native.play_out()
    wait_until(future.done)
    assert future.result() is None
    assert sorted(done) == ["after", "cleanup"]
    assert not player.is_alive()
    assert "enough" in caplog.text


def test_a_coroutine_whose_loop_is_closed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def after() -> None:
        pytest.fail("there is no loop to run on")

    loop = asyncio.new_event_loop()
    loop.close()
    follow(after(), loop, "The after function", logging.getLogger("test"))
    assert "closed: The after function cannot run" in caplog.text


class TestPlayer:
    def test_its_events_say_where_it_stands(self, stage: Stage) -> None:
        stage.play(Frames(10_000))
        player = stage.player.current
        assert player is not None
        assert (player._resumed.is_set(), player._end.is_set(), player.is_alive()) == (True, False, True)
        player.pause()
        assert (player._resumed.is_set(), player._end.is_set()) == (False, False)
        player.resume()
        assert player._resumed.is_set()
        player.pause()
        player.stop()
        assert (player._resumed.is_set(), player._end.is_set()) == (True, True)
        player.join(15)
        assert not player.is_alive()

    def test_it_lives_until_the_bot_has_heard_of_its_end(self, stage: Stage) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def after(error: Exception | None) -> None:
            inside.set()
            go_on.wait(15)

        source = Frames(2, error=OSError("broken"))
        stage.play(source, after=after)
        player = stage.player.current
        assert player is not None
        stage.native.play_out()
        assert inside.wait(15)
        assert player.is_alive()
        go_on.set()
        player.join(15)
        assert not player.is_alive()
        assert player._current_error is source.error

    def test_its_source_can_be_set_while_it_plays(self, stage: Stage) -> None:
        taken: list[Any] = []
        stage.play(Frames(10_000))
        player = stage.player.current
        assert player is not None
        with pytest.raises(ValueError, match="not playing"):
            player.source = Frames()
        player._exchange = taken.append
        new = Frames()
        player.source = new
        player.set_source(new)
        player._set_source(new)
        assert taken == [new, new, new]
        player.stop()
        with pytest.raises(ValueError, match="not playing"):
            player.source = new
