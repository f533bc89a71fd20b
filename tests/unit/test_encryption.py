"""The encryption of one voice session: groups that it cannot join, crowds, and the thread beside that takes them in."""

from __future__ import annotations

import json
import logging
from collections import deque

import pytest

from isocord import _native
from isocord.connection.session.encryption import Encryption
from isocord.gateway.protocol.messages import (
    ClientDisconnect,
    ClientsConnect,
    MlsMessage,
    PrepareEpoch,
    SessionDescription,
)
from isocord.runtime.log import GuildLog
from isocord.runtime.worker import Done, Job

BOT, OTHER, CHANNEL = 10, 11, 100
EXTERNAL_SENDER, KEY_PACKAGE, PROPOSALS, COMMIT, WELCOME = 25, 26, 27, 28, 30


class Call:
    """A bot, another member, and the delivery service between them."""

    def __init__(self, channel_of_the_call: int) -> None:
        self.sent: list[str | bytes] = []
        self.failures: list[str] = []
        self.jobs: deque[tuple[Job, Done]] = deque()
        self.holds = False
        self.bot = Encryption(
            None,  # type: ignore[arg-type]
            user_id=BOT,
            channel_id=CHANNEL,
            send=self.sent.append,
            changed=lambda: None,
            failed=self.failures.append,
            work=self.work,
            log=GuildLog(logging.getLogger("isocord.connection"), 1),
        )
        self.channel = channel_of_the_call
        self.bot.start(1)
        self.bot.take(ClientsConnect((OTHER,)))

    def work(self, job: Job, done: Done) -> None:
        self.jobs.append((job, done))
        if not self.holds:
            self.work_off()

    def work_off(self) -> int:
        """Does what is to be done elsewhere until nothing is; returns how many jobs that were."""
        count = 0
        while self.jobs:
            job, done = self.jobs.popleft()
            job()
            done(None)
            count += 1
        return count

    def commits(self) -> int:
        return sum(message[0] == COMMIT for message in self.sent if isinstance(message, bytes))

    def welcome(self) -> None:
        """A new group of the call, whose first member welcomes the bot."""
        service = _native.DeliveryService(self.channel)
        other = _native.DaveSession(None, OTHER, self.channel)
        packages = [out for out in other.session_description(1) if isinstance(out, bytes)]
        packages += [out for out in other.binary(EXTERNAL_SENDER, service.external_sender()) if isinstance(out, bytes)]
        other.clients_connect([BOT])
        self.bot.take(MlsMessage(EXTERNAL_SENDER, service.external_sender()))
        mine = [message for message in self.sent if isinstance(message, bytes) and message[0] == 26]
        service.add(OTHER, packages[-1][1:])
        proposals = service.add(BOT, mine[-1][1:])
        outputs = [out for payload, _ in proposals for out in other.binary(PROPOSALS, payload)]
        commit = next(out for out in outputs if isinstance(out, bytes) and out[0] == 28)
        for user_id, payload in service.commit(OTHER, commit[1:]).welcomes(0):
            if user_id == BOT:
                self.bot.take(MlsMessage(WELCOME, payload))

    def refusals(self) -> int:
        return sum(json.loads(message)["op"] == 31 for message in self.sent if isinstance(message, str))


def test_a_welcome_to_the_group_of_another_channel_is_refused_and_at_the_fifth_the_session_is_given_up() -> None:
    call = Call(CHANNEL + 1)
    for count in range(1, 5):
        call.welcome()
        assert (call.refusals(), call.failures) == (count, [])
    call.welcome()
    assert (call.refusals(), call.failures) == (5, ["the call's group was refused again and again"])


def test_a_welcome_to_the_group_of_the_channel_is_taken() -> None:
    call = Call(CHANNEL)
    call.welcome()
    assert (call.refusals(), call.failures) == (0, [])
    assert call.bot.state.privacy_code is not None


