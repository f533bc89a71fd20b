"""The fake's delivery service: who is told what and when, and that all implementations of DAVE get along in it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from typing import Any

import pytest

from isocord.testing import FakeDiscord, FakeDiscordProcess, GuildSpec, NativeMember, VoiceOp, tone
from isocord.testing.dave.delivery import EncryptedCall
from isocord.testing.dave.member import Message
from isocord.testing.ground.eventlog import EventLog
from isocord.testing.voice.call import Call

from .witnesses import DaveyMember, LibdaveMember

CHANNEL = 927_310_423_890_473_011
MEMBERS = [NativeMember, DaveyMember, LibdaveMember]
E2EE = frozenset(range(21, 32))


class Peer:
    """A member of a call whose messages go out when the test says so."""

    is_scripted = False
    speaking = 0

    def __init__(self, user_id: int, max_dave_version: int = 1) -> None:
        self.user_id = self.ssrc = user_id
        self.max_dave_version = max_dave_version
        self.member = NativeMember(user_id, CHANNEL)
        self.got: list[Message] = []
        self.outbox: deque[Message] = deque()

    def deliver(self, packet: Any) -> None:
        return None

    def signal(self, op: VoiceOp, data: Any) -> None:
        self.got.append((op, data))
        self.outbox.extend(self.member.take(op, data))

    def signal_binary(self, op: VoiceOp, payload: bytes) -> None:
        self.signal(op, payload)

    def ops(self) -> list[int]:
        """The opcodes of end-to-end encryption so far."""
        return [int(op) for op, _ in self.got if op in E2EE]

    def bodies(self, op: VoiceOp) -> list[Any]:
        return [body for found, body in self.got if found is op]


class Room:
    """A call of peers."""

    def __init__(self, **options: Any) -> None:
        self.log = EventLog()
        self.service = EncryptedCall(CHANNEL, self.log, **options)
        self.call = Call(CHANNEL, self.service, self.log, lambda user_id: None)

    def join(self, user_id: int, max_dave_version: int = 1) -> Peer:
        peer = Peer(user_id, max_dave_version)
        version = self.service.version_for(max_dave_version)
        peer.signal(VoiceOp.SESSION_DESCRIPTION, {"dave_protocol_version": version})
        self.call.join(peer)
        return peer

    def pass_on(self, *peers: Peer, without: frozenset[VoiceOp] = frozenset()) -> None:
        """Carry what the peers say to the service until they have no more to say."""
        while waiting := [peer for peer in peers if peer.outbox]:
            for peer in waiting:
                op, body = peer.outbox.popleft()
                if op not in without:
                    self.service.received(peer, op, body)

    async def until(self, condition: Any) -> None:
        await self.log.wait_for(condition, 5, "the condition")


async def test_the_first_two() -> None:
    room = Room()
    one = room.join(1)
    assert one.ops() == [VoiceOp.DAVE_EXTERNAL_SENDER]
    room.pass_on(one)
    # Alone: its key is its own, and it may use it at once.
    assert one.ops()[1:] == [VoiceOp.DAVE_PREPARE_TRANSITION]
    assert one.bodies(VoiceOp.DAVE_PREPARE_TRANSITION) == [{"transition_id": 0, "protocol_version": 1}]
    assert one.member.seal(b"to myself") is not None
    two = room.join(2)
    room.pass_on(two)
    # The users have been told before the proposals name them.
    ops = [op for op, _ in one.got]
    assert ops.index(VoiceOp.CLIENTS_CONNECT) < ops.index(VoiceOp.DAVE_PROPOSALS)
    room.pass_on(one, two)
    (announced,) = one.bodies(VoiceOp.DAVE_ANNOUNCE_COMMIT) + two.bodies(VoiceOp.DAVE_ANNOUNCE_COMMIT)
    (welcome,) = one.bodies(VoiceOp.DAVE_WELCOME) + two.bodies(VoiceOp.DAVE_WELCOME)
    assert announced[:2] == welcome[:2] == b"\0\0"
    assert VoiceOp.DAVE_EXECUTE_TRANSITION not in one.ops() + two.ops()
    assert one.member.privacy_code == two.member.privacy_code is not None
    assert room.log.counters["dave_commits_won"] == room.log.counters["dave_commits_dropped"] == 1
    assert room.service.settled


async def test_one_more_waits_for_everybody() -> None:
    room = Room()
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    three = room.join(3)
    room.pass_on(three)
    ready = frozenset({VoiceOp.DAVE_TRANSITION_READY})
    room.pass_on(one, two, three, without=ready)
    head = one.bodies(VoiceOp.DAVE_ANNOUNCE_COMMIT)[-1][:2]
    assert head == two.bodies(VoiceOp.DAVE_ANNOUNCE_COMMIT)[-1][:2] == three.bodies(VoiceOp.DAVE_WELCOME)[-1][:2]
    transition = {"transition_id": int.from_bytes(head, "big")}
    assert transition != {"transition_id": 0}
    for peer in (one, two, three):
        assert VoiceOp.DAVE_EXECUTE_TRANSITION not in peer.ops()
        assert not room.service.settled
        room.service.received(peer, VoiceOp.DAVE_TRANSITION_READY, transition)
    assert all(peer.bodies(VoiceOp.DAVE_EXECUTE_TRANSITION) == [transition] for peer in (one, two, three))
    assert room.service.settled
    assert sorted(room.service.members) == [1, 2, 3]


async def test_who_is_never_ready_is_not_waited_for_for_ever() -> None:
    room = Room(ready_timeout=0.05)
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    three = room.join(3)
    room.pass_on(three)
    room.pass_on(one, two, three, without=frozenset({VoiceOp.DAVE_TRANSITION_READY}))
    await room.until(lambda: one.bodies(VoiceOp.DAVE_EXECUTE_TRANSITION))
    assert room.log.counters["dave_transitions_not_ready"] == 1
    room.call.leave(two)
    assert one.ops()[-1] == VoiceOp.DAVE_PROPOSALS


async def test_a_group_in_which_nobody_commits_is_made_anew() -> None:
    room = Room(commit_timeout=0.05)
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    three = room.join(3)
    room.pass_on(one, two, three, without=frozenset({VoiceOp.DAVE_COMMIT_WELCOME}))
    await room.until(lambda: room.log.counters["dave_commits_missing"] == 1)
    for peer in (one, two, three):
        assert peer.bodies(VoiceOp.DAVE_PREPARE_EPOCH) == [{"protocol_version": 1, "epoch": 1}]
    room.pass_on(one, two, three)
    assert room.service.settled
    assert len({peer.member.privacy_code for peer in (one, two, three)}) == 1
    # Frames were on their way when the group was made anew, so the new keys are not used at once.
    assert one.bodies(VoiceOp.DAVE_EXECUTE_TRANSITION)


async def test_the_last_one_gets_a_group_of_its_own() -> None:
    room = Room()
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    room.call.leave(two)
    room.pass_on(one)
    # Named in this order by the whitepaper, "Sole member reset".
    sole = [VoiceOp.DAVE_PREPARE_EPOCH, VoiceOp.DAVE_PREPARE_TRANSITION]
    assert one.ops()[-3:] == [VoiceOp.DAVE_EXECUTE_TRANSITION, *sole]
    assert one.member.session.status == "pending"
    assert one.member.privacy_code is None
    assert room.service.settled
    three = room.join(3)
    room.pass_on(one, three)
    assert one.member.privacy_code == three.member.privacy_code is not None
    room.call.leave(one)
    room.call.leave(three)
    assert room.service.epoch == 0


@pytest.mark.parametrize("op", [VoiceOp.DAVE_ANNOUNCE_COMMIT, VoiceOp.DAVE_WELCOME])
async def test_an_invalid_commit_is_flagged_and_healed(op: VoiceOp) -> None:
    room = Room()
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    three = room.join(3)
    victim = two if op is VoiceOp.DAVE_ANNOUNCE_COMMIT else three
    take, spoilt = victim.member.take, []

    def spoil(found: VoiceOp, body: Any) -> list[Message]:
        if found is op and not spoilt:
            spoilt.append(found)
            body = body[:-1] + bytes([body[-1] ^ 1])
        return take(found, body)

    victim.member.take = spoil  # type: ignore[method-assign]
    room.pass_on(three)
    # The others commit; the victim does not, so that it gets the commit of somebody else.
    room.pass_on(one)
    room.pass_on(one, two, three)
    assert spoilt
    assert room.log.counters["dave_invalid_commits"] == 1
    assert room.service.settled
    assert len({peer.member.privacy_code for peer in (one, two, three)}) == 1


async def test_down_and_up_again() -> None:
    room = Room()
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    plain = room.join(3, max_dave_version=0)
    assert plain.bodies(VoiceOp.SESSION_DESCRIPTION) == [{"dave_protocol_version": 0}]
    assert not plain.ops()
    (body,) = two.bodies(VoiceOp.DAVE_PREPARE_TRANSITION)
    assert body["protocol_version"] == 0
    assert body["transition_id"] != 0
    assert one.member.seal(b"still sealed") != b"still sealed"
    room.pass_on(one, two)
    assert one.member.seal(b"plain now") == b"plain now"
    assert room.service.version == 0
    late = room.join(4)
    assert late.bodies(VoiceOp.SESSION_DESCRIPTION) == [{"dave_protocol_version": 0}]
    assert not late.ops()
    room.call.leave(plain)
    assert one.bodies(VoiceOp.DAVE_PREPARE_EPOCH) == [{"protocol_version": 1, "epoch": 1}]
    assert late.ops() == [VoiceOp.DAVE_PREPARE_EPOCH, VoiceOp.DAVE_EXTERNAL_SENDER]
    room.pass_on(one, two, late)
    assert len({peer.member.privacy_code for peer in (one, two, late)}) == 1
    assert one.member.seal(b"sealed again") != b"sealed again"
    assert room.service.settled


async def test_who_leaves_before_the_downgrade_is_done() -> None:
    room = Room()
    one, two = room.join(1), room.join(2)
    room.pass_on(one, two)
    room.call.leave(room.join(3, max_dave_version=0))
    room.pass_on(one, two)
    assert room.service.version == 1
    assert one.member.privacy_code == two.member.privacy_code is not None
    assert room.service.settled


async def test_what_is_malformed_is_refused() -> None:
    room = Room()
    one = room.join(1)
    for op, body in (
        (VoiceOp.DAVE_KEY_PACKAGE, b""),
        (VoiceOp.DAVE_KEY_PACKAGE, b"no key package"),
        (VoiceOp.DAVE_COMMIT_WELCOME, b""),
        (VoiceOp.DAVE_TRANSITION_READY, None),
        (VoiceOp.DAVE_TRANSITION_READY, {"transition_id": 65_536}),
        (VoiceOp.DAVE_INVALID_COMMIT, {"transition_id": True}),
    ):
        with pytest.raises(ValueError, match=r"empty|malformed|16-bit"):
            room.service.received(one, op, body)
    room.service.received(one, VoiceOp.DAVE_COMMIT_WELCOME, b"no commit")
    room.service.received(one, VoiceOp.DAVE_TRANSITION_READY, {"transition_id": 77})
    assert room.log.counters["dave_commits_dropped"] == 1
    room.pass_on(one)
    assert room.service.settled


def test_version_and_who_is_admitted() -> None:
    with pytest.raises(ValueError, match="dave_version"):
        FakeDiscord(dave_version=2, patch=False)  # type: ignore[arg-type]
    log = EventLog()
    assert EncryptedCall(1, log, required=True).admits(1)
    assert not EncryptedCall(1, log, required=True).admits(0)
    assert EncryptedCall(1, log).admits(0)


@pytest.mark.parametrize("make_member", MEMBERS)
def test_a_speaker_of_each_kind_is_heard_by_all(make_member: Any) -> None:
    with FakeDiscord([GuildSpec(members=("alice", "bob", "carol", "dora"))], patch=False) as discord:
        listeners = [
            discord.listen("General", user=user, make_member=made)
            for user, made in zip(("alice", "bob", "carol"), MEMBERS, strict=True)
        ]
        dora = discord.speak("General", user="dora", make_member=make_member)
        dora.play(tone(440, 0.2))
        discord.wait_until(lambda: not dora.is_playing)
        for listener in listeners:
            assert len(listener.arrivals("dora")) == 15
            assert (listener.gaps("dora").lost, listener.gaps("dora").unopened) == (0, 0)
            assert listener.privacy_code == dora.privacy_code is not None
        assert dora.unsealed == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_random_history(seed: int) -> None:
    """Members of all kinds come and go; after each step everybody understands everybody."""
    dice = random.Random(seed)
    names = [f"user{number}" for number in range(8)]
    with FakeDiscord([GuildSpec(members=names)], patch=False) as discord:
        encryption = discord.encryption("General")
        assert encryption is not None
        here: dict[str, Any] = {}
        for step in range(14):
            absent = [name for name in names if name not in here]
            what = dice.random()
            if len(here) > 2 and (what < 0.3 or not absent):
                here.pop(dice.choice(list(here))).leave()
            elif len(here) > 1 and what < 0.4:
                encryption.recreate()
            else:
                name = dice.choice(absent)
                here[name] = discord.listen("General", user=name, make_member=dice.choice(MEMBERS))
            assert encryption.settled
            assert sorted(encryption.members) == sorted(one.id for one in here.values()) or len(here) == 1
            if len(here) > 1:
                assert len({one.privacy_code for one in here.values()}) == 1
            opus = b"frame %d" % step
            for sender, receiver in itertools.permutations(here.values(), 2):
                frame = sender.frames.seal(opus)
                assert frame is not None
                assert opus not in frame
                assert receiver.frames.open(sender.id, frame) == opus, (sender.member, receiver.member)
        assert discord.counters["dave_commits_missing"] == 0


async def test_a_fake_in_a_process_of_its_own() -> None:
    async with FakeDiscordProcess(dave_version="required") as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob")
        bob.play(tone(440, 0.1))
        await discord.wait_for(lambda: len(alice.arrivals("bob")) == 10)
        assert [arrival.encrypted for arrival in alice.arrivals("bob")] == [True] * 10
        assert alice.privacy_code == bob.privacy_code is not None
        assert (alice.early, alice.gaps("bob").unopened) == (0, 0)
        encryption = discord.encryption("General")
        assert encryption is not None
        assert (encryption.version, encryption.epoch, encryption.settled) == (1, 1, True)
        encryption.recreate()
        await discord.wait_for(lambda: encryption.settled and encryption.members)
        assert alice.frames.open(bob.id, bob.frames.seal(b"opus")) == b"opus"
        with pytest.raises(ValueError, match="requires end-to-end encryption"):
            discord.listen("General", user="carol", max_dave_version=0)


async def test_a_stalled_group_does_not_keep_the_loop_busy() -> None:
    room = Room(commit_timeout=0.02)
    one, two = room.join(1), room.join(2)
    without = frozenset({VoiceOp.DAVE_COMMIT_WELCOME})
    for count in range(1, 4):
        room.pass_on(one, two, without=without)
        await room.until(lambda: room.log.counters["dave_commits_missing"] == count)  # noqa: B023
    room.call.leave(one)
    room.call.leave(two)
    await asyncio.sleep(0)
    assert room.service.epoch == 0
