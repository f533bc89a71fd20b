"""What a connection flow asks its caller to do; see :mod:`isocord.connection.decisions.flow`."""

from __future__ import annotations

from ...runtime.values import Record, secret


class Target(Record):
    """A voice session to connect to."""

    session_id: str = secret()
    token: str = secret()
    endpoint: str
    channel_id: int


class SendVoiceState(Record):
    """Send opcode 4 on the bot's gateway; None leaves the channel."""

    channel_id: int | None


class OpenSocket(Record):
    """Open a websocket to ``target``, in place of the present one if there is one.

    With ``resume`` the voice session is kept, and resumed if it was established.
    """

    target: Target
    resume: bool


class CloseSocket(Record):
    """Close the present websocket, if there is one."""

    code: int


class Finish(Record):
    """The connection is over for good; its state says why."""


Action = SendVoiceState | OpenSocket | CloseSocket | Finish
