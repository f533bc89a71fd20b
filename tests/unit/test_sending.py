"""Sessions in which something plays and nothing leaves, in virtual time."""

from __future__ import annotations

from isocord.connection.decisions.limits import KEY_LIMIT, SEND_LIMIT
from isocord.connection.decisions.sending import SendWatch, Sent


class Story:
    """A watch that looks once a second."""

    def __init__(self) -> None:
        self.watch = SendWatch()
        self.now = 100.0
        self.packets = self.withheld = 0

    def look(self, seconds: float, *, playing: bool = True, others: bool = False) -> str | None:
        """What it says first within ``seconds``."""
        for _ in range(int(seconds)):
            self.now += 1.0
            sent = Sent(self.packets, self.withheld)
            if (wrong := self.watch.look(sent, self.now, playing=playing, others=others)) is not None:
                return wrong
        return None


def test_a_session_that_never_sends_is_told() -> None:
    story = Story()
    assert story.look(SEND_LIMIT) is None
    assert "no packet leaves" in (story.look(1) or "")


def test_a_session_that_stops_sending_is_told() -> None:
    story = Story()
    for _ in range(60):
        story.packets += 50
        assert story.look(1) is None
    assert "no packet leaves" in (story.look(SEND_LIMIT) or "")


def test_one_packet_in_time_is_enough() -> None:
    story = Story()
    for _ in range(30):
        story.packets += 1
        assert story.look(SEND_LIMIT) is None


def test_pauses_and_silence_start_the_time_anew() -> None:
    story = Story()
    for _ in range(30):
        assert story.look(SEND_LIMIT - 1) is None
        assert story.look(100, playing=False) is None


def test_alone_in_an_encrypted_call_what_plays_goes_on_unsent() -> None:
    story = Story()
    for _ in range(600):
        story.withheld += 50
        assert story.look(1) is None


def test_without_a_key_among_others_it_is_told_after_a_while() -> None:
    story = Story()
    for _ in range(int(KEY_LIMIT)):
        story.withheld += 50
        assert story.look(1, others=True) is None
    story.withheld += 50
    assert "gave no key" in (story.look(1, others=True) or "")
