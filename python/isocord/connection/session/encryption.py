"""End-to-end encryption (DAVE) of one voice session, on the gateway thread.

The MLS group lives in the native :class:`~isocord._native.DaveSession`, which hands its keys straight to the native
threads; here the gateway's messages go in, and what the session wants said goes out.

A message about the group costs the more the more members it has: a thread beside takes those in, so that heartbeats
are not held up, and whatever comes meanwhile waits its turn. Proposals that wait together are answered together. What
else is brief is taken in at once: to hand it over and back takes longer, most of all where others compute in Python.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial

from ... import _native
from ...gateway.protocol.messages import (
    ClientDisconnect,
    ClientsConnect,
    ExecuteTransition,
    MlsMessage,
    Op,
    PrepareEpoch,
    PrepareTransition,
    SessionDescription,
)
from ...runtime.log import GuildLog
from ...runtime.values import Record
from ...runtime.worker import Done, Job

MAX_DAVE_VERSION = 1
"""Highest DAVE protocol version that Identify offers."""
_INVALID_COMMIT_WELCOME = 31
_MAX_REFUSED = 5
"""Commits or welcomes refused in a row: a new group each time does not help then, a new voice session may."""
_MAX_WAITING = 4096
_MAX_WAITING_BYTES = 8 << 20
"""What may wait, for the session to be established or for what came before: more than a call has users. The group is
lost with the first message that is not taken in, so then the session is replaced."""

_OtherMessage = (
    SessionDescription | PrepareTransition | ExecuteTransition | PrepareEpoch | ClientsConnect | ClientDisconnect
)
Message = MlsMessage | _OtherMessage


class Phase(Enum):
    """Whether a message can be taken in."""

    WAITING = "the session is not established yet"
    READY = "the next one is taken in at once"
    BUSY = "the one before is still being taken in"
    OVER = "no more are"


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
        failed: told, with the reason, when only another voice session can help.
        work: does a job elsewhere and calls back, on this thread, with what it raised or None.
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
        failed: Callable[[str], object],
        work: Callable[[Job, Done], None],
        log: GuildLog,
    ) -> None:
        self._session = _native.DaveSession(native, user_id, channel_id)
        self._send = send
        self._changed = changed
        self._failed = failed
        self._elsewhere = work
        self._log = log
        self._refused = 0
        self._phase = Phase.WAITING
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self.state: EncryptionState = EncryptionState()

    def start(self, version: int) -> None:
        """The transport keys are in place, and the call has this protocol version (opcode 4).

        Until then nothing can leave, and what came meanwhile has waited.
        """
        if self._phase is Phase.WAITING:
            self._phase = Phase.READY
            self._do(self._session.session_description(version))
            self._go_on()

    def take(self, message: Message) -> None:
        """A message of the voice gateway."""
        if self._phase is Phase.OVER:
            return
        self._waiting_bytes += _size(message)
        if len(self._waiting) >= _MAX_WAITING or self._waiting_bytes > _MAX_WAITING_BYTES:
            self.close()
            self._failed("more messages of the end-to-end encryption came than could be taken in")
            return
        self._waiting.append(message)
        self._go_on()

    def close(self) -> None:
        """Another session takes its place: nothing is said any more, and no key handed on."""
        self._phase = Phase.OVER
        self._waiting.clear()

    def verification_code(self, user_id: int) -> str | None:
        """See :meth:`isocord.VoiceClient.verification_code`; from any thread."""
        return self._session.verification_code(user_id)

    def _go_on(self) -> None:
        """Take in what waits, as far as that is this thread's."""
        while self._phase is Phase.READY and self._waiting:
            message = self._waiting.popleft()
            self._waiting_bytes -= _size(message)
            if isinstance(message, MlsMessage):
                # Proposals never: those that come meanwhile are answered together.
                if message.op != Op.MLS_PROPOSALS and self._session.is_brief(message.op, message.payload):
                    self._do(self._session.binary(message.op, message.payload))
                    continue
                self._phase = Phase.BUSY
                more = any(isinstance(other, MlsMessage) for other in self._waiting)
                take_in = partial(self._session.take_in, message.op, message.payload, more=more)
                self._elsewhere(take_in, self._worked)
            else:
                self._do(self._take(message))

    def _worked(self, error: BaseException | None) -> None:
        if self._phase is Phase.OVER:
            return
        self._phase = Phase.READY
        if error is not None:
            raise error
        self._do(self._session.outputs())
        self._go_on()

    def _take(self, message: _OtherMessage) -> list[_native.DaveOutput]:
        match message:
            case SessionDescription():
                # Each one asks for a new key package (whitepaper, "Key Packages"): the server adds us anew.
                return self._session.session_description(message.dave_version)
            case PrepareTransition():
                return self._session.prepare_transition(message.transition_id, message.protocol_version)
            case ExecuteTransition():
                return self._session.execute_transition(message.transition_id)
            case PrepareEpoch():
                return self._session.prepare_epoch(message.epoch, message.protocol_version)
            case ClientsConnect():
                # Only who is in the call may be a member of the group.
                return self._session.clients_connect(message.user_ids)
            case ClientDisconnect():
                return self._session.client_disconnect(message.user_id)

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
            self._failed("the call's group was refused again and again")


def _size(message: Message) -> int:
    """Roughly, in bytes."""
    match message:
        case MlsMessage():
            return len(message.payload)
        case ClientsConnect():
            return 32 * len(message.user_ids)
        case _:
            return 0