def test_each_session_description_brings_a_key_package_and_a_welcome_back() -> None:
    call = Call(CHANNEL)
    call.welcome()
    code = call.bot.state.privacy_code
    assert code is not None
    before = [message for message in call.sent if message[:1] == b"\x1a"]
    call.bot.take(SessionDescription("aead_aes256_gcm_rtpsize", bytes(32), 1))
    packages = [message for message in call.sent if message[:1] == b"\x1a"]
    assert len(packages) == len(before) + 1
    assert packages[-1] not in before
    call.welcome()
    assert call.bot.state.privacy_code not in (None, code)


def crowd(call: Call, count: int) -> list[ClientsConnect | MlsMessage]:
    """What the gateway tells of users who come at once: each of them (opcode 11), and the proposal to add it."""
    service = _native.DeliveryService(CHANNEL)
    call.bot.take(MlsMessage(EXTERNAL_SENDER, service.external_sender()))
    mine = [message for message in call.sent if isinstance(message, bytes) and message[0] == KEY_PACKAGE]
    service.add(BOT, mine[-1][1:])
    messages: list[ClientsConnect | MlsMessage] = []
    for user_id in range(100, 100 + count):
        package = _native.DaveSession(None, user_id, CHANNEL).session_description(1)[-1]
        assert isinstance(package, bytes)
        proposals = [payload for payload, to in service.add(user_id, package[1:]) if BOT in to]
        messages += [ClientsConnect((user_id,)), *(MlsMessage(PROPOSALS, payload) for payload in proposals)]
    return messages


def test_a_crowd_that_comes_at_once_is_answered_with_two_commits_and_not_with_one_for_each() -> None:
    call = Call(CHANNEL)
    messages = crowd(call, 20)
    call.holds = True
    for message in messages:
        call.bot.take(message)
    # The first one is taken in at once, and the others while it is.
    assert len(call.jobs) == 1
    assert call.work_off() == 20
    assert call.commits() == 2


def test_what_is_brief_is_not_handed_over_and_proposals_and_the_rest_are() -> None:
    call = Call(CHANNEL)
    call.holds = True
    call.welcome()
    assert call.bot.state.privacy_code is not None
    assert call.jobs == deque()
    for message in (MlsMessage(WELCOME, bytes(5_000)), MlsMessage(PROPOSALS, b"")):
        call.bot.take(message)
        assert call.work_off() == 1


def test_what_comes_while_the_group_is_worked_on_waits_its_turn() -> None:
    call = Call(CHANNEL)
    messages = crowd(call, 2)
    call.holds = True
    for message in messages:
        call.bot.take(message)
    before = len(call.sent)
    call.bot.take(PrepareEpoch(1, 1))
    assert len(call.sent) == before, "it would have brought a key package"
    call.work_off()
    new = [message[0] for message in call.sent[before:] if isinstance(message, bytes)]
    assert new == [COMMIT, COMMIT, KEY_PACKAGE]


def test_nothing_is_said_by_a_session_that_another_one_has_replaced() -> None:
    call = Call(CHANNEL)
    messages = crowd(call, 2)
    call.holds = True
    for message in messages:
        call.bot.take(message)
    before, state = list(call.sent), call.bot.state
    call.bot.close()
    assert call.work_off() == 1
    call.bot.take(SessionDescription("aead_aes256_gcm_rtpsize", bytes(32), 1))
    assert (call.sent, call.bot.state) == (before, state)


def test_more_than_can_wait_gives_the_session_up_and_says_why() -> None:
    for message in (MlsMessage(PROPOSALS, bytes(100_000)), ClientDisconnect(7), ClientsConnect(tuple(range(4096)))):
        call = Call(CHANNEL)
        call.holds = True
        call.bot.take(MlsMessage(PROPOSALS, b""))
        for _ in range(5_000):
            call.bot.take(message)
        assert call.failures == ["more messages of the end-to-end encryption came than could be taken in"]
        assert call.work_off() == 1, "what had begun"


def test_a_failure_of_what_is_done_elsewhere_is_raised_where_it_is_told() -> None:
    call = Call(CHANNEL)
    call.holds = True
    call.bot.take(MlsMessage(PROPOSALS, b""))
    _, done = call.jobs.popleft()
    with pytest.raises(MemoryError):
        done(MemoryError())
