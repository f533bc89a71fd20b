"""Members of an encrypted call behind one interface, and the first kind of them: isocord's."""

from __future__ import annotations

import json
from dataclasses import dataclass

from isocord import _native
from isocord.errors import DaveError

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
    """A member by isocord."""

    kind = "ours"

    def __init__(self, user_id: int) -> None:
        super().__init__(user_id)
        self.session = _native.DaveSession(None, user_id, CHANNEL)
        self.notices: list[str] = []
        self.codes: list[str | None] = []

    def has_entered(self, message: Down, answers: list[Up]) -> bool:
        ready = any(answer == Up(23, transition=message.transition) for answer in answers)
        return ready if message.transition else super().has_entered(message, answers)

    def handle(self, message: Down) -> list[Up]:
        session = self.session
        match message.op:
            case 4:
                outputs = session.session_description(message.version)
            case 11:
                outputs = session.clients_connect(message.users)
            case 13:
                outputs = [output for user in message.users for output in session.client_disconnect(user)]
            case 21:
                outputs = session.prepare_transition(message.transition, message.version)
            case 22:
                outputs = session.execute_transition(message.transition)
            case 24:
                outputs = session.prepare_epoch(1, message.version)
            case _:
                outputs = session.binary(message.op, message.payload)
        return [up for output in outputs if (up := self._up(output)) is not None]

    def _up(self, output: _native.DaveOutput) -> Up | None:
        if isinstance(output, bytes):
            return Up(output[0], output[1:])
        if isinstance(output, str):
            text = json.loads(output)
            return Up(text["op"], transition=text["d"]["transition_id"])
        if isinstance(output, _native.PrivacyCodeChanged):
            self.codes.append(output.code)
        elif isinstance(output, _native.DaveNotice):
            self.notices.append(output.text)
        return None

    @property
    def epoch(self) -> int | None:
        return self.session.epoch

    @property
    def privacy_code(self) -> str | None:
        return self.session.privacy_code

    def seal(self, frame: bytes) -> bytes | None:
        try:
            return self.session.seal(frame)
        except DaveError:
            return None

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        try:
            return self.session.open(user_id, frame)
        except DaveError:
            return None

    def verification_code(self, user_id: int) -> str:
        code = self.session.verification_code(user_id)
        assert code is not None
        return code
