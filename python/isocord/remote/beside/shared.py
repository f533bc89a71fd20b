"""What plays at a media node where code of the bot's plays there as well: who plays last takes the others' place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ... import _native
from ...playing.barge_in import BargeIn
from ...playing.manners import Manners
from ...playing.player import Player
from ...runtime.log import GuildLog
from ..line import Line
from ..messages import TrackIsOver
from ..playing import RelayedPlayer


class OwnPlayer(Player):
    """Plays what code at the node wants; made by :meth:`SharedPlayer.own`."""

    @property
    def begins(self) -> bool:
        """Whether something plays that the native side has not been told of."""
        current = self._current
        return current is not None and current.is_playing() and current.feed is not self._applied


class SharedPlayer(RelayedPlayer):
    """Plays what the bot sends, and what code at the node plays; on the gateway thread, unless said otherwise."""

    def __init__(self, native: _native.Connection, line: Line) -> None:
        super().__init__(native, line)
        self._own: list[OwnPlayer] = []

    def own(self, sync: Callable[[], None], loop: asyncio.AbstractEventLoop, log: GuildLog) -> OwnPlayer:
        """A player for code at the node; from any thread.

        Args:
            sync: has the gateway thread tell the server, and then call :meth:`apply`.
            loop: that the code runs on.
            log: where failures are told.
        """
        player = OwnPlayer(self._native, sync, loop=loop, manners=Manners(), log=log)
        self._own = [*self._own, player]
        return player

    def disown(self, player: OwnPlayer) -> None:
        """It plays no more; from any thread."""
        player.stop()
        player.close()
        self._own = [one for one in self._own if one is not player]

    @property
    def sounding(self) -> bool:
        """Whether something plays and is not held."""
        return super().sounding or any(player.sounding for player in self._own)

    @property
    def has_frames(self) -> bool:
        """Whether something plays and is not held, and frames of it wait to leave."""
        return super().has_frames or any(player.has_frames for player in self._own)

    def apply(self) -> None:
        """The server knows: start what is wanted, or let it go on."""
        for player in self._own:
            if player.begins:
                self._stop_own(player)
                self._stop_the_bots()
        super().apply()
        for player in self._own:
            player.apply()

    def play(self, number: int, barge_in: BargeIn | None, *, held: bool) -> None:
        """Play a track of the bot's in the place of what plays."""
        if held and any(player.sounding for player in self._own):
            # It comes back over another link, and what plays here by now took its place meanwhile.
            self._forget_unbegun(number)
            return
        self._stop_own(None)
        super().play(number, barge_in, held=held)

    def settle(self) -> None:
        """A track is over."""
        super().settle()
        for player in self._own:
            player.track_ended()

    def close(self) -> None:
        """The seat is given up, and the native connection closed."""
        super().close()
        for player in self._own:
            player.close()
            player.finish_all()

    def _stop_own(self, but: OwnPlayer | None) -> None:
        for player in self._own:
            if player is not but:
                player.stop()

    def _stop_the_bots(self) -> None:
        if self._wanted is not None and self._wanted != self._applied:
            self._forget_unbegun(self._wanted)
        self.stop()

    def _forget_unbegun(self, number: int) -> None:
        """It has not begun, so nothing else will tell of its end."""
        if (relayed := self._tracks.pop(number, None)) is not None:
            self._line.send(TrackIsOver(self._line.seat, number, "replaced", *relayed.counts, None, None))
