"""Changes of keys and of version in calls with davey's and libdave's members: nothing that can be heard is lost."""

from __future__ import annotations

import pytest

from .dave_call import Call, call_of
from .dave_members import Down, Member, Ours, Up
from .dave_witnesses import KINDS

MIXED = ["ours", "davey", "libdave", "ours"]


def opened_between(call: Call, sender: int, receiver: int) -> bool:
    """Whether the receiver opens a frame of the sender now."""
    return call.members[receiver].open(sender, call.members[sender].sealed(b"heard now")) == b"heard now"


@pytest.mark.parametrize("newcomer", KINDS)
def test_joining_and_leaving_in_mid_call(newcomer: str) -> None:
    call = call_of(MIXED, 1, talk=0.3)
    for user_id in (10, 11):
        call.join(user_id, newcomer)
        call.settle()
        call.assert_one_group()
    call.leave(10)
    call.leave(1)
    call.settle()
    call.assert_one_group()
    call.assert_nothing_lost()


@pytest.mark.parametrize("newcomer", KINDS)
def test_no_gap_before_the_transition_is_executed(newcomer: str) -> None:
    call = call_of(MIXED, 2)
    call.assert_all_hear_all()
    old = call.members[1].sealing
    in_flight = call.members[1].sealed(b"in flight")
    call.hold_executes = True
    call.join(10, newcomer)
    call.settle()
    for user_id, member in call.members.items():
        early = member.kind == "davey"
        assert (member.sealing == member.newest != old) if early else (member.sealing in (old, None)), user_id
    # Those who were there hear each other all the time, under the old keys and the new ones.
    for sender in range(1, 5):
        for receiver in range(1, 5):
            assert sender == receiver or opened_between(call, sender, receiver), (sender, receiver)
    call.execute_all()
    for receiver in range(2, 5):
        assert call.members[receiver].open(1, in_flight) == b"in flight"
    call.assert_one_group()


@pytest.mark.parametrize("seed", range(3))
def test_two_changes_under_way_at_once(seed: int) -> None:
    call = call_of(MIXED, seed, talk=0.3)
    call.hold_executes = True
    for user_id, kind in ((10, "davey"), (11, "libdave"), (12, "ours")):
        call.join(user_id, kind)
        call.settle()
    call.leave(2)
    call.settle()
    for sender in (1, 3, 4):
        for receiver in (1, 3, 4):
            assert sender == receiver or opened_between(call, sender, receiver)
    call.execute_all()
    call.assert_one_group()
    call.assert_nothing_lost()


@pytest.mark.parametrize("seed", range(3))
def test_a_group_is_made_anew(seed: int) -> None:
    call = call_of(MIXED, seed, talk=0.3)
    before = call.members[1].privacy_code
    call.recreate()
    call.settle()
    call.assert_one_group()
    assert call.members[1].privacy_code != before
    call.assert_nothing_lost()


def test_a_group_is_made_anew_without_a_gap_where_keys_are_kept() -> None:
    """davey forgets all keys at opcode 24; isocord and libdave go on with the old ones until opcode 22."""
    call = call_of(["ours", "libdave", "ours"], 3, talk=0.3)
    call.forget_counts()
    call.hold_executes = True
    call.recreate()
    call.settle()
    call.assert_all_hear_all()
    call.execute_all()
    call.assert_one_group()
    assert call.opened.total() > 20
    assert (call.lost + call.ahead + call.unshared, call.muted) == ({}, {}), call.report()


@pytest.mark.parametrize("other", KINDS)
def test_the_last_one_starts_over(other: str) -> None:
    call = call_of(["ours", other], 4)
    first = call.members[1].privacy_code
    ours = call.members[1]
    assert isinstance(ours, Ours)
    call.leave(2)
    call.settle()
    assert (ours.native.session.status, ours.privacy_code, ours.native.session.members) == ("pending", None, [])
    # Alone it still seals what it says, and nobody who comes later can open that.
    alone = ours.sealed(b"alone")
    assert b"alone" not in alone
    call.join(3, other)
    call.settle()
    call.assert_one_group()
    assert call.members[3].open(1, alone) is None
    assert ours.privacy_code not in (None, first)
    call.assert_nothing_lost()


@pytest.mark.parametrize("other", KINDS)
def test_another_is_the_last_one(other: str) -> None:
    call = call_of([other, "ours"], 5)
    call.leave(2)
    call.settle()
    call.join(3, "ours")
    call.settle()
    call.assert_one_group()
    call.assert_nothing_lost()


