"""The demo's conversation: who spoke when, what was answered, and where the assistant was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("discord")
conversation = pytest.importorskip("isocord.cli.demo.conversation")
picture = pytest.importorskip("isocord.cli.demo.picture")
listener = pytest.importorskip("isocord.testing.people.listener")
SILENCE = b"\xf8\xff\xfe"
ORIGIN = 10**18


def arrivals(*parts: tuple[float, float], silent: bool = True) -> list[object]:
    """Packets of somebody who speaks from one second to another; each time five frames of silence tell the end."""
    found = []
    for begin, end in parts:
        count = round((end - begin) / 0.02)
        for number in range(count + (5 if silent else 0)):
            opus = b"sound" if number < count else SILENCE
            found.append(listener.Arrival(ORIGIN + round((begin + 0.02 * number) * 1e9), number, 0, 1, 100, opus))
    return found


def heard(**said: tuple[tuple[float, float], ...]) -> object:
    spans = [span for name, parts in said.items() for span in conversation.spans(name, arrivals(*parts), ORIGIN)]
    sounds = {name: np.zeros(48_000) for name in said}
    return conversation.Conversation(sounds, spans, "bot", told=[("bob", 2.5, 0.012)])


def test_spans_end_where_silence_is_told_or_nothing_comes() -> None:
    told = conversation.spans("alice", arrivals((1.0, 2.0), (2.2, 3.0)), ORIGIN)
    assert [(span.begin, span.end) for span in told] == [pytest.approx((1.0, 2.0)), pytest.approx((2.2, 3.0))]
    lost = conversation.spans("alice", arrivals((1.0, 2.0), (2.1, 3.0), (4.0, 5.0), silent=False), ORIGIN)
    assert [(span.begin, span.end) for span in lost] == [pytest.approx((1.0, 3.0)), pytest.approx((4.0, 5.0))]


def test_answers_are_told_from_the_last_word() -> None:
    answers = heard(alice=((0.0, 1.0),), bob=((0.2, 0.5),), bot=((1.6, 3.0),)).answers
    assert [answer.after for answer in answers] == [pytest.approx(0.6)]


def test_who_speaks_over_it_has_cut_it() -> None:
    found = heard(alice=((0.0, 1.0),), bob=((4.0, 5.0),), bot=((1.5, 4.3), (5.6, 6.0)))
    (cut,) = found.cuts
    assert (cut.by, cut.since, cut.at, cut.heard, cut.reaction) == ("bob", *map(pytest.approx, (4.0, 4.3, 2.5, 12.0)))
    assert len(found.answers) == 2


def test_an_assistant_that_speaks_on_was_not_cut() -> None:
    assert heard(alice=((0.0, 1.0),), bob=((3.0, 3.5),), bot=((1.5, 6.0),)).cuts == []


def test_it_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    picture.draw_conversation(path, heard(alice=((0.0, 1.0),), bob=((4.0, 5.0),), bot=((1.5, 4.3), (5.6, 6.0))))
    assert path.read_bytes().startswith(b"\x89PNG")
