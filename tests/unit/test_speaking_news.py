"""Who speaks is told with the member, though sound may be there before the bot's library knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isocord._native import SpeakingChanged
from isocord.client.speaking import SpeakingNews


class Timer:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None], Timer]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer()
        self.timers.append((self.now + delay, callback, timer))
        return timer

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            timer = min(due, key=lambda timer: timer[0])
            self.timers.remove(timer)
            if not timer[2].cancelled:
                self.now = timer[0]
                timer[1]()
        self.now = end


class Story:
    def __init__(self, *known: int) -> None:
        self.loop, self.known = Loop(), set(known)
        self.told: list[tuple[str, bool]] = []
        self.news = SpeakingNews(self.loop, self.member, self.tell)

    def member(self, user_id: int) -> str | None:
        return f"member {user_id}" if user_id in self.known else None

    def tell(self, member: str, change: Any) -> None:
        self.told.append((member, change.speaking))

    def happens(self, user_id: int, speaking: bool) -> None:
        self.news.take(SpeakingChanged(user_id, speaking, position=0))


def test_a_member_who_is_known_is_told_of_at_once() -> None:
    story = Story(1)
    story.happens(1, True)
    assert story.told == [("member 1", True)]
    assert not story.loop.timers


def test_who_is_heard_before_the_library_knows_it_is_told_of_when_it_does_and_in_order() -> None:
    story = Story(1)
    story.happens(2, True)
    story.happens(1, True)
    story.loop.pass_time(0.5)
    story.happens(2, False)
    assert story.told == [("member 1", True)]
    story.known.add(2)
    story.loop.pass_time(0.1)
    assert story.told == [("member 1", True), ("member 2", True), ("member 2", False)]
    assert all(handle.cancelled for _, _, handle in story.loop.timers)


def test_who_stays_unknown_is_left_out() -> None:
    story = Story()
    story.happens(2, True)
    story.loop.pass_time(10.0)
    story.known.add(2)
    story.happens(2, False)
    assert story.told == [("member 2", False)]
    assert not story.loop.timers
