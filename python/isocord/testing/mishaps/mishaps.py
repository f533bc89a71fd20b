"""What can go wrong with a bot's voice connection, as plain values: to be staged one by one, or as a script.

:meth:`FakeDiscord.stage` makes one happen, :meth:`FakeDiscord.rehearse` a script of them.

Example:
    >>> script = [(1.0, Mishap(MishapKind.WEBSOCKET_CUT)), (2.5, Mishap(MishapKind.WEBSOCKET_CLOSED, code=4006))]
    >>> len(random_script(200, seed=1))
    200
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


class MishapKind(enum.Enum):
    """Kinds of mishaps; the values say what happens."""

    WEBSOCKET_CUT = "the voice websocket breaks without a close frame; it can be resumed"
    WEBSOCKET_CLOSED = "the voice websocket is closed with a code"
    SESSION_FORGOTTEN = "the voice websocket breaks, and a Resume is refused with 4006"
    HEARTBEATS_UNANSWERED = "the voice gateway acknowledges no heartbeats for a while"
    SERVER_SILENT = "the voice server answers nothing for a while, neither on the websocket nor over UDP"
    GARBAGE = "the voice server sends datagrams and messages that make no sense"
    STRANGERS = "datagrams come from somebody who is not the voice server"
    UDP_BLACK_HOLE = "every datagram is lost in both directions for a while"
    UDP_PORT_CLOSED = "the voice server's UDP port is closed for a while, so that sending fails"
    ADDRESS_CHANGED = "the client's router gives it another port, and the voice server no longer knows it"
    KICKED = "a moderator disconnects the bot"
    MOVED = "a moderator moves the bot to another channel"
    SERVER_MIGRATED = "Discord moves the guild's voice to another server"
    ENDPOINT_GONE = "Discord takes the voice server away and names another one after a while"
    CHANNEL_DELETED = "a moderator deletes the channel"
    GATEWAY_CUT = "the bot's main gateway breaks; it can be resumed"
    GATEWAY_RECONNECT = "the bot's main gateway asks the bot to connect anew and resume (opcode 7)"
    GATEWAY_REPLACED = "the bot's main gateway session is invalid: the bot has to identify anew"
    API_RATE_LIMITED = "the API answers every request with 429 and a Retry-After for a while"
    KEYS_CHANGED = "somebody comes into the call and goes after a while: everybody gets other keys, twice"
    FRAMES_UNENCRYPTED = "what others say comes without end-to-end encryption for a while, in a call that has it"
    PACKETS_PADDED = "the voice server pads its packets for a while, as RTP allows (RFC 3550, 5.1)"
    STREAMS_UNKNOWN = "others speak with new SSRCs, and the voice gateway tells only after a while whose they are"
    SPOKEN_WHILE_JOINING = "the bot has to join anew while somebody speaks, from its first packet on"
    KEEPALIVES_LOST = "UDP keepalives and their answers are lost for a while, and nothing else"
    GROUP_MADE_ANEW = "the MLS group of the call's end-to-end encryption is made anew"
    TLS_REFUSED = "the guild's voice server refuses every TLS handshake for a while"
    CERTIFICATE_UNTRUSTED = "the guild's voice server shows a certificate that nobody has signed"


FINAL = frozenset({MishapKind.KICKED, MishapKind.CHANNEL_DELETED, MishapKind.CERTIFICATE_UNTRUSTED})
"""After these a voice client is expected to be disconnected; so is it after a close with one of :data:`FINAL_CODES`."""
FINAL_CODES = frozenset({1000, 4004, 4012, 4016, 4017, 4021})
"""Close codes after which trying again cannot help, or is not wanted."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """One thing that goes wrong.

    Attributes:
        kind: what.
        lasting: seconds until it is over, where the kind lasts "for a while".
        code: the close code of ``WEBSOCKET_CLOSED``.
        channel: id or name of the channel of ``MOVED``; another one of the guild without it.

    Raises:
        TypeError: ``kind`` is no :class:`MishapKind`, or the code or time is no number.
        ValueError: a close without a code, or a code or time that cannot be.
    """

    kind: MishapKind
    lasting: float = 1.0
    code: int | None = None
    channel: int | str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, MishapKind):
            raise TypeError(f"kind must be a MishapKind, e.g. MishapKind.KICKED, not {self.kind!r}")
        if not isinstance(self.lasting, int | float):
            raise TypeError(f"lasting must be a number of seconds, not {self.lasting!r}")
        if not isinstance(self.code, int | None):
            raise TypeError(f"code must be a close code, e.g. 4006, not {self.code!r}")
        if (self.kind is MishapKind.WEBSOCKET_CLOSED) != (self.code is not None):
            raise ValueError("a close has a code, and nothing else has")
        if self.code is not None and not 1000 <= self.code <= 4999:
            raise ValueError(f"{self.code} is no close code")
        if self.lasting < 0:
            raise ValueError("lasting is a number of seconds")

    def __str__(self) -> str:
        name = self.kind.name.lower().replace("_", " ")
        return f"{name} {self.code}" if self.code is not None else name

    @property
    def is_final(self) -> bool:
        """Whether a voice client is expected to be disconnected afterwards."""
        return self.kind in FINAL or self.code in FINAL_CODES


Script = Sequence[tuple[float, Mishap]]
"""Mishaps, each with its time in seconds from the start."""


def checked(mishap: Mishap) -> Mishap:
    """``mishap``, if it is one.

    Raises:
        TypeError: it is none; the message says what to give.
    """
    if not isinstance(mishap, Mishap):
        wanted = f"Mishap({mishap})" if isinstance(mishap, MishapKind) else "e.g. Mishap(MishapKind.KICKED)"
        raise TypeError(f"mishap must be a Mishap, {wanted}, not {mishap!r}")
    return mishap


def checked_script(script: Script) -> Script:
    """``script`` as a list, if it is one.

    Raises:
        TypeError: an entry is no pair of a time and a mishap; the message says what to give.
    """
    entries = list(script)
    for entry in entries:
        match entry:
            case (int() | float(), Mishap()):
                continue
        raise TypeError(
            f"a script has pairs, e.g. (1.5, Mishap(MishapKind.KICKED)): seconds and a Mishap, not {entry!r}"
        )
    return entries


SURVIVABLE: tuple[Mishap, ...] = (
    Mishap(MishapKind.WEBSOCKET_CUT),
    Mishap(MishapKind.WEBSOCKET_CLOSED, code=1001),
    Mishap(MishapKind.WEBSOCKET_CLOSED, code=4006),
    Mishap(MishapKind.WEBSOCKET_CLOSED, code=4009),
    Mishap(MishapKind.WEBSOCKET_CLOSED, code=4015),
    Mishap(MishapKind.SESSION_FORGOTTEN),
    Mishap(MishapKind.GARBAGE),
    Mishap(MishapKind.STRANGERS),
    Mishap(MishapKind.UDP_BLACK_HOLE, lasting=0.3),
    Mishap(MishapKind.UDP_PORT_CLOSED, lasting=0.2),
    Mishap(MishapKind.MOVED),
    Mishap(MishapKind.SERVER_MIGRATED),
    Mishap(MishapKind.ENDPOINT_GONE, lasting=0.3),
    Mishap(MishapKind.GATEWAY_CUT),
    Mishap(MishapKind.GATEWAY_RECONNECT),
    Mishap(MishapKind.GROUP_MADE_ANEW),
    Mishap(MishapKind.KEYS_CHANGED, lasting=0.5),
    Mishap(MishapKind.PACKETS_PADDED, lasting=0.5),
    Mishap(MishapKind.STREAMS_UNKNOWN, lasting=2.0),
    Mishap(MishapKind.KEEPALIVES_LOST, lasting=2.0),
)
"""Mishaps that are soon over and that a good client lives through; the stock of :func:`random_script`."""


def random_script(
    count: int, *, seed: int, among: Sequence[Mishap] = SURVIVABLE, apart: tuple[float, float] = (0.2, 1.0)
) -> list[tuple[float, Mishap]]:
    """A script of ``count`` random mishaps; the same seed gives the same script.

    Args:
        among: what to choose from.
        apart: the shortest and the longest time from one to the next, in seconds.
    """
    random = Random(seed)  # noqa: S311 - to be repeatable, not secret.
    script, now = [], 0.0
    for _ in range(count):
        now += random.uniform(*apart)
        script.append((now, random.choice(among)))
    return script
