"""Members of an encrypted call by others: davey and libdave (dave.py)."""

from __future__ import annotations

import asyncio
import logging
from typing import TypeAlias

import pytest

from .dave_members import ALONE, CHANNEL, PLAIN, SILENCE, Down, Keys, Member, Ours, Up

davey = pytest.importorskip("davey")
try:
    import dave
except ImportError:
    # It is there in wheels only, and not for every Python: what needs it is left out.
    dave = None

MARKER = b"\xfa\xfa"

# libdave logs an error for each frame that it cannot open, and here some are meant to be.
logging.getLogger("dave").setLevel(logging.CRITICAL)


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
        pytest.importorskip("dave")
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
