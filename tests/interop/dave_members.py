"""Members of an encrypted call behind one interface, and the first kind of them: isocord's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isocord.testing import NativeMember, VoiceOp

CHANNEL = 927_310_423_890_473_011
SILENCE = b"\xf8\xff\xfe"


@dataclass(frozen=True, order=True)
class Keys:
    """Names the keys of one epoch of one of the call's groups; only the tests know them by name."""

    group: int
    epoch: int


PLAIN = Keys(0, 0)
"""No keys: transport encryption only."""

ALONE = Keys(-1, 0)
"""The keys of a local group, which nobody else has."""


@dataclass(frozen=True)
class Down:
    """A message of the gateway. ``keys`` is a note for the tests, which no member's library sees."""

    op: int
    payload: bytes = b""
    users: tuple[int, ...] = ()
    transition: int = 0
    version: int = 0
    keys: Keys = PLAIN


@dataclass(frozen=True)
class Up:
    """A message to the gateway: opcodes 23 and 31 have a transition id, 26 and 28 a payload."""

    op: int
    payload: bytes = b""
    transition: int = 0


class Member:
    """What all kinds have in common: who is in the call, and which keys they use as seen from outside."""

    kind = ""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.users = {user_id}
        self.known: set[Keys] = set()
        self.sealing: Keys | None = None
        self.newest = ALONE
        self.plain_passes = False
        self.version = 0
        self.refused: list[int] = []
        self._pending: dict[int, Keys] = {}

    def receive(self, message: Down) -> list[Up]:
        """Handle one message of the gateway."""
        if message.op == 4:
            self.version = message.version
            self.plain_passes = message.version == 0
            self.sealing = PLAIN if message.version == 0 else None
        elif message.op == 11:
            self.users.update(message.users)
        elif message.op == 13:
            self.users.difference_update(message.users)
        elif message.op == 21 and message.version == 0:
            self.plain_passes = True
        answers = self.handle(message)
        if message.op in (29, 30) and self.has_entered(message, answers):
            self.known.add(message.keys)
            self.newest = message.keys
            self.prepared(message.transition, message.keys)
        elif message.op == 21:
            self.prepared(message.transition, PLAIN if message.version == 0 else self.newest)
        elif message.op == 22 and message.transition in self._pending:
            self.executed(self._pending.pop(message.transition))
        self.refused += [answer.transition for answer in answers if answer.op == 31]
        return answers

    def has_entered(self, message: Down, answers: list[Up]) -> bool:
        """Whether the commit or welcome has been taken."""
        return self.epoch == message.keys.epoch and all(answer.op != 31 for answer in answers)

    def prepared(self, transition: int, keys: Keys) -> None:
        if transition == 0:
            self.executed(keys)
        else:
            self._pending[transition] = keys

    def executed(self, keys: Keys) -> None:
        self.sealing = keys
        self.version = 0 if keys == PLAIN else 1

    def should_open(self, user_id: int, keys: Keys | None) -> bool:
        """Whether a frame under these keys has to be opened: they are known here."""
        return self.plain_passes if keys == PLAIN else keys in self.known

    @property
    def epoch(self) -> int | None:
        raise NotImplementedError

    @property
    def privacy_code(self) -> str | None:
        raise NotImplementedError

    def handle(self, message: Down) -> list[Up]:
        raise NotImplementedError

    def seal(self, frame: bytes) -> bytes | None:
        """The sealed frame; None from one who has no key."""
        raise NotImplementedError

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        """The opened frame; None if it cannot be opened."""
        raise NotImplementedError

    def sealed(self, frame: bytes) -> bytes:
        """The sealed frame of one who has a key."""
        sealed = self.seal(frame)
        assert sealed is not None, (self.kind, self.user_id)
        return sealed

    def verification_code(self, user_id: int) -> str:
        raise NotImplementedError


class Ours(Member):
    """A member by isocord: the one that takes part in the calls of the fake Discord."""

    kind = "ours"

    def __init__(self, user_id: int) -> None:
        super().__init__(user_id)
        self.native = NativeMember(user_id, CHANNEL)

    def has_entered(self, message: Down, answers: list[Up]) -> bool:
        ready = any(answer == Up(23, transition=message.transition) for answer in answers)
        return ready if message.transition else super().has_entered(message, answers)

    def handle(self, message: Down) -> list[Up]:
        answers = [answer for body in _bodies(message) for answer in self.native.take(VoiceOp(message.op), body)]
        return [
            Up(op, body) if isinstance(body, bytes) else Up(op, transition=body["transition_id"])
            for op, body in answers
        ]

    @property
    def epoch(self) -> int | None:
        return self.native.session.epoch

    @property
    def privacy_code(self) -> str | None:
        return self.native.privacy_code

    def seal(self, frame: bytes) -> bytes | None:
        return self.native.seal(frame)

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        return self.native.open(user_id, frame)

    def verification_code(self, user_id: int) -> str:
        code = self.native.session.verification_code(user_id)
        assert code is not None
        return code


def _bodies(message: Down) -> list[Any]:
    """What the gateway says: JSON, or bytes."""
    match message.op:
        case 4:
            return [{"dave_protocol_version": message.version}]
        case 11:
            return [{"user_ids": message.users}]
        case 13:
            return [{"user_id": user} for user in message.users]
        case 21 | 22:
            return [{"transition_id": message.transition, "protocol_version": message.version}]
        case 24:
            return [{"epoch": 1, "protocol_version": message.version}]
        case _:
            return [message.payload]
