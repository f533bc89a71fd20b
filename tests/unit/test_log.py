"""What strangers wrote, in logs and exceptions; and the line that names its guild."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.runtime.log import GuildLog
from isocord.runtime.text import LONGEST, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, ä, 漢字 and 😀", "plain words, ä, 漢字 and 😀"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("line\u2028paragraph\u2029next\x85", "line\\u2028paragraph\\u2029next\\x85"),
        ("\ud800", "\\ud800"),
        (ValueError("x\n"), "x\\n"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: object, expected: str) -> None:
    assert shown(text) == expected


def test_what_is_long_is_cut_and_says_so() -> None:
    assert shown("x" * LONGEST) == "x" * LONGEST
    assert shown("x" * 100_000) == "x" * LONGEST + "... (100000 characters)"
    assert shown("\x00" * 100, limit=40).startswith("\\x00" * 10 + "...")


@given(st.text(st.characters(), max_size=600))
def test_it_is_always_one_short_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= LONGEST + 40


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> GuildLog:
    caplog.set_level(logging.INFO, "isocord.connection")
    return GuildLog(logging.getLogger("isocord.connection"), 123)


def test_a_line_names_its_guild_and_its_place(log: GuildLog, caplog: pytest.LogCaptureFixture) -> None:
    log.info("%s is %d", "a\nb", 7)
    log.child("session").warning("again")
    log.debug("%s", "not shown")
    first, second = caplog.records
    assert (first.getMessage(), first.funcName, first.name) == (
        "[guild 123] a\\nb is 7",
        "test_a_line_names_its_guild_and_its_place",
        "isocord.connection",
    )
    assert (second.getMessage(), second.name) == ("[guild 123] again", "isocord.connection.session")
    assert {record.guild_id for record in caplog.records} == {123}  # type: ignore[attr-defined]


def test_what_repeats_is_told_at_the_first_and_at_powers_of_ten(
    log: GuildLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2500):
        log.repeated(logging.INFO, "user %d was refused", number)
    log.repeated(logging.INFO, "something else")
    assert [record.getMessage() for record in caplog.records] == [
        "[guild 123] user 0 was refused",
        "[guild 123] user 9 was refused (10 times by now)",
        "[guild 123] user 99 was refused (100 times by now)",
        "[guild 123] user 999 was refused (1000 times by now)",
        "[guild 123] something else",
    ]


def test_texts_that_are_all_different_are_not_kept_for_ever(log: GuildLog) -> None:
    for number in range(3000):
        log.repeated(logging.DEBUG, "%s", "x" * (number % 190) + chr(0x4E00 + number))
    assert len(log._times) <= 256
