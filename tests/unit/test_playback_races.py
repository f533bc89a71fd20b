"""The player where two things happen at once: each story is told in the one order that matters."""

from __future__ import annotations

import pytest

from isocord.playing.player import PlaybackState
from isocord.playing.sources.feed import Feed, same_origin

from .fakes import FakeAudioFile, wait_until
from .stages import Frames, Stage

pytestmark = pytest.mark.usefixtures("fake_native")


def test_what_is_played_just_after_the_connection_ended_is_finished_all_the_same(stage: Stage) -> None:
    future = stage.new_future()
    file = FakeAudioFile()
    feed = Feed(file, None, lookahead=25)  # type: ignore[arg-type]
    # The connection ends between the bot's look at it and the start of the playback.
    stage.player.close()
    stage.native.close()
    stage.player.finish_all()
    stage.player.start(feed, stage.after, future)
    wait_until(future.done)
    assert stage.story == ["after None"]
    assert file.cleaned == 1


def test_a_source_that_was_set_as_the_old_one_ended_plays(stage: Stage) -> None:
    old, new = Frames(1), Frames(10)
    stage.play(old)
    playback = stage.player.current
    assert playback is not None
    ended = playback.feed
    assert stage.player.swap(Feed(new, None, lookahead=25))
    # The old feeder says only now that it has come to its end.
    stage.player._finish(playback, ended, None)
    assert playback.state is PlaybackState.PLAYING
    assert (new.cleaned, stage.story) == (0, [])
    stage.native.play_out()
    wait_until(lambda: new.cleaned)
    assert stage.story == ["after None"]


class Volume:
    """A wrapper such as the bot libraries have."""

    def __init__(self, original: object) -> None:
        self.original = original


def test_wrappers_are_known_from_outside_and_from_inside() -> None:
    source = Frames()
    twice = Volume(Volume(source))
    assert same_origin(twice, source)
    assert same_origin(source, twice)
    assert not same_origin(Volume(source), Volume(Frames()))
    endless = Volume(None)
    endless.original = endless
    assert not same_origin(endless, source)
