"""What a connection flow asks its caller to do; see :mod:`isocord.flow`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A voice session to connect to."""

    session_id: str = field(repr=False)
    token: str = field(repr=False)
    endpoint: str


@dataclass(frozen=True, slots=True)
class SendVoiceState:
    """Send opcode 4 on the bot's gateway; None leaves the channel."""

    channel_id: int | None


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Open a websocket to ``target``, in place of the present one if there is one.

    With ``resume`` the voice session is kept, and resumed if it was established.
    """

    target: Target
    resume: bool


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the present websocket, if there is one."""

    code: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The connection is over for good; its state says why."""


Action = SendVoiceState | OpenSocket | CloseSocket | Finish