@pytest.mark.parametrize("seed", range(3))
def test_down_to_transport_encryption_and_up_again(seed: int) -> None:
    call = call_of(MIXED, seed, talk=0.3)
    in_flight = {user_id: member.sealed(b"in flight") for user_id, member in call.members.items()}
    call.hold_executes = True
    call.downgrade()
    call.settle()
    # Not executed yet: what leaves is still sealed.
    assert all(member.seal(b"sealed") != b"sealed" for member in call.members.values())
    call.assert_all_hear_all()
    call.execute_all()
    call.service.reset()
    for user_id, member in call.members.items():
        assert member.seal(b"plain") == b"plain", (user_id, member.kind)
        if isinstance(member, Ours):
            assert (member.native.session.protocol_version, member.native.session.status) == (0, "inactive")
            assert member.privacy_code is None
    for sender, sealed in in_flight.items():
        for receiver in (1, 4):
            assert receiver == sender or call.members[receiver].open(sender, sealed) == b"in flight"
    call.assert_all_hear_all()
    call.join(9, "davey")
    call.settle()
    call.assert_all_hear_all()

    call.hold_executes = True
    call.upgrade()
    call.settle()
    assert all(member.seal(b"plain") == b"plain" for member in call.members.values())
    late = {user_id: member.sealed(b"late") for user_id, member in call.members.items()}
    call.assert_all_hear_all()
    call.execute_all()
    assert call.members[1].open(2, late[2]) == b"late"
    call.assert_one_group()
    assert all(member.seal(b"sealed") != b"sealed" for member in call.members.values())
    call.assert_nothing_lost()


@pytest.mark.parametrize("opcode", [29, 30])
@pytest.mark.parametrize("seed", range(3))
def test_a_corrupted_commit_or_welcome_is_reported_and_healed(opcode: int, seed: int) -> None:
    call = call_of(MIXED, seed, talk=0.3)
    victim = 4 if opcode == 29 else 10
    call.tamper[victim, opcode] = 1
    call.join(10, "ours")
    member = call.members[victim]
    assert isinstance(member, Ours)
    sent = recorded(member)
    call.settle()
    assert call.tamper[victim, opcode] == 0
    ops = [op for op in sent if op in (26, 31)]
    assert ops[-2:] == [31, 26]
    assert len(member.refused) == 1
    assert len(member.native.notices) >= 1
    call.assert_one_group()
    call.assert_nothing_lost()


@pytest.mark.parametrize("kind", ["davey", "libdave"])
@pytest.mark.parametrize("opcode", [29, 30])
def test_others_who_report_a_commit_are_let_in_again(kind: str, opcode: int) -> None:
    call = call_of(["ours", "ours", kind], 6, talk=0.3)
    victim = 3 if opcode == 29 else 10
    call.tamper[victim, opcode] = 1
    call.join(10, kind)
    call.settle()
    assert len(call.members[victim].refused) == 1
    call.assert_one_group()
    call.assert_nothing_lost()


def recorded(member: Member) -> list[int]:
    """The opcodes of what the member sends from now on."""
    ops: list[int] = []
    handle = member.handle

    def record(message: Down) -> list[Up]:
        answers = handle(message)
        ops.extend(answer.op for answer in answers)
        return answers

    member.handle = record  # type: ignore[method-assign]
    return ops


def test_the_external_sender_comes_again() -> None:
    call = call_of(MIXED, 7, talk=0.3)
    call.repeat_external_sender()
    call.settle()
    call.assert_one_group()
    call.join(10, "davey")
    call.repeat_external_sender()
    call.settle()
    call.assert_one_group()
    call.assert_nothing_lost()
    for member in call.members.values():
        if isinstance(member, Ours):
            assert member.native.notices == []


@pytest.mark.parametrize("winner", KINDS)
def test_any_kind_may_make_the_first_commit(winner: str) -> None:
    """All three pending members have made a local group; the chosen one's commit arrives first."""
    call = Call(8)
    held: dict[str, bytes] = {}
    commit = call.commit

    def hold(user_id: int, payload: bytes) -> None:
        held[call.members[user_id].kind] = payload

    call.commit = hold  # type: ignore[method-assign]
    for user_id, kind in enumerate(KINDS, 1):
        call.join(user_id, kind)
        call.settle()
    assert set(held) == set(KINDS)
    call.commit = commit  # type: ignore[method-assign]
    user_id = 1 + list(KINDS).index(winner)
    call.commit(user_id, held[winner])
    assert call.winners == {winner: 1}
    for other in set(KINDS) - {winner}:
        call.commit(1 + list(KINDS).index(other), held[other])
    assert call.winners == {winner: 1}
    assert len(call.dropped) == 2
    call.settle()
    call.assert_one_group()


@pytest.mark.parametrize("winner", KINDS)
def test_any_kind_may_commit_a_change(winner: str) -> None:
    call = call_of(list(KINDS), 9)
    commit = call.commit

    def only_winner(user_id: int, payload: bytes) -> None:
        if call.members[user_id].kind == winner:
            commit(user_id, payload)

    call.commit = only_winner  # type: ignore[method-assign]
    call.forget_counts()
    for _ in range(2):
        call.join(10, "ours")
        call.settle()
        call.assert_one_group()
        call.leave(10)
        call.settle()
        call.assert_one_group()
    assert call.winners == {winner: 4}
    call.assert_nothing_lost()


def test_one_who_left_opens_nothing_that_follows() -> None:
    call = call_of([*KINDS, "ours"], 10)
    gone = call.members[4]
    call.leave(4)
    call.settle()
    for sender in (1, 2, 3):
        assert gone.open(sender, call.members[sender].sealed(b"without you")) is None
    call.assert_one_group()
