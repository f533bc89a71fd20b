"""End-to-end encryption (DAVE) of one voice session, on the gateway thread.

The MLS group lives in the native :class:`~isocord._native.DaveSession`, which hands its keys straight to the native
threads; here the gateway's messages go in, and what the session wants said goes out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from ... import _native
from ...gateway.protocol.messages import (
    DaveEvent,
    ExecuteTransition,
    MlsMessage,
    PrepareEpoch,
    PrepareTransition,
    SessionDescription,
)
from ...runtime.log import GuildLog
from ...runtime.values import Record

MAX_DAVE_VERSION = 1
"""Highest DAVE protocol version that Identify offers."""
_INVALID_COMMIT_WELCOME = 31
_MAX_REFUSED = 5
"""Commits or welcomes refused in a row: a new group each time does not help then, a new voice session may."""
_MAX_WAITING = 256
"""Messages that may come before the session is established; far more than there can be."""


class EncryptionState(Record):
    """What the client shows of the encryption.

    Attributes:
        version: DAVE protocol version in force; 0 is transport encryption only.
        privacy_code: 30 digits that every member of the call sees, None while there is no group with others.
    """

    version: int = 0
    privacy_code: str | None = None


class Encryption:
    """The DAVE session of one voice session.

    Args:
        native: the connection whose packets are encrypted.
        user_id: the bot.
        channel_id: the voice channel.
        send: writes a message to the voice gateway.
        changed: told when :attr:`state` has changed.
        failed: told when the group could not be joined again and again.
        log: where its notices go.
    """

    def __init__(
        self,
        native: _native.Connection,
        *,
        user_id: int,
        channel_id: int,
        send: Callable[[str | bytes], None],
        changed: Callable[[], None],
        failed: Callable[[], object],
        log: GuildLog,
    ) -> None:
        self._session = _native.DaveSession(native, user_id, channel_id)
        self._send = send
        self._changed = changed
        self._failed = failed
        self._log = log
        self._refused = 0
        self._started = False
        self._waiting: list[DaveEvent] = []
        self.state: EncryptionState = EncryptionState()

    def start(self, version: int) -> None:
        """The transport keys are in place, and the call has this protocol version (opcode 4).

        Until then nothing can leave, and what came meanwhile has waited.
        """
        self._started = True
        self._do(self._session.session_description(version))
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self.take(event)

    def take(self, event: DaveEvent) -> None:
        """A message of the voice gateway."""
        if not self._started:
            if len(self._waiting) < _MAX_WAITING:
                self._waiting.append(event)
            return
        match event:
            case SessionDescription():
                # Each one asks for a new key package (whitepaper, "Key Packages"): the server adds us anew.
                outputs = self._session.session_description(event.dave_version)
            case PrepareTransition():
                outputs = self._session.prepare_transition(event.transition_id, event.protocol_version)
            case ExecuteTransition():
                outputs = self._session.execute_transition(event.transition_id)
            case PrepareEpoch():
                outputs = self._session.prepare_epoch(event.epoch, event.protocol_version)
            case MlsMessage():
                outputs = self._session.binary(event.op, event.payload)
        self._do(outputs)

    def users_connected(self, user_ids: tuple[int, ...]) -> None:
        """Users are in the call (opcode 11): only they may be members of the group."""
        self._do(self._session.clients_connect(user_ids))

    def user_disconnected(self, user_id: int) -> None:
        """A user has left the call (opcode 13)."""
        self._do(self._session.client_disconnect(user_id))

    def verification_code(self, user_id: int) -> str | None:
        """See :meth:`isocord.VoiceClient.verification_code`; from any thread."""
        return self._session.verification_code(user_id)

    def _do(self, outputs: list[_native.DaveOutput]) -> None:
        before = self.state
        for output in outputs:
            match output:
                case str():
                    self._send(output)
                    self._refused += json.loads(output)["op"] == _INVALID_COMMIT_WELCOME
                case bytes():
                    self._send(output)
                case _native.PrivacyCodeChanged():
                    self._refused = 0
                    self.state = EncryptionState(self.state.version, output.code)
                case _native.DaveVersionChanged():
                    self.state = EncryptionState(output.version, self.state.privacy_code)
                case _native.DaveNotice():
                    self._log.repeated(logging.INFO, "End-to-end encryption: %s", output.text)
        if self.state != before:
            self._changed()
        if self._refused >= _MAX_REFUSED:
            self._refused = 0
            self._failed()
