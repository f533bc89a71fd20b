"""A scripted participant's own end-to-end encryption, fed with the voice gateway's messages as a client would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from ... import _native
from ...errors import DaveError
from ..ground.opcodes import VoiceOp
from .dave import FrameCrypto

Message = tuple[VoiceOp, Any]
"""An opcode and its body: JSON, or bytes where the opcode is a binary one."""


class DaveMember(FrameCrypto, Protocol):
    """One participant's side of DAVE.

    Give ``make_member=`` to ``listen`` or ``speak`` to put another implementation in the place of isocord's.
    """

    @property
    def privacy_code(self) -> str | None:
        """30 digits, in groups or not; None without a group of several."""

    def take(self, op: VoiceOp, body: Any) -> list[Message]:
        """A message of the voice gateway: opcode 4, 11, 13, 21, 22, 24 (JSON) or 25, 27, 29, 30 (bytes).

        Returns:
            What the member sends in return, opcodes 23, 26, 28 and 31.
        """


MakeMember = Callable[[int, int], DaveMember]
"""Makes the member of a user id in the call of a channel id."""


class NativeMember:
    """A member with isocord's own DAVE session.

    Attributes:
        notices: what the session refused or ignored, as text.
    """

    def __init__(self, user_id: int, channel_id: int) -> None:
        self.session: _native.DaveSession = _native.DaveSession(None, user_id, channel_id)
        self.notices: list[str] = []

    @property
    def privacy_code(self) -> str | None:
        return self.session.privacy_code

    def take(self, op: VoiceOp, body: Any) -> list[Message]:
        messages: list[Message] = []
        for output in self._feed(op, body):
            if isinstance(output, bytes):
                messages.append((VoiceOp(output[0]), output[1:]))
            elif isinstance(output, str):
                message = json.loads(output)
                messages.append((VoiceOp(message["op"]), message["d"]))
            elif isinstance(output, _native.DaveNotice):
                self.notices.append(output.text)
        return messages

    def seal(self, opus: bytes) -> bytes | None:
        try:
            return self.session.seal(opus)
        except DaveError:
            return None

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        try:
            return self.session.open(user_id, frame)
        except DaveError:
            return None

    def _feed(self, op: VoiceOp, body: Any) -> list[_native.DaveOutput]:
        session = self.session
        outputs: list[_native.DaveOutput] = []
        match op:
            case VoiceOp.SESSION_DESCRIPTION:
                outputs = session.session_description(body["dave_protocol_version"])
            case VoiceOp.CLIENTS_CONNECT:
                outputs = session.clients_connect([int(user_id) for user_id in body["user_ids"]])
            case VoiceOp.CLIENT_DISCONNECT:
                outputs = session.client_disconnect(int(body["user_id"]))
            case VoiceOp.DAVE_PREPARE_TRANSITION:
                outputs = session.prepare_transition(body["transition_id"], body["protocol_version"])
            case VoiceOp.DAVE_EXECUTE_TRANSITION:
                outputs = session.execute_transition(body["transition_id"])
            case VoiceOp.DAVE_PREPARE_EPOCH:
                outputs = session.prepare_epoch(body["epoch"], body["protocol_version"])
            case _ if isinstance(body, bytes):
                outputs = session.binary(op, body)
        return outputs


def grouped(code: str | None) -> str | None:
    """A displayable code in groups of five digits."""
    if code is None:
        return None
    digits = "".join(code.split())
    return " ".join(digits[at : at + 5] for at in range(0, len(digits), 5))
