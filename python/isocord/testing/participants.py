"""Scripted participants: users in a call without sockets of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .dave import FrameCrypto, PlainFrames
from .opcodes import VoiceOp
from .payloads import Json
from .rtp import MediaPacket
from .world import Reference, User, VoiceState

if TYPE_CHECKING:
    from .call import Call

T = TypeVar("T")

_SIGNALS_KEPT = 10_000


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
        frames: its end-to-end encryption; none in a call of DAVE version 0.
    """

    def __init__(self, user: User, ssrc: int, stage: Stage) -> None:
        self.user = user
        self.user_id = user.id
        self.ssrc = ssrc
        self.speaking = 0
        self.call: Call | None = None
        self.signals: deque[tuple[VoiceOp, Any]] = deque(maxlen=_SIGNALS_KEPT)
        self.frames: FrameCrypto = PlainFrames()
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

    def leave(self) -> None:
        """Leave the call; idempotent."""
        self._stage.leave_call(self)

    def attach(self, call: Call) -> None:
        """Enter ``call``; on the server's thread."""
        self.detach()
        self.call = call
        call.join(self)

    def detach(self) -> None:
        """Leave the present call; on the server's thread."""
        call, self.call = self.call, None
        if call is not None:
            call.leave(self)

    def deliver(self, packet: MediaPacket) -> None:
        return None

    def signal(self, op: VoiceOp, data: Json) -> None:
        self.signals.append((op, data))

    def signal_binary(self, op: VoiceOp, payload: bytes) -> None:
        self.signals.append((op, payload))
