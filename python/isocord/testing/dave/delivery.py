"""The delivery service of an encrypted call: what Discord's voice gateway does for DAVE.

The MLS part (external sender, proposals, which commit wins) is the native :class:`~isocord._native.DeliveryService`.
Here it meets the call: who gets which message when, transitions, and the protocol version of the moment.

Source: DAVE protocol whitepaper 1.1, "Protocol Version Negotiation", "Delivery Service", "Initial Group Creation",
"Sole member reset", "Recovery from Invalid Commit or Welcome".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any

from ... import _native
from ...errors import DaveError
from ..ground.eventlog import EventLog
from ..ground.opcodes import VoiceOp
from ..ground.payloads import Json
from .dave import CallMember
from .transitions import INIT_TRANSITION, Transitions

DAVE_VERSION = 1
READY_TIMEOUT = 2.0
"""Seconds that a transition waits for those who are not ready."""
COMMIT_TIMEOUT = 3.0
"""Seconds until a group in which nobody commits is made anew; doubled each time, up to a minute."""
_LONGEST_COMMIT_TIMEOUT = 60.0


class Phase(Enum):
    """What protocol version a call has, and where it is going."""

    ENCRYPTED = "version 1, or on the way there: a group exists or is being made"
    LEAVING = "a downgrade to version 0 has been announced and not executed yet"
    PLAIN = "version 0: somebody in the call has no DAVE"


class EncryptedCall:
    """The delivery service of one call.

    Args:
        required: whether clients without DAVE are refused; otherwise the call is encrypted while all can do it.
        ready_timeout: see :data:`READY_TIMEOUT`.
        commit_timeout: see :data:`COMMIT_TIMEOUT`.
    """

    def __init__(
        self,
        channel_id: int,
        log: EventLog,
        *,
        required: bool = False,
        ready_timeout: float = READY_TIMEOUT,
        commit_timeout: float = COMMIT_TIMEOUT,
    ) -> None:
        self.required = required
        self.phase: Phase = Phase.ENCRYPTED
        self._log = log
        self._service = _native.DeliveryService(channel_id)
        self._transitions = Transitions(ready_timeout, log, self._run)
        self._members: dict[int, CallMember] = {}
        self._know_sender: set[int] = set()
        # Users whose removal has been proposed; a commit of theirs cannot count.
        self._removals: set[int] = set()
        # No two members have heard each other in this call yet, so nothing is lost if keys change at once.
        self._fresh = True
        self._alone: int | None = None
        self._commit_timeout = commit_timeout
        self._patience = commit_timeout
        self._commit_timer: asyncio.TimerHandle | None = None
        self._jobs: deque[Callable[[], None]] = deque()
        self._running = False

    # What the call asks.

    def admits(self, max_version: int) -> bool:
        return max_version >= DAVE_VERSION or not self.required

    def version_for(self, max_version: int) -> int:
        able = max_version >= DAVE_VERSION and self._all_able()
        return DAVE_VERSION if able and self.phase is Phase.ENCRYPTED else 0

    def joined(self, member: CallMember) -> None:
        self._run(partial(self._joined, member))

    def left(self, member: CallMember) -> None:
        self._run(partial(self._left, member))

    def received(self, member: CallMember, op: VoiceOp, body: Json | bytes) -> None:
        handle: Callable[[], None]
        refused: list[str] = []
        if op is VoiceOp.DAVE_KEY_PACKAGE:
            handle = partial(self._key_package, member, _bytes(body), refused)
        elif op is VoiceOp.DAVE_COMMIT_WELCOME:
            handle = partial(self._commit, member, _bytes(body))
        elif op is VoiceOp.DAVE_TRANSITION_READY:
            handle = partial(self._transitions.ready, _transition_id(body), member.user_id)
        else:
            handle = partial(self._invalid_commit, member, _transition_id(body))
        self._run(handle)
        if refused:
            raise ValueError(refused[0])

    # What tests look at.

    @property
    def version(self) -> int:
        """The protocol version that the call has or is going to have."""
        return DAVE_VERSION if self.phase is Phase.ENCRYPTED else 0

    @property
    def epoch(self) -> int:
        """The MLS epoch, 0 while there is no group."""
        return self._service.epoch

    @property
    def members(self) -> list[int]:
        """The users in the MLS group."""
        return self._service.members

    @property
    def settled(self) -> bool:
        """Whether everybody is in the group and no transition is under way."""
        if self._transitions or self._outstanding():
            return False
        if self.phase is not Phase.ENCRYPTED:
            return self.phase is Phase.PLAIN
        group = self._service.members if self._service.is_established else self._service.pending_members
        return set(group) == set(self._members)

    @property
    def is_gathering(self) -> bool:
        """Whether a group is being made, and somebody who is to be in it has not given a key package yet."""
        if self.phase is not Phase.ENCRYPTED or self._service.is_established:
            return False
        return not set(self._members) <= set(self._service.pending_members)

    def recreate(self) -> None:
        """Make the MLS group anew: opcode 24 with epoch 1 to everyone."""
        self._run(self._recreate)

    def repeat_external_sender(self) -> None:
        """Send opcode 25 to everyone again, as the real gateway sometimes does."""
        self._run(lambda: self._introduce(self._members.values(), again=True))

    # Members come and go. Everything below runs as a job, so that no answer overtakes what it answers.

    def _run(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        if self._running:
            return
        self._running = True
        try:
            while self._jobs:
                self._jobs.popleft()()
        finally:
            self._running = False

    def _joined(self, member: CallMember) -> None:
        if self.phase is Phase.ENCRYPTED and member.max_dave_version >= DAVE_VERSION and self._all_able():
            self._introduce([member])
        self._members[member.user_id] = member
        self._settle()

    def _left(self, member: CallMember) -> None:
        user_id = member.user_id
        if self._members.pop(user_id, None) is None:
            return
        self._know_sender.discard(user_id)
        self._transitions.forget(user_id)
        if not self._members:
            self._forget_group()
            self._transitions.clear()
            self.phase, self._fresh = Phase.ENCRYPTED, True
            return
        if self.phase is Phase.ENCRYPTED:
            self._propose_removal(user_id)
        self._settle()

    def _settle(self) -> None:
        """See that the protocol version and the group fit the members."""
        if self.phase is Phase.ENCRYPTED and not self._all_able():
            self._downgrade()
        elif self.phase is Phase.PLAIN and self._all_able():
            self._upgrade()
        elif self.phase is Phase.ENCRYPTED:
            self._tend_group()

    def _downgrade(self) -> None:
        self._log.count("dave_downgrades")
        self.phase, self._fresh = Phase.LEAVING, False
        self._forget_group()
        able = [member for member in self._members.values() if member.max_dave_version >= DAVE_VERSION]
        transition_id = self._transitions.new_id()
        for member in able:
            body = {"transition_id": transition_id, "protocol_version": 0}
            member.signal(VoiceOp.DAVE_PREPARE_TRANSITION, body)
        self._transitions.wait(transition_id, [member.user_id for member in able], self._downgraded)

    def _downgraded(self, transition_id: int, users: Iterable[int]) -> None:
        self.phase = Phase.PLAIN
        self._execute(transition_id, users)
        self._settle()

    def _upgrade(self) -> None:
        self._log.count("dave_upgrades")
        self.phase = Phase.ENCRYPTED
        self._recreate()

    # The group.

    def _recreate(self) -> None:
        if self.phase is not Phase.ENCRYPTED:
            return
        self._log.count("dave_resets")
        self._forget_group()
        for member in self._members.values():
            self._prepare_epoch(member)
        self._introduce(self._members.values())

    def _forget_group(self) -> None:
        self._service.reset()
        self._removals.clear()
        self._alone = None
        self._stop_commit_timer()

    def _introduce(self, members: Iterable[CallMember], *, again: bool = False) -> None:
        for member in members:
            if again or member.user_id not in self._know_sender:
                self._know_sender.add(member.user_id)
                member.signal_binary(VoiceOp.DAVE_EXTERNAL_SENDER, self._service.external_sender())

    def _key_package(self, member: CallMember, key_package: bytes, refused: list[str]) -> None:
        if not self._counts(member):
            return
        is_replaced = member.user_id in self._service.members
        try:
            messages = self._service.add(member.user_id, key_package)
        except DaveError as error:
            self._log.count("dave_key_packages_refused")
            refused.append(str(error))
            return
        if is_replaced:
            self._removals.add(member.user_id)
        self._propose(messages)
        self._tend_group()

    def _propose_removal(self, user_id: int) -> None:
        if user_id in self._service.members:
            self._removals.add(user_id)
        self._propose(self._service.remove(user_id))

    def _propose(self, messages: list[tuple[bytes, list[int]]]) -> None:
        for payload, recipients in messages:
            for user_id in recipients:
                if (member := self._members.get(user_id)) is not None:
                    member.signal_binary(VoiceOp.DAVE_PROPOSALS, payload)

    def _tend_group(self) -> None:
        """Give one who is alone a key of its own, and see that somebody commits what has been proposed."""
        if not self._service.is_established:
            self._serve_alone()
        if not self._outstanding():
            self._stop_commit_timer()
        elif self._service.is_established and not self._committers():
            # Nobody is left in the group who could let anybody in.
            self._recreate()
        elif self._commit_timer is None:
            loop = asyncio.get_running_loop()
            self._commit_timer = loop.call_later(self._patience, self._run, self._stalled)

    def _serve_alone(self) -> None:
        pending = self._service.pending_members
        if len(pending) != 1 or pending[0] == self._alone or not (self._fresh or len(self._members) == 1):
            return
        member = self._members.get(pending[0])
        if member is not None:
            self._alone, self._fresh = member.user_id, True
            self._initialize(member)

    def _outstanding(self) -> bool:
        """Whether proposals wait for a commit."""
        if self._service.is_established:
            return bool(self._removals or self._service.pending_members)
        return len(self._service.pending_members) > 1

    def _committers(self) -> list[int]:
        return [user for user in self._service.members if user in self._members and user not in self._removals]

    def _stalled(self) -> None:
        self._commit_timer = None
        if self._outstanding():
            self._log.count("dave_commits_missing")
            self._patience = min(self._patience * 2, _LONGEST_COMMIT_TIMEOUT)
            self._recreate()

    def _stop_commit_timer(self) -> None:
        if self._commit_timer is not None:
            self._commit_timer.cancel()
            self._commit_timer = None

    def _commit(self, member: CallMember, payload: bytes) -> None:
        if not self._counts(member):
            return
        try:
            commit = self._service.commit(member.user_id, payload)
        except DaveError:
            # The fate of all but the first.
            self._log.count("dave_commits_dropped")
            return
        self._log.count("dave_commits_won")
        at_once = self._fresh and commit.epoch == 1
        self._removals.clear()
        self._alone, self._fresh, self._patience = None, False, self._commit_timeout
        self._stop_commit_timer()
        transition_id = INIT_TRANSITION if at_once else self._transitions.new_id()
        announcement, present = commit.announcement(transition_id), []
        for user_id in commit.staying:
            if (staying := self._members.get(user_id)) is not None:
                present.append(user_id)
                staying.signal_binary(VoiceOp.DAVE_ANNOUNCE_COMMIT, announcement)
        for user_id, welcome in commit.welcomes(transition_id):
            if (joining := self._members.get(user_id)) is not None:
                present.append(user_id)
                joining.signal_binary(VoiceOp.DAVE_WELCOME, welcome)
        if at_once:
            self._log.changed()
        else:
            self._transitions.wait(transition_id, present, self._committed)

    def _committed(self, transition_id: int, users: Iterable[int]) -> None:
        self._execute(transition_id, users)
        sole = self._service.sole_member
        member = self._members.get(sole) if sole is not None else None
        if member is not None and not self._outstanding():
            self._log.count("dave_resets")
            self._forget_group()
            self._alone, self._fresh = member.user_id, True
            self._prepare_epoch(member)
            self._initialize(member)

    def _invalid_commit(self, member: CallMember, transition_id: int) -> None:
        if not self._counts(member):
            return
        self._log.count("dave_invalid_commits")
        self._transitions.forget(member.user_id, transition_id)
        self._propose_removal(member.user_id)
        self._tend_group()

    # Messages.

    def _execute(self, transition_id: int, users: Iterable[int]) -> None:
        for user_id in users:
            if (member := self._members.get(user_id)) is not None:
                member.signal(VoiceOp.DAVE_EXECUTE_TRANSITION, {"transition_id": transition_id})

    @staticmethod
    def _prepare_epoch(member: CallMember) -> None:
        member.signal(VoiceOp.DAVE_PREPARE_EPOCH, {"protocol_version": DAVE_VERSION, "epoch": 1})

    @staticmethod
    def _initialize(member: CallMember) -> None:
        body = {"transition_id": INIT_TRANSITION, "protocol_version": DAVE_VERSION}
        member.signal(VoiceOp.DAVE_PREPARE_TRANSITION, body)

    def _counts(self, member: CallMember) -> bool:
        """Whether what a member says about the group is heard now."""
        counts = self.phase is Phase.ENCRYPTED and self._members.get(member.user_id) is member
        if not counts:
            self._log.count("dave_out_of_phase")
        return counts

    def _all_able(self) -> bool:
        return all(member.max_dave_version >= DAVE_VERSION for member in self._members.values())


def _bytes(body: Any) -> bytes:
    if not isinstance(body, bytes) or not body:
        raise ValueError("an empty message")
    return body


def _transition_id(body: Any) -> int:
    value = body.get("transition_id") if isinstance(body, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFFFF:
        raise ValueError("transition_id is no 16-bit number")
    return value
