"""Independent implementations of DAVE as members of a call: ``davey``, and ``dave.py``, which is Discord's libdave."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from isocord.testing import VoiceOp

davey = pytest.importorskip("davey")
try:
    import dave
except ImportError:
    # It is there in wheels only, and not for every Python: what needs it is left out.
    dave = None

PLAIN, SILENCE = 0, b"\xf8\xff\xfe"
Message = tuple[VoiceOp, Any]


class _Witness:
    """What both have in common: which messages answer which."""

    def __init__(self, user_id: int, channel_id: int) -> None:
        self.user_id, self.channel_id = user_id, channel_id
        self.users = {user_id}
        self.version = PLAIN
        self.pending: dict[int, int] = {}
        self.failures: list[str] = []

    def take(self, op: VoiceOp, body: Any) -> list[Message]:
        if op is VoiceOp.CLIENTS_CONNECT:
            self.users.update(map(int, body["user_ids"]))
        elif op is VoiceOp.CLIENT_DISCONNECT:
            self.users.discard(int(body["user_id"]))
        elif op is VoiceOp.SESSION_DESCRIPTION:
            return self._enter(body["dave_protocol_version"])
        elif op is VoiceOp.DAVE_PREPARE_EPOCH and body["epoch"] == 1:
            return self._new_group(body["protocol_version"])
        elif op is VoiceOp.DAVE_PREPARE_TRANSITION:
            return self._prepare(body["transition_id"], body["protocol_version"])
        elif op is VoiceOp.DAVE_EXECUTE_TRANSITION:
            self._execute(self.pending.pop(body["transition_id"], self.version))
        elif op is VoiceOp.DAVE_EXTERNAL_SENDER:
            self.external_sender(body)
        elif op is VoiceOp.DAVE_PROPOSALS:
            commit = self.proposals(body)
            return [(VoiceOp.DAVE_COMMIT_WELCOME, commit)] if commit else []
        elif op in (VoiceOp.DAVE_ANNOUNCE_COMMIT, VoiceOp.DAVE_WELCOME):
            (transition_id,) = struct.unpack_from(">H", body)
            taken = self.commit(body[2:]) if op is VoiceOp.DAVE_ANNOUNCE_COMMIT else self.welcome(body[2:])
            if taken is None:
                return []
            if taken:
                return self._prepare(transition_id, 1)
            flag = (VoiceOp.DAVE_INVALID_COMMIT, {"transition_id": transition_id})
            return [flag, *self._new_group(1)]
        return []

    def _enter(self, version: int) -> list[Message]:
        self.version = version
        return self._new_group(version) if version else []

    def _new_group(self, version: int) -> list[Message]:
        return [(VoiceOp.DAVE_KEY_PACKAGE, self.key_package(version))]

    def _prepare(self, transition_id: int, version: int) -> list[Message]:
        self.prepare(version)
        if not transition_id:
            self._execute(version)
            return []
        self.pending[transition_id] = version
        return [(VoiceOp.DAVE_TRANSITION_READY, {"transition_id": transition_id})]

    def _execute(self, version: int) -> None:
        self.version = version
        self.execute(version)

    def key_package(self, version: int) -> bytes:
        raise NotImplementedError

    def external_sender(self, payload: bytes) -> None:
        raise NotImplementedError

    def proposals(self, payload: bytes) -> bytes | None:
        raise NotImplementedError

    def commit(self, payload: bytes) -> bool | None:
        """Whether it was taken; None if it is to be ignored."""
        raise NotImplementedError

    def welcome(self, payload: bytes) -> bool | None:
        raise NotImplementedError

    def prepare(self, version: int) -> None:
        raise NotImplementedError

    def execute(self, version: int) -> None:
        raise NotImplementedError


class DaveyMember(_Witness):
    """The library that py-cord 2.8 and discord.py 2.7 speak DAVE with."""

    def __init__(self, user_id: int, channel_id: int) -> None:
        super().__init__(user_id, channel_id)
        self.session = davey.DaveSession(1, user_id, channel_id)

    @property
    def privacy_code(self) -> str | None:
        return self.session.voice_privacy_code or None

    def key_package(self, version: int) -> bytes:
        self.session.reinit(version, self.user_id, self.channel_id)
        return self.session.get_serialized_key_package()

    def external_sender(self, payload: bytes) -> None:
        self.session.set_external_sender(payload)

    def proposals(self, payload: bytes) -> bytes | None:
        kind = davey.ProposalsOperationType.revoke if payload[0] else davey.ProposalsOperationType.append
        try:
            made = self.session.process_proposals(kind, payload[1:], sorted(self.users))
        except Exception as error:
            self.failures.append(repr(error))
            return None
        return made.commit + (made.welcome or b"") if made else None

    def commit(self, payload: bytes) -> bool | None:
        return self._try(self.session.process_commit, payload)

    def welcome(self, payload: bytes) -> bool | None:
        return self._try(self.session.process_welcome, payload)

    def _try(self, take: Any, payload: bytes) -> bool:
        try:
            take(payload)
        except Exception as error:
            self.failures.append(repr(error))
            return False
        return True

    def prepare(self, version: int) -> None:
        self.session.set_passthrough_mode(not version, 10)

    def execute(self, version: int) -> None:
        return None

    def seal(self, opus: bytes) -> bytes | None:
        if self.version == PLAIN:
            return opus
        return self.session.encrypt_opus(opus) if self.session.ready else None

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        if frame == SILENCE:
            return frame
        try:
            return self.session.decrypt(user_id, davey.MediaType.audio, frame)
        except Exception as error:
            self.failures.append(repr(error))
            return frame if self.version == PLAIN else None


class LibdaveMember(_Witness):
    """Discord's own library."""

    def __init__(self, user_id: int, channel_id: int) -> None:
        pytest.importorskip("dave")
        super().__init__(user_id, channel_id)
        self.session = dave.Session(lambda source, reason: self.failures.append(f"{source}: {reason}"))
        self.key = dave.SignatureKeyPair.generate(1)
        self.encryptor = dave.Encryptor()
        self.encryptor.assign_ssrc_to_codec(1, dave.Codec.opus)
        self.decryptors: dict[int, Any] = {}

    @property
    def privacy_code(self) -> str | None:
        secret = self.session.get_last_epoch_authenticator()
        return dave.generate_displayable_code(secret, 30, 5) if secret else None

    def key_package(self, version: int) -> bytes:
        self.session.init(version, self.channel_id, str(self.user_id), self.key)
        package = self.session.get_marshalled_key_package()
        assert package is not None
        return package

    def external_sender(self, payload: bytes) -> None:
        self.session.set_external_sender(payload)

    def proposals(self, payload: bytes) -> bytes | None:
        return self.session.process_proposals(payload, set(map(str, self.users)))

    def commit(self, payload: bytes) -> bool | None:
        result = self.session.process_commit(payload)
        if result is dave.RejectType.ignored:
            return None
        return result is not dave.RejectType.failed

    def welcome(self, payload: bytes) -> bool | None:
        return self.session.process_welcome(payload, set(map(str, self.users))) is not None

    def prepare(self, version: int) -> None:
        for user_id in self.users - {self.user_id}:
            decryptor = self.decryptors.setdefault(user_id, dave.Decryptor())
            ratchet = self.session.get_key_ratchet(str(user_id)) if version else None
            if ratchet is not None:
                decryptor.transition_to_key_ratchet(ratchet)
            decryptor.transition_to_passthrough_mode(not version)

    def execute(self, version: int) -> None:
        self.encryptor.set_passthrough_mode(not version)
        if version:
            self.encryptor.set_key_ratchet(self.session.get_key_ratchet(str(self.user_id)))

    def seal(self, opus: bytes) -> bytes | None:
        if self.version != PLAIN and not self.encryptor.has_key_ratchet():
            return None
        return self.encryptor.encrypt(dave.MediaType.audio, 1, opus)

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        decryptor = self.decryptors.get(user_id)
        return decryptor.decrypt(dave.MediaType.audio, frame) if decryptor is not None else None
