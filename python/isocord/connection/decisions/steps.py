"""What a voice connection does at which step, as one table.

A row is something that happens, a column is what the connection waits for, a cell is what the connection does then:
a method of :class:`~isocord.connection.decisions.flow.ConnectionFlow`, which has an underscore in front of the name.

- ``-``: nothing is to be done; it may well happen.
- ``no``: it means nothing there, and changes nothing; it is counted in ``refused``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ..states import ConnectionState, Reason


class Step(enum.Enum):
    """What the connection is waiting for. All but START, ESTABLISHED and DONE have a deadline."""

    START = "the call of start"
    JOINING = "voice state and server update"
    HANDSHAKING = "the handshake on an open or opening websocket"
    ESTABLISHED = "nothing"
    RESUMING = "the resume on an open or opening websocket"
    RETRYING = "the time of the next attempt"
    AWAITING_SERVER = "a voice server update"
    DONE = "nothing, ever"


class Happening(enum.Enum):
    """What a connection learns of."""

    START = "the bot connects"
    MOVE = "the bot goes to another channel"
    STOP = "the bot ends the connection"
    REJOIN = "the bot's gateway has a new session"
    HOLD = "the bot's gateway is away"
    SENT = "a voice state was written, or never will be"
    JOINED = "Discord says that the bot is in a channel"
    LEFT = "Discord says that the bot is in no channel"
    MAYBE_LEFT = "the same, but it may tell of an earlier client's leave"
    SERVER = "Discord tells a voice server"
    SERVER_GONE = "Discord looks for another voice server"
    ESTABLISHED = "the voice session has its keys"
    RESUMED = "the voice session was resumed"
    LOST = "the websocket or its session is lost"
    TIMEOUT = "the deadline of the step has come"


_TABLE = """
             START  JOINING      HANDSHAKING  ESTABLISHED  RESUMING     RETRYING     AWAITING_SERVER  DONE
START        begin  no           no           no           no           no           no               -
MOVE         aim    aim_ask      aim_ask      ask          aim_ask      aim_ask      aim_ask          -
STOP         finish finish       finish       finish       finish       finish       finish           -
REJOIN       no     ask_anew     ask_anew     ask_anew     ask_anew     ask_anew     join_anew        -
HOLD         -      wait_more    -            -            -            -            wait_more        -
SENT         no     count_sent   count_sent   count_sent   count_sent   count_sent   count_sent       -
JOINED       no     place        place        place        place        place        place            -
LEFT         no     leave        leave        leave        leave        leave        leave            -
MAYBE_LEFT   no     doubt        doubt        doubt        doubt        doubt        doubt            -
SERVER       no     take_server  take_server  take_server  take_server  take_server  take_server      -
SERVER_GONE  no     lack_server  lose_server  lose_server  lose_server  lose_server  lose_server      -
ESTABLISHED  no     no           settle       no           no           no           no               no
RESUMED      no     no           no           no           settle       no           no               no
LOST         no     -            fail         fail_late    fail         -            -                -
TIMEOUT      no     join_again   give_up_try  no           give_up_try  try_again    give_up          no
"""


def _read(table: str) -> Mapping[Happening, Mapping[Step, str]]:
    header, *rows = table.strip().splitlines()
    steps = [Step[name] for name in header.split()]
    read = {}
    for row in rows:
        happening, *cells = row.split()
        read[Happening[happening]] = dict(zip(steps, cells, strict=True))
    return read


NOTHING, REFUSED = "-", "no"
TRANSITIONS = _read(_TABLE)
"""For each happening and step the name of what is done; ``-`` and ``no`` as above."""


def waited_for(step: Step, state: ConnectionState, *, joined: bool) -> str:
    """What did not come in time, in words for people; ``joined`` if Discord said that the bot is in a channel."""
    if step is Step.JOINING and not joined:
        return "Discord did not answer the join; may the bot see and enter the channel?"
    if step in (Step.JOINING, Step.AWAITING_SERVER):
        return "Discord sent no voice server update"
    if state.reason is Reason.NODE_LOST and state.detail:
        # There is nothing yet that could speak with the voice server.
        return state.detail
    return "the voice server did not finish the handshake"
