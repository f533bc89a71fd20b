"""News of the channel for a bot whose loop is blocked: bounded, merged, and true in the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.client.link import ClientLink
from isocord.client.news import MOST_WAITING, ChannelNews
from isocord.connection.session.encryption import EncryptionState
from isocord.connection.states import ChannelEvent, UserDisconnected, UsersConnected, UserSpeaking


class Owner:
    """The client, noting what it is told."""

    def __init__(self) -> None:
        self.events: list[ChannelEvent] = []
        self.encryption: list[EncryptionState] = []
        self.checks = 0

    def take_channel_event(self, event: ChannelEvent) -> None:
        self.events.append(event)

    def take_encryption(self, connection: object, state: EncryptionState) -> None:
        self.encryption.append(state)

    def check_registry(self, connection: object) -> None:
        self.checks += 1


class Loop(asyncio.SelectorEventLoop):
    """Counts what other threads hand over."""

    handed = 0

    def call_soon_threadsafe(self, *args: Any, **options: Any) -> asyncio.Handle:
        self.handed += 1
        return super().call_soon_threadsafe(*args, **options)


@pytest.fixture
def blocked() -> Iterator[tuple[Owner, ClientLink, Any]]:
    """A link whose loop does not run, and what runs it for a moment."""
    owner, loop = Owner(), Loop()
    link = ClientLink(owner, loop, 1, threading.Event())  # type: ignore[arg-type]

    def run() -> None:
        loop.run_until_complete(asyncio.sleep(0))

    yield owner, link, run
    loop.close()


def test_200_000_speaking_messages_for_a_blocked_loop_are_as_many_as_there_are_users(
    blocked: tuple[Owner, ClientLink, Any],
) -> None:
    owner, link, run = blocked
    for number in range(200_000):
        link.channel_event(UserSpeaking(number % 10, number, number % 2))
    assert link._loop.handed == 1  # type: ignore[attr-defined]
    run()
    assert owner.events == [UserSpeaking(number % 10, number, number % 2) for number in range(199_990, 200_000)]
    assert link.news.merged == 199_990


def test_more_users_than_there_can_be_are_bounded() -> None:
    news = ChannelNews()
    for number in range(100_000):
        news.put(UserSpeaking(number, number, 1))
    assert news.dropped == 100_000 - MOST_WAITING
    assert len(news.take()) == MOST_WAITING


def test_a_loop_that_runs_hears_of_everything_in_its_order(blocked: tuple[Owner, ClientLink, Any]) -> None:
    owner, link, run = blocked
    events = [UsersConnected((8, 9)), UserSpeaking(8, 55, 1), UserSpeaking(8, 55, 0), UserDisconnected(8, 55)]
    for event in events:
        link.channel_event(event)
        run()
    assert owner.events == events


def test_checks_and_the_state_of_the_encryption_do_not_pile_up(blocked: tuple[Owner, ClientLink, Any]) -> None:
    owner, link, run = blocked
    for number in range(10_000):
        link.check()
        link.encryption_changed(EncryptionState(1, str(number)))
    assert link._loop.handed == 2  # type: ignore[attr-defined]
    run()
    assert owner.checks == 1
    assert owner.encryption == [EncryptionState(1, "9999")]
    link.check()
    run()
    assert owner.checks == 2


USERS = st.integers(0, 3)
EVENTS = st.one_of(
    st.builds(lambda user, flags: UserSpeaking(user, user, flags), USERS, st.integers(0, 1)),
    st.builds(lambda users: UsersConnected(tuple(users)), st.lists(USERS, max_size=3)),
    st.builds(lambda user: UserDisconnected(user, user), USERS),
)


@given(st.lists(EVENTS, max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_however_it_is_merged_the_bot_ends_with_the_same_picture(events: list[ChannelEvent], takes: list[bool]) -> None:
    def picture(told: list[ChannelEvent]) -> tuple[dict[int, bool], dict[int, int]]:
        present: dict[int, bool] = {}
        speaking: dict[int, int] = {}
        for event in told:
            match event:
                case UserSpeaking():
                    speaking[event.user_id] = event.flags
                case UsersConnected():
                    present |= dict.fromkeys(event.user_ids, True)
                case UserDisconnected():
                    present[event.user_id] = False
        return present, speaking

    news, told = ChannelNews(), []
    for event, take in zip(events, takes, strict=False):
        news.put(event)
        if take:
            told += news.take()
    told += news.take()
    assert picture(told) == picture(events)
