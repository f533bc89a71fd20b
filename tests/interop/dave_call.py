"""An encrypted call in virtual time: the voice gateway's part, and the wires between it and its members.

The gateway's messages reach each member in order; what happens first at different members is left to a seeded
shuffle, as is who commits first and when a frame arrives. No clock is read and nothing sleeps.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass

from isocord import _native
from isocord.errors import DaveError

from .dave_members import ALONE, CHANNEL, PLAIN, SILENCE, Down, Keys, Member, Up
from .dave_witnesses import KINDS

BOUND = 20_000
"""Steps after which a call that does not come to rest has failed."""


@dataclass(frozen=True)
class Frame:
    sender: int
    kind: str
    keys: Keys | None
    plain: bytes
    sealed: bytes


@dataclass
class Transition:
    waiting: set[int]
    everyone: set[int]


class Call:
    """A voice gateway and its members.

    Args:
        seed: orders all that may happen in any order.
        version: the DAVE version that the call begins with.
        talk: how often somebody speaks while messages are on their way, as a probability for each step.
        first_at_once: announce a group's first commit with transition id 0, so that it is executed at once.
    """

    def __init__(self, seed: int = 0, *, version: int = 1, talk: float = 0.0, first_at_once: bool = False) -> None:
        self.random = random.Random(seed)
        self.version = version
        self.talk = talk
        self.first_at_once = first_at_once
        self.service = _native.DeliveryService(CHANNEL)
        self.members: dict[int, Member] = {}
        self.hold_executes = False
        self.tamper: dict[tuple[int, int], int] = {}
        """For (user, opcode): how many payloads of opcode 29 or 30 reach the user corrupted."""
        self.winners: Counter[str] = Counter()
        self.dropped: list[str] = []
        self.opened: Counter[tuple[str, str]] = Counter()
        self.lost: Counter[tuple[str, str]] = Counter()
        """Frames that could have been opened and were not, by kind of sender and of receiver."""
        self.ahead: Counter[tuple[str, str]] = Counter()
        """Frames under keys of an epoch that the receiver has yet to hear of: the sender changed its key early."""
        self.unshared: Counter[tuple[str, str]] = Counter()
        """Frames under keys that the receiver was not to have or has given up: from before it came, mostly."""
        self.timeouts = 0
        """Transitions for which somebody did not get ready."""
        self.muted: Counter[str] = Counter()
        self._down: dict[int, deque[Down]] = {}
        self._up: dict[int, deque[Up]] = {}
        self._air: dict[tuple[int, int], deque[Frame]] = {}
        self._transitions: dict[int, Transition] = {}
        self._sharers: dict[Keys, set[Member]] = {}
        self._next_transition = 0
        self._group = 1
        self._frames = 0

    # What users do.

    def join(self, user_id: int, kind: str) -> Member:
        member = KINDS[kind](user_id)
        present = tuple(self.members)
        for other in present:
            self._send(other, Down(11, users=(user_id,)))
        self.members[user_id] = member
        self._down[user_id], self._up[user_id] = deque(), deque()
        self._send(user_id, Down(4, version=self.version))
        self._send(user_id, Down(11, users=present))
        self._send(user_id, Down(25, self.service.external_sender()))
        return member

    def leave(self, user_id: int) -> None:
        del self.members[user_id], self._down[user_id], self._up[user_id]
        for pair in [pair for pair in self._air if user_id in pair]:
            del self._air[pair]
        for other in self.members:
            self._send(other, Down(13, users=(user_id,)))
        for transition_id in list(self._transitions):
            self._transitions[transition_id].waiting.discard(user_id)
            self._transitions[transition_id].everyone.discard(user_id)
            self._execute_if_ready(transition_id)
        self._propose(self.service.remove(user_id))
        self._recreate_if_deserted()

    def _recreate_if_deserted(self) -> None:
        """Make a new group where nobody is left in the old one, who could let in those who wait."""
        if self.service.is_established:
            group = self._sharers[Keys(self._group, self.service.epoch)]
            if not group & set(self.members.values()):
                self.recreate()

    def recreate(self) -> None:
        """Make a new group: opcode 24 with epoch 1 to all."""
        self.service.reset()
        self._group += 1
        for user_id in self.members:
            self._send(user_id, Down(24, version=1))

    def downgrade(self) -> None:
        self.version = 0
        self._announce_version(0)

    def upgrade(self) -> None:
        self.version = 1
        self.recreate()

    def _announce_version(self, version: int) -> None:
        transition_id = self._new_transition(set(self.members))
        for user_id in self.members:
            self._send(user_id, Down(21, transition=transition_id, version=version))

    def repeat_external_sender(self) -> None:
        """Opcode 25 once more, to all but davey's members, who raise on it."""
        for user_id, member in self.members.items():
            if member.kind != "davey":
                self._send(user_id, Down(25, self.service.external_sender()))

    # Time.

    def settle(self) -> None:
        """Let everything arrive. A transition for which somebody never gets ready is executed at the end."""
        for _ in range(BOUND):
            if not self.step():
                if self._lacks_a_welcome():
                    self.recreate()
                    continue
                if self.hold_executes or not self._transitions:
                    return
                self.timeouts += 1
                self._execute(next(iter(self._transitions)))
        raise AssertionError("the call does not come to rest")

    def _lacks_a_welcome(self) -> bool:
        """Whether only davey's members could commit, and have left out the welcome.

        davey makes none where the newest proposals only remove, even if it commits to earlier ones that add.
        """
        if not self.dropped or "no welcome" not in self.dropped[-1] or not self.service.pending_members:
            return False
        present = set(self.members.values())
        if self.service.is_established:
            present &= self._sharers[Keys(self._group, self.service.epoch)]
        return all(member.kind == "davey" for member in present)

    def step(self) -> bool:
        """Let one thing happen; False if there is nothing left."""
        queues: list[tuple[str, int]] = [("down", user) for user, queue in self._down.items() if queue]
        queues += [("up", user) for user, queue in self._up.items() if queue]
        if not queues and not self._air:
            return False
        if queues and self.random.random() < self.talk:
            self.speak(self.random.choice(list(self.members)))
        if self._air and (not queues or self.random.random() < 0.5):
            self._arrive(self.random.choice(list(self._air)))
            return True
        direction, user_id = self.random.choice(queues)
        if direction == "up":
            self._on_up(user_id, self._up[user_id].popleft())
        else:
            self._up[user_id].extend(self.members[user_id].receive(self._down[user_id].popleft()))
        return True

    def execute_all(self) -> None:
        """Opcode 22 for the transitions that were held back."""
        self.hold_executes = False
        for transition_id in list(self._transitions):
            self._execute_if_ready(transition_id)
        self.settle()

    # Sound.

    def speak(self, user_id: int, plain: bytes | None = None) -> None:
        """A member sends one frame to all others; it is on its way then."""
        member = self.members[user_id]
        if plain is None:
            self._frames += 1
            plain = b"frame %d of %d" % (self._frames, user_id)
        sealed = member.seal(plain)
        if sealed is None:
            self.muted[member.kind] += 1
            return
        assert (sealed == plain) == (member.sealing == PLAIN or plain == SILENCE), (member.kind, member.sealing)
        frame = Frame(user_id, member.kind, member.sealing, plain, sealed)
        for other in self.members:
            if other != user_id:
                self._air.setdefault((user_id, other), deque()).append(frame)

    def speak_all(self) -> None:
        for user_id in self.members:
            self.speak(user_id)

    def _arrive(self, pair: tuple[int, int]) -> None:
        frame = self._air[pair].popleft()
        if not self._air[pair]:
            del self._air[pair]
        receiver = self.members[pair[1]]
        kinds = (frame.kind, receiver.kind)
        opened = receiver.open(frame.sender, frame.sealed)
        if opened == frame.plain:
            if receiver.kind == "ours" and frame.plain != SILENCE:
                # What is opened must be under keys that the gateway has given to this member.
                assert receiver.should_open(frame.sender, frame.keys)
            self.opened[kinds] += 1
        elif receiver.should_open(frame.sender, frame.keys):
            self.lost[kinds] += 1
        elif frame.keys is not None and self._is_ahead(frame.keys, receiver):
            self.ahead[kinds] += 1
        else:
            self.unshared[kinds] += 1

    def _is_ahead(self, keys: Keys, receiver: Member) -> bool:
        return keys > receiver.newest and receiver in self._sharers.get(keys, ())

    def forget_counts(self) -> None:
        for counter in (self.opened, self.lost, self.ahead, self.unshared, self.muted, self.winners):
            counter.clear()

    # The gateway.

    def _send(self, user_id: int, message: Down) -> None:
        if user_id in self._down:
            self._down[user_id].append(message)

    def _propose(self, proposals: list[tuple[bytes, list[int]]]) -> None:
        for payload, recipients in proposals:
            for user_id in recipients:
                self._send(user_id, Down(27, payload))

    def _on_up(self, user_id: int, message: Up) -> None:
        match message.op:
            case 23:
                if transition := self._transitions.get(message.transition):
                    transition.waiting.discard(user_id)
                    self._execute_if_ready(message.transition)
            case 26:
                self._propose(self.service.add(user_id, message.payload))
            case 28:
                self.commit(user_id, message.payload)
            case 31:
                if transition := self._transitions.get(message.transition):
                    transition.waiting.discard(user_id)
                    transition.everyone.discard(user_id)
                    self._execute_if_ready(message.transition)
                self._propose(self.service.remove(user_id))
                for sharers in self._sharers.values():
                    sharers.discard(self.members[user_id])
                self._recreate_if_deserted()
            case other:
                raise AssertionError(f"unexpected opcode {other}")

    def commit(self, user_id: int, payload: bytes) -> None:
        """Opcode 28: the first valid commit of an epoch wins, the others are dropped."""
        first = not self.service.is_established
        try:
            commit = self.service.commit(user_id, payload)
        except DaveError as error:
            self.dropped.append(str(error))
            return
        self.winners[self.members[user_id].kind] += 1
        keys = Keys(self._group, commit.epoch)
        concerned = {user for user in [*commit.staying, *commit.joining] if user in self.members}
        self._sharers[keys] = {self.members[user] for user in concerned}
        transition_id = 0 if first and self.first_at_once else self._new_transition(concerned)
        announcement = Down(29, commit.announcement(transition_id), transition=transition_id, keys=keys)
        for staying in commit.staying:
            self._send(staying, self._corrupt(staying, announcement))
        for joining, welcome in commit.welcomes(transition_id):
            self._send(joining, self._corrupt(joining, Down(30, welcome, transition=transition_id, keys=keys)))
        sole = self.service.sole_member
        if sole is not None:
            self.service.reset()
            self._group += 1
            self._send(sole, Down(24, version=1))
            self._send(sole, Down(21, transition=0, version=1, keys=ALONE))

    def _corrupt(self, user_id: int, message: Down) -> Down:
        left = self.tamper.get((user_id, message.op), 0)
        if not left:
            return message
        self.tamper[user_id, message.op] = left - 1
        payload = message.payload[:-1] + bytes([message.payload[-1] ^ 1])
        return Down(message.op, payload, transition=message.transition, keys=message.keys)

    def _new_transition(self, users: set[int]) -> int:
        self._next_transition += 1
        self._transitions[self._next_transition] = Transition(set(users), set(users))
        return self._next_transition

    def _execute_if_ready(self, transition_id: int) -> None:
        if not self._transitions[transition_id].waiting and not self.hold_executes:
            self._execute(transition_id)

    def _execute(self, transition_id: int) -> None:
        for user_id in self._transitions.pop(transition_id).everyone:
            self._send(user_id, Down(22, transition=transition_id))

    # What must hold when all is calm.

    def assert_all_hear_all(self) -> None:
        """Everybody opens two frames of everybody; nothing is lost."""
        before = self.opened.total()
        for _ in range(2):
            self.speak_all()
        self.settle()
        count = len(self.members)
        heard = self.opened.total() - before
        wanted = 2 * count * (count - 1)
        assert heard == wanted, f"{heard} of {wanted} heard; {self.report()}"

    def assert_one_group(self, *, codes: bool = False) -> None:
        """One group, one privacy code, all hear all; ``codes`` compares the first one's verification codes too."""
        if len(self.members) > 1:
            assert sorted(self.service.members) == sorted(self.members)
            privacy = {member.privacy_code for member in self.members.values()}
            assert None not in privacy
            assert len(privacy) == 1
        if codes:
            first, *others = self.members.values()
            for other in {other.kind: other for other in others}.values():
                code = first.verification_code(other.user_id)
                assert code == other.verification_code(first.user_id)
                assert len(code) == 45
        self.assert_all_hear_all()

    def assert_nothing_lost(self) -> None:
        """Every frame was opened by all who had its keys, and isocord never used keys that others had yet to get."""
        assert not self.lost, self.report()
        if not self.first_at_once and not self.timeouts and not any(member.refused for member in self.members.values()):
            assert not [sender for sender, _ in self.ahead if sender == "ours"], self.report()

    def report(self) -> str:
        return (
            f"opened {dict(self.opened)}, lost {dict(self.lost)}, ahead {dict(self.ahead)}, "
            f"unshared {dict(self.unshared)}, timeouts {self.timeouts}, muted {dict(self.muted)}, "
            f"winners {dict(self.winners)}"
        )


def call_of(kinds: list[str], seed: int = 0, *, talk: float = 0.0, first_at_once: bool = False) -> Call:
    """A call that the users 1, 2, ... of these kinds have joined, one after the other."""
    call = Call(seed, talk=talk, first_at_once=first_at_once)
    for user_id, kind in enumerate(kinds, 1):
        call.join(user_id, kind)
        call.settle()
    return call
