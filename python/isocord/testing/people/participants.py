"""Scripted participants: users in a call without sockets of their own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ..dave.dave import CLIENT_OPCODES, FrameCrypto, PlainFrames
from ..dave.member import DaveMember, MakeMember, Message, NativeMember, grouped
from ..ground.opcodes import VoiceOp
from ..ground.payloads import Json
from ..ground.world import Reference, User, VoiceState
from ..voice.call import Call
from ..wire.rtp import MediaPacket

T = TypeVar("T")

_SIGNALS_KEPT = 10_000
_COMMIT_PATIENCE = 0.1
"""Seconds that a scripted participant's commit waits, so that the client under test wins if it commits at all."""
_LONGEST_PATIENCE = 2.0
"""Seconds that it waits for the key packages of all, where a new group is made: one without the client under test would
leave it deaf, for no other reason than a busy machine."""


class Stage(Protocol):
    """What a participant needs of the fake Discord; every method may be called from any thread."""

    def on_server(self, function: Callable[[], T]) -> T:
        """Run ``function`` on the server's thread and give its result."""

    def find_user(self, reference: Reference) -> User: ...

    def bot_user(self) -> User: ...

    def leave_call(self, participant: Participant) -> None: ...

    def voice_state_of(self, participant: Participant) -> VoiceState | None: ...


class Participant:
    """A user who is in a call; the base of :class:`Listener` and :class:`Speaker`.

    Attributes:
        user: who it is.
        ssrc: its SSRC in this call.
        signals: the voice gateway messages it got, as (opcode, body); the newest 10,000.
        max_dave_version: the DAVE protocol version that it can do; 0 for none, which takes the whole call down to 0.
        member: its side of DAVE, None without.
        is_unencrypted: whether what it says goes out without end-to-end encryption nevertheless.
    """

    is_scripted = True

    def __init__(
        self,
        user: User,
        ssrc: int,
        stage: Stage,
        *,
        max_dave_version: int = 1,
        make_member: MakeMember = NativeMember,
    ) -> None:
        self.user = user
        self.user_id: int = user.id
        self.ssrc = ssrc
        self.speaking = 0
        self.call: Call | None = None
        self.signals: deque[tuple[VoiceOp, Any]] = deque(maxlen=_SIGNALS_KEPT)
        self.max_dave_version = max_dave_version
        self.member: DaveMember | None = None
        self.is_unencrypted = False
        self._make_member = make_member
        self._answers: list[Message] = []
        self._held_commit: asyncio.TimerHandle | None = None
        self._joined = False
        self._stage = stage

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.user.name} ssrc={self.ssrc}>"

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def voice_state(self) -> VoiceState | None:
        """The participant's voice state, None once it has left."""
        return self._stage.voice_state_of(self)

    @property
    def frames(self) -> FrameCrypto:
        """Its end-to-end encryption of frames."""
        return self.member or _PLAIN

    @property
    def privacy_code(self) -> str | None:
        """The call's privacy code as this participant sees it: 30 digits in groups of five; None without a group."""
        return grouped(self.member.privacy_code) if self.member is not None else None

    def leave(self) -> None:
        """Leave the call; idempotent."""
        self._stage.leave_call(self)

    def attach(self, call: Call) -> None:
        """Enter ``call``; on the server's thread."""
        self.detach()
        self.call = call
        if self.max_dave_version > 0:
            self.member = self._make_member(self.user_id, call.channel_id)
        version = call.delivery.version_for(self.max_dave_version)
        self._take(VoiceOp.SESSION_DESCRIPTION, {"dave_protocol_version": version})
        call.join(self)
        self._joined = True
        self._answer()

    def detach(self) -> None:
        """Leave the present call; on the server's thread."""
        call, self.call = self.call, None
        self._joined = False
        self._answers.clear()
        if self._held_commit is not None:
            self._held_commit.cancel()
        if call is not None:
            call.leave(self)

    def deliver(self, packet: MediaPacket) -> None:
        return None

    def signal(self, op: VoiceOp, data: Json) -> None:
        self.signals.append((op, data))
        self._take(op, data)

    def signal_binary(self, op: VoiceOp, payload: bytes) -> None:
        self.signals.append((op, payload))
        self._take(op, payload)

    def _take(self, op: VoiceOp, body: Json | bytes) -> None:
        if self.member is not None:
            self._answers.extend(self.member.take(op, body))
            self._answer()

    def _answer(self) -> None:
        """Send what the member has to say; before it is in the call, that waits."""
        while self._joined and self._answers and self.call is not None:
            op, body = self._answers.pop(0)
            others = self.call.members.values()
            if op is VoiceOp.DAVE_COMMIT_WELCOME and not all(other.is_scripted for other in others):
                self._hold_commit(body)
            elif op in CLIENT_OPCODES:
                self.call.delivery.received(self, op, body)

    def _hold_commit(self, body: bytes) -> None:
        if self._held_commit is not None:
            self._held_commit.cancel()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_PATIENCE
        self._held_commit = loop.call_later(_COMMIT_PATIENCE, self._commit, body, deadline)

    def _commit(self, body: bytes, deadline: float) -> None:
        if not self._joined or self.call is None:
            return
        loop = asyncio.get_running_loop()
        if self.call.delivery.is_gathering and loop.time() < deadline:
            # The key package that is waited for brings another commit, in place of this one.
            self._held_commit = loop.call_later(_COMMIT_PATIENCE, self._commit, body, deadline)
            return
        self.call.delivery.received(self, VoiceOp.DAVE_COMMIT_WELCOME, body)


_PLAIN = PlainFrames()
