"""What a bot and a media node say to each other: plain values, which pickle.

Each message belongs to a seat, which is one voice connection on the node, or to the link itself. What may follow what:
:class:`Seat` before anything else of that seat; a track and a listener are made before they are named again. Within a
link everything comes in the order in which it was said, and nothing before the bytes of ``greeting.py``.
"""

from __future__ import annotations

from typing import Any

from ..connection.decisions.actions import Target
from ..connection.session.encryption import EncryptionState
from ..connection.session.session import SessionInfo
from ..connection.states import ChannelEvent, Reason
from ..gateway.protocol.close_codes import CloseVerdict
from ..runtime.values import Record

MOST_KEEP = 600.0
"""Seconds for which a seat waits for another process of its bot."""


class Message(Record):
    """What both ends say to each other."""


class Beat(Message):
    """Somebody is there who has nothing else to say."""


class Seek(Message):
    """Which seats of a bot's wait for it here? ``ticket`` is told.

    Attributes:
        server_id: is there one of this guild that may be taken over, even if the node has not missed the bot yet?
    """

    ticket: int
    user_id: int
    server_id: int | None


class Waiting(Message):
    """Those seats: the channel and the generation of each, by guild."""

    ticket: int
    seats: dict[int, tuple[int, int]]


# A bot to its node.


class ToSeat(Message):
    """Something for one seat.

    Attributes:
        seat: its number on this link.
    """

    seat: int


class Seat(ToSeat):
    """A new connection, or one that takes its seat once more. Of two of one bot in one guild the one of the higher
    generation is valid.

    Attributes:
        keep: seconds for which it waits for another process of the bot, where this one goes without a word. A seat
            that waits so is taken over by it.
    """

    server_id: int
    user_id: int
    generation: int
    keep: float = 0.0


class Open(ToSeat):
    """See :meth:`isocord.connection.carrier.MediaHalf.open`.

    Attributes:
        turn: what news of this session bear; older ones are of no interest any more.
    """

    turn: int
    target: Target
    resume: bool


class Drop(ToSeat):
    """Close the websocket but keep the session."""

    turn: int
    code: int


class EndSession(ToSeat):
    """The session is over on the server."""


class Leave(ToSeat):
    """The connection is over."""


class Speak(ToSeat):
    """Set speaking flags; None of them announces a single packet. ``ticket`` is told when that is done."""

    flags: int | None
    ticket: int


class Packet(ToSeat):
    """Send a single packet now."""

    data: bytes


class Ask(ToSeat):
    """A question that is answered with ``ticket``."""

    ticket: int
    what: str
    about: tuple[Any, ...] = ()


class Track(ToSeat):
    """A track for what the bot reads."""

    track: int
    opus: bool
    options: dict[str, Any] | None
    lookahead: int


class Frames(ToSeat):
    """Frames of a track: Opus packets, or PCM in one piece."""

    track: int
    frames: tuple[bytes, ...]


class Made(ToSeat):
    """Opus packets of a track that is made by the bot: from number ``first`` on these, and no others.

    Attributes:
        rests: no frame is due where none waits.
        is_all: no more will come.
    """

    track: int
    first: int
    frames: tuple[bytes, ...]
    rests: bool
    is_all: bool


class FinishTrack(ToSeat):
    """No more frames will come."""

    track: int


class ForgetTrack(ToSeat):
    """Nobody asks for it any more."""

    track: int


class Configure(ToSeat):
    """Encode with these options from now on."""

    track: int
    options: dict[str, Any]


class Play(ToSeat):
    """Play a track in the place of what plays; one that is held takes the place of nothing that sounds."""

    track: int
    barge_in: tuple[float, frozenset[int], bool] | None
    held: bool


class Stop(ToSeat):
    """End what plays."""


class Pause(ToSeat):
    """Hold what plays."""


class Resume(ToSeat):
    """Let what is held go on."""


class Listen(ToSeat):
    """Send what users say; ``utterances`` cuts it."""

    listener: int
    utterances: bool
    shape: dict[str, Any]


class Unlisten(ToSeat):
    """Send no more of it."""

    listener: int


# A node to its bot.


class Figures(Record):
    """What is counted of a connection.

    Attributes:
        stats: see :class:`isocord._native.Stats`.
        latencies: of the last heartbeats, in seconds.
        counters: messages of the voice gateway.
        seq_ack: number of the last numbered one.
    """

    stats: dict[str, Any]
    latencies: tuple[float, ...]
    counters: dict[str, int]
    seq_ack: int


class Received(Record):
    """What came.

    Attributes:
        stats: see :class:`isocord._native.ReceiveStats`.
    """

    stats: dict[str, Any]


class FromSeat(Message):
    """News of one seat."""

    seat: int


class Seated(FromSeat):
    """The seat is there.

    Attributes:
        position: where the node's clock is now, on which what is heard is placed, in samples of 48 kHz.
        counts: a number that no other seat of any node has; what is counted is of that seat.
    """

    position: int
    counts: int


class NoSeat(FromSeat):
    """Another process of the bot has it."""


class IsEstablished(FromSeat):
    """Packets can leave."""

    turn: int
    resumed: bool
    info: SessionInfo | None


class IsLost(FromSeat):
    """The websocket is gone, or the session of no use."""

    turn: int
    verdict: CloseVerdict
    reason: Reason
    resumable: bool


class Happened(FromSeat):
    """Something happened to others in the channel."""

    event: ChannelEvent


class EncryptionIs(FromSeat):
    """The end-to-end encryption has another version or privacy code."""

    state: EncryptionState


class Answer(FromSeat):
    """To a ticket: a value, or why there is none. Ticket 0 is nobody's: figures that come unasked."""

    ticket: int
    value: Any = None
    error: Exception | None = None


class Progress(FromSeat):
    """How far a track is: frames that have left, slots without a frame, and whether more frames leave one by one.

    Attributes:
        late: frames that came when their turn was over, since the last word.
    """

    track: int
    sent: int
    underruns: int
    moves: bool
    late: int


class TrackIsOver(FromSeat):
    """How a track ended."""

    track: int
    end: str
    sent: int
    underruns: int
    error: Exception | None
    interrupted: tuple[int, int, float, float] | None


class Heard(FromSeat):
    """What users said."""

    listener: int
    items: tuple[Any, ...]
    dropped: int
    late: int


class GoElsewhere(FromSeat):
    """Have another node carry this connection: this one is about to end."""


class ListenerIsOver(FromSeat):
    """No more comes; ``error`` is why it could not begin."""

    listener: int
    error: Exception | None = None
