"""Members of an encrypted call, three kinds behind one interface: isocord's, davey's and libdave's."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TypeAlias

import dave
import davey

from isocord import _native
from isocord.errors import DaveError

CHANNEL = 927_310_423_890_473_011
SILENCE = b"\xf8\xff\xfe"
MARKER = b"\xfa\xfa"

# libdave logs an error for each frame that it cannot open, and here some are meant to be.
logging.getLogger("dave").setLevel(logging.CRITICAL)


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


class Davey(Member):
    """A member by davey, driven as the bot libraries drive it."""

    kind = "davey"

    def __init__(self, user_id: int) -> None:
        super().__init__(user_id)
        self.session: davey.DaveSession | None = None
        self._sender = b""
        self._forgotten: set[tuple[int, Keys]] = set()

    def _start(self, version: int) -> list[Up]:
        # A session that starts anew forgets the others' keys and has none of its own.
        self.known.clear()
        if self.version > 0:
            self.sealing = None
        if self.session is None:
            self.session = davey.DaveSession(version, self.user_id, CHANNEL)
        else:
            self.session.reinit(version, self.user_id, CHANNEL)
        if self._sender:
            self.session.set_external_sender(self._sender)
        return [Up(26, self.session.get_serialized_key_package())]

    def prepared(self, transition: int, keys: Keys) -> None:
        super().prepared(transition, keys)
        if self.version > 0 and keys not in (PLAIN, ALONE):
            self.sealing = keys

    def executed(self, keys: Keys) -> None:
        was = self.version
        super().executed(keys)
        if keys != PLAIN and self.session is not None:
            # The own key is always that of the newest epoch.
            self.sealing = self.newest if self.session.ready else None
            if was == 0:
                self.session.set_passthrough_mode(True, 10)

    def handle(self, message: Down) -> list[Up]:
        session = self.session
        match message.op:
            case 4:
                return self._start(message.version) if message.version else []
            case 24:
                return self._start(message.version)
            case 25:
                # It must come once only: davey raises where it is in a group.
                self._sender = message.payload
                if session is not None:
                    session.set_external_sender(message.payload)
            case 21:
                if message.version == 0 and session is not None:
                    session.set_passthrough_mode(True, 10)
                return [Up(23, transition=message.transition)] if message.transition else []
            case 27 if session is not None:
                return self._proposals(session, message.payload)
            case 29 | 30 if session is not None:
                before = set(session.get_user_ids())
                try:
                    if message.op == 29:
                        session.process_commit(message.payload[2:])
                    else:
                        session.process_welcome(message.payload[2:])
                except ValueError:
                    return [Up(31, transition=message.transition), *self._start(1)]
                # davey drops at once all keys of one who is removed from the group.
                gone = before - set(session.get_user_ids())
                self._forgotten.update((int(user_id), keys) for user_id in gone for keys in self.known)
                return [Up(23, transition=message.transition)] if message.transition else []
        return []

    def should_open(self, user_id: int, keys: Keys | None) -> bool:
        return super().should_open(user_id, keys) and (user_id, keys) not in self._forgotten

    def _proposals(self, session: davey.DaveSession, payload: bytes) -> list[Up]:
        kind = davey.ProposalsOperationType.revoke if payload[0] else davey.ProposalsOperationType.append
        try:
            result = session.process_proposals(kind, payload[1:], list(self.users))
        except ValueError:
            return []
        return [] if result is None else [Up(28, result.commit + (result.welcome or b""))]

    @property
    def epoch(self) -> int | None:
        return None if self.session is None else self.session.epoch

    @property
    def privacy_code(self) -> str | None:
        code = None if self.session is None else self.session.voice_privacy_code
        return code or None

    def seal(self, frame: bytes) -> bytes | None:
        if self.sealing == PLAIN or frame == SILENCE:
            return frame
        if self.session is None or not self.session.ready:
            return None
        return self.session.encrypt_opus(frame)

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        if frame == SILENCE or (self.version == 0 and not frame.endswith(MARKER)):
            return frame
        if self.session is None:
            return None
        try:
            return self.session.decrypt(user_id, davey.MediaType.audio, frame)
        except ValueError:
            return None

    def verification_code(self, user_id: int) -> str:
        assert self.session is not None
        return self.session.get_verification_code(user_id)


_Ratchets: TypeAlias = "dict[int, dave.IKeyRatchet | None]"


class Libdave(Member):
    """A member by libdave, driven as its sample drives it."""

    kind = "libdave"
    SSRC = 7

    def __init__(self, user_id: int) -> None:
        super().__init__(user_id)
        self.session = dave.Session(None)
        self.encryptor = dave.Encryptor()
        self.encryptor.assign_ssrc_to_codec(self.SSRC, dave.Codec.opus)
        self._decryptors: dict[int, dave.Decryptor] = {}
        self._own: _Ratchets = {}
        self._entered: dict[int, list[int]] | None = None

    def _decryptor(self, user_id: int) -> dave.Decryptor:
        if user_id not in self._decryptors:
            decryptor = self._decryptors[user_id] = dave.Decryptor()
            if self.plain_passes:
                decryptor.transition_to_passthrough_mode(True)
        return self._decryptors[user_id]

    def _start(self, version: int) -> list[Up]:
        self.session.init(version, CHANNEL, str(self.user_id))
        key_package = self.session.get_marshalled_key_package()
        assert key_package is not None
        return [Up(26, key_package)]

    def has_entered(self, message: Down, answers: list[Up]) -> bool:
        return self._entered is not None

    def handle(self, message: Down) -> list[Up]:
        match message.op:
            case 4:
                if message.version:
                    return self._start(message.version)
                self.encryptor.set_passthrough_mode(True)
            case 13:
                for user_id in message.users:
                    self._decryptors.pop(user_id, None)
            case 24:
                return self._start(message.version)
            case 25:
                self.session.set_external_sender(message.payload)
            case 21:
                if message.version == 0:
                    for user_id in self.users - {self.user_id}:
                        self._decryptor(user_id).transition_to_passthrough_mode(True)
                    self._prepare(message.transition, None)
                return [Up(23, transition=message.transition)] if message.transition else []
            case 22 if message.transition in self._own:
                self._execute(self._own.pop(message.transition))
            case 27:
                commit = self.session.process_proposals(message.payload, {str(user) for user in self.users})
                return [] if commit is None else [Up(28, commit)]
            case 29 | 30:
                return self._enter(message)
        return []

    def _enter(self, message: Down) -> list[Up]:
        self._entered = None
        roster: dave.RejectType | dict[int, list[int]] | None
        if message.op == 29:
            roster = self.session.process_commit(message.payload[2:])
        else:
            roster = self.session.process_welcome(message.payload[2:], {str(user) for user in self.users})
        if roster is dave.RejectType.ignored:
            return []
        if not isinstance(roster, dict):
            return [Up(31, transition=message.transition), *self._start(1)]
        self._entered = roster
        for user_id in self.users - {self.user_id}:
            ratchet = self.session.get_key_ratchet(str(user_id))
            if ratchet is not None:
                decryptor = self._decryptor(user_id)
                decryptor.transition_to_key_ratchet(ratchet)
                decryptor.transition_to_passthrough_mode(False)
        self._prepare(message.transition, self.session.get_key_ratchet(str(self.user_id)))
        return [Up(23, transition=message.transition)] if message.transition else []

    def _prepare(self, transition: int, own: dave.IKeyRatchet | None) -> None:
        if transition == 0:
            self._execute(own)
        else:
            self._own[transition] = own

    def _execute(self, own: dave.IKeyRatchet | None) -> None:
        self.encryptor.set_passthrough_mode(own is None)
        if own is None:
            self.session.reset()
        else:
            self.encryptor.set_key_ratchet(own)

    @property
    def epoch(self) -> int | None:
        return None

    @property
    def privacy_code(self) -> str | None:
        authenticator = self.session.get_last_epoch_authenticator() if self.session.has_established_group() else None
        return dave.generate_displayable_code(authenticator, 30, 5) if authenticator else None

    def seal(self, frame: bytes) -> bytes | None:
        if not self.encryptor.is_passthrough_mode() and not self.encryptor.has_key_ratchet():
            return None
        return self.encryptor.encrypt(dave.MediaType.audio, self.SSRC, frame)

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        return self._decryptor(user_id).decrypt(dave.MediaType.audio, frame)

    def verification_code(self, user_id: int) -> str:
        async def fingerprint() -> bytes | None:
            return await self.session.get_pairwise_fingerprint(0, str(user_id))

        data = asyncio.run(fingerprint())
        assert data is not None
        return dave.generate_displayable_code(data, 45, 5)


KINDS: dict[str, type[Member]] = {kind.kind: kind for kind in (Ours, Davey, Libdave)}
