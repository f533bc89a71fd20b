"""What each close code of the voice gateway asks for.

Source: Discord's "Opcodes and Status Codes", voice close event codes.
"""

from __future__ import annotations

import enum

from ...runtime.values import Record


class CloseAction(enum.Enum):
    """What to do after the websocket closed."""

    RESUME = "resume"
    """Open a new socket and resume; sound goes on meanwhile."""
    REJOIN = "rejoin"
    """Ask the bot's gateway for a new session, without leaving the channel."""
    AWAIT_SERVER = "await server"
    """Wait, bounded, for a voice server update; then give up."""
    DISCONNECT = "disconnect"
    """The end was meant."""
    REFUSE = "refuse"
    """Trying again cannot help."""


class CloseVerdict(Record):
    """A close code, what to do about it, and what it means to a person."""

    action: CloseAction
    code: int | None
    meaning: str


_MEANINGS: dict[int, tuple[CloseAction, str]] = {
    1000: (CloseAction.DISCONNECT, "the voice server closed the connection normally"),
    4001: (CloseAction.REJOIN, "the voice server did not know an opcode"),
    4002: (CloseAction.REJOIN, "the voice server could not read a message"),
    4003: (CloseAction.REJOIN, "a message came before the authentication"),
    4004: (
        CloseAction.REFUSE,
        "the voice server did not accept the token; connect anew and make sure that only one process uses this bot",
    ),
    4005: (CloseAction.REJOIN, "the session was authenticated twice"),
    4006: (CloseAction.REJOIN, "the voice session is no longer valid"),
    4009: (CloseAction.REJOIN, "the voice session timed out"),
    4011: (CloseAction.REJOIN, "the voice server was not found"),
    4012: (CloseAction.REFUSE, "the voice server did not know the protocol; update isocord"),
    4014: (CloseAction.AWAIT_SERVER, "the bot was disconnected from the channel, or the channel was deleted"),
    4015: (CloseAction.RESUME, "the voice server crashed"),
    4016: (CloseAction.REFUSE, "the voice server did not know the encryption mode; update isocord"),
    4017: (
        CloseAction.REFUSE,
        "this call requires end-to-end encryption (DAVE), which this connection did not offer; update isocord",
    ),
    4020: (CloseAction.REJOIN, "the voice server found a request malformed"),
    4021: (CloseAction.REFUSE, "the bot was disconnected for going over a rate limit; wait before connecting again"),
    4022: (CloseAction.AWAIT_SERVER, "the call was ended for everyone"),
}


def classify(code: int | None) -> CloseVerdict:
    """Say what a close code asks for; None means that the socket broke without a close frame.

    Codes under 4000 other than 1000 are faults of the way to the server: resume. Unknown codes
    from 4000 on get a new session, because a resume of an unknown state may be refused again and again.
    """
    if code is None:
        return CloseVerdict(CloseAction.RESUME, None, "the connection to the voice server broke")
    known = _MEANINGS.get(code)
    if known is not None:
        return CloseVerdict(known[0], code, known[1])
    if code <= 4000:
        return CloseVerdict(CloseAction.RESUME, code, "the connection to the voice server broke")
    return CloseVerdict(CloseAction.REJOIN, code, "the voice server closed the connection for an unknown reason")
