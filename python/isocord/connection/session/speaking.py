"""Tells the voice server that we speak before the first packet leaves, and that we are silent after the last one.

Discord wants Speaking (opcode 5) once before the first packet of a session. Everything here runs on the gateway thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import Any, Protocol

from ...playing.player import Player
from ...runtime.thread import GatewayThread
from .session import SPEAKING_LIMIT, VoiceSession

VOICE = 1
_SILENCE_TIME = 0.12
"""The five silence frames after a track take a tenth of a second; Speaking goes off after them."""
_PACKET_TIME = 1.0
"""How long the bot counts as speaking after a single packet: more may follow."""


class Surroundings(Protocol):
    """What a speaker needs of the sessions that it speaks in."""

    def enter(self, function: Callable[..., object], *args: Any) -> None: ...
    @property
    def session(self) -> VoiceSession | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def can_resume(self) -> bool: ...


class Speaker:
    """Keeps the server's idea of our speaking in step with the player, and then the player in step with it.

    Args:
        thread: the gateway thread.
        player: what starts and ends sound.
        connection: whose session counts.
    """

    def __init__(self, thread: GatewayThread, player: Player, connection: Surroundings) -> None:
        self._thread = thread
        self._player = player
        self._connection = connection
        self._manual_flags = 0
        self._packets = False
        self._packet_timer: asyncio.TimerHandle | None = None
        self.last_packet: float = 0.0
        """When the bot last sent a single packet, by the loop's clock; written by any thread."""
        self._writing = False
        self._again = False
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._overdue_timer: asyncio.TimerHandle | None = None

    @property
    def wanted_flags(self) -> int:
        """Voice while the player sounds or single packets leave, and what the bot asked for itself."""
        return (VOICE if self._player.sounding or self._packets else 0) | self._manual_flags

    def close(self) -> None:
        """Stop the timers."""
        for timer in (self._quiet_timer, self._overdue_timer, self._packet_timer):
            if timer is not None:
                timer.cancel()

    def set_manual(self, flags: int, done: concurrent.futures.Future[None]) -> None:
        """Set the flags that hold while the player is silent; ``done`` is done when the server was told."""
        self._manual_flags = flags
        self._thread.spawn(self._tell(done), name="isocord-speak")

    def announce_packet(self, done: concurrent.futures.Future[None]) -> None:
        """A single packet is about to leave; ``done`` is done when the server was told."""
        self._packets = True
        self._thread.spawn(self._tell(done), name="isocord-speak")
        if self._packet_timer is None:
            self._packet_timer = self._later(_PACKET_TIME, self._after_packets)

    def _after_packets(self) -> None:
        loop = self._thread.loop
        due = self.last_packet + _PACKET_TIME
        if loop.time() < due:
            self._packet_timer = self._later(due - loop.time(), self._after_packets)
            return
        self._packet_timer, self._packets = None, False
        self.sync()

    def sync(self) -> None:
        """Something changed: tell the server first, then let the player go on."""
        if self._connection.closed:
            return
        if self._writing:
            self._again = True
            return
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
            self._quiet_timer = None
        session = self._connection.session
        flags = self.wanted_flags
        known = session.protocol.speaking_flags if session is not None else 0
        if session is not None and flags & ~known:
            if session.speak(flags):
                self._writing = True
                self._thread.spawn(self._apply_when_written(session), name="isocord-speak")
                return
            if self._connection.can_resume:
                # The websocket is away while packets could leave: it gets a moment to come back.
                if self._overdue_timer is None:
                    self._overdue_timer = self._later(SPEAKING_LIMIT, self._apply)
                return
        elif flags != known:
            self._quiet_timer = self._later(_SILENCE_TIME, self._fall_quiet)
        self._apply()

    async def _tell(self, done: concurrent.futures.Future[None]) -> None:
        try:
            session = self._connection.session
            if session is not None and session.speak(self.wanted_flags):
                await session.flush(SPEAKING_LIMIT)
        finally:
            done.set_result(None)

    async def _apply_when_written(self, session: VoiceSession) -> None:
        try:
            await session.flush(SPEAKING_LIMIT)
        finally:
            self._writing = False
        self._connection.enter(self._written)

    def _written(self) -> None:
        self._apply()
        if self._again:
            self._again = False
            self.sync()

    def _later(self, delay: float, function: Callable[[], None]) -> asyncio.TimerHandle:
        return self._thread.loop.call_later(delay, self._connection.enter, function)

    def _apply(self) -> None:
        if self._overdue_timer is not None:
            self._overdue_timer.cancel()
            self._overdue_timer = None
        self._player.apply()

    def _fall_quiet(self) -> None:
        self._quiet_timer = None
        session = self._connection.session
        if session is not None:
            session.speak(self.wanted_flags)
