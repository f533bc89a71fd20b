"""What plays at a media node: the tracks of one seat, fed over the link; on the gateway thread."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from .. import _native
from ..errors import IsocordError
from ..playing.barge_in import BargeIn
from . import messages as said
from .line import Line

_MOST_TRACKS = 64
_TICK = 0.05
"""Seconds between two looks at how far tracks are."""
_WORD = 0.4
"""Seconds after which a track that goes on as clocks do is told of all the same."""
_FRAME = 0.02


class _Relayed:
    """A track of frames from a source in Python, and those that it has no room for yet: it takes some, is about to
    encode them, and takes more."""

    def __init__(self, track: _native.Track, *, opus: bool, lookahead: int) -> None:
        self.track = track
        self.lookahead = lookahead
        self._opus = opus
        self._waiting: deque[bytes] = deque()
        self._finished = False
        self._come = self._late = 0
        self._told: tuple[int, int] = (0, 0)
        self._told_at: float | None = None
        self.is_made = False

    def take(self, message: said.Frames | said.Made) -> None:
        """More have come; a bot that sends more than it was told there is room for loses them."""
        if isinstance(message, said.Made):
            # It is told what to have, whatever it has.
            self.is_made = True
            self._waiting.clear()
            frames = message.frames[: self.lookahead]
            # What takes the place of the very next one came just in time: the bot is to leave more as it is.
            is_near = message.first < self._come and message.first == self.track.frames_sent
            late = self.track.rewrite_opus(message.first, frames, rests=message.rests, is_all=message.is_all)
            self._late += max(late, is_near)
            self._come = message.first + len(frames)
            return
        room = max(0, self.lookahead - (self._come - self.track.frames_sent))
        self._waiting.extend(message.frames[:room])
        self._come += min(len(message.frames), room)
        self.feed()

    def finish(self) -> None:
        """No more come."""
        self._finished = True
        self.feed()

    def feed(self) -> None:
        """Have the track take what it has room for."""
        while self._waiting and (room := self.track.wait_room(0.0)):
            some = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            if self._opus:
                self.track.write_opus(some)
            else:
                self.track.write_pcm(b"".join(some))
        if self._finished and not self._waiting:
            self.track.finish()

    @property
    def counts(self) -> tuple[int, int]:
        """Frames that have left, and slots without one."""
        return (self.track.frames_sent, self.track.underruns)

    def news(self, now: float) -> tuple[int, int, bool, int] | None:
        """Frames that have left, slots without one, whether more frames leave one by one, and how many came late; None
        if the bot knows: where they go on leaving as it was told, it counts by itself."""
        sent, underruns = self.counts
        before = self._told[0]
        moves = sent > before and self.moves
        if (sent, underruns) == self._told and self._told_at is None:
            return None
        if self._told_at is not None and moves and underruns == self._told[1] and not self._late:
            since = now - self._told_at
            # Whoever has the frames of a source in Python waits for word of room for more.
            is_enough = self.is_made or sent - before < self.lookahead / 4
            if since < _WORD and is_enough and abs(sent - before - since / _FRAME) <= 1.5:
                return None
        self._told, self._told_at = (sent, underruns), now if moves else None
        late, self._late = self._late, 0
        return (sent, underruns, moves, late)

    def begins(self, now: float) -> tuple[int, int, bool, int]:
        """The same, as it begins to leave."""
        self._told_at = now
        return (*self._told, True, 0)

    @property
    def moves(self) -> bool:
        """Whether frames are here that are going to leave."""
        return self.track.end is None and self.track.frames_sent < self._come


class RelayedPlayer:
    """Plays what the bot's own player wants; to what carries the sound it is a player.

    Args:
        native: the connection's native side.
        line: to the bot.
    """

    def __init__(self, native: _native.Connection, line: Line) -> None:
        self._native = native
        self._line = line
        self._tracks: dict[int, _Relayed] = {}
        self._wanted: int | None = None
        self._applied: int | None = None
        self._barge_in: BargeIn | None = None
        self._paused = self._applied_pause = False
        self._timer: asyncio.TimerHandle | None = None

    # What carries the sound asks for.

    @property
    def sounding(self) -> bool:
        """Whether something plays and is not held."""
        return self._playing() is not None and not self._paused

    @property
    def has_frames(self) -> bool:
        """Whether something plays and is not held, and frames of it wait to leave."""
        playing = self._playing()
        return playing is not None and not self._paused and playing.track.waiting > 0

    def apply(self) -> None:
        """The server knows: start what is wanted, or let it go on."""
        playing = self._playing()
        if playing is None or self._paused:
            return
        if self._wanted is not None and self._applied != self._wanted:
            self._native.play(playing.track, self._barge_in)
            self._applied, self._applied_pause = self._wanted, False
            self._line.send(said.Progress(self._line.seat, self._applied, *playing.begins(time.monotonic())))
        if self._applied_pause:
            self._native.resume()
            self._applied_pause = False

    # What the bot asks for.

    def begin(self, message: said.Track) -> None:
        """A track that frames will come for."""
        if message.track in self._tracks:
            return
        if len(self._tracks) >= _MOST_TRACKS:
            full = IsocordError(f"{_MOST_TRACKS} tracks wait already")
            self._line.send(said.TrackIsOver(self._line.seat, message.track, "failed", 0, 0, full, None))
            return
        options = None if message.options is None else _native.EncoderOptions(**message.options)
        make = _native.Track
        track = (
            make.opus(lookahead=message.lookahead) if message.opus else make.pcm(options, lookahead=message.lookahead)
        )
        self._tracks[message.track] = _Relayed(track, opus=message.opus, lookahead=message.lookahead)

    def write(self, message: said.Frames | said.Made) -> None:
        """Frames of it."""
        if (relayed := self._tracks.get(message.track)) is not None:
            relayed.take(message)
            self._arm()

    def finish(self, number: int) -> None:
        """No more come."""
        if (relayed := self._tracks.get(number)) is not None:
            relayed.finish()
            self._settle(number, relayed)
            self._arm()

    def forget(self, number: int) -> None:
        """Nobody asks for it any more."""
        if number != self._applied:
            self._tracks.pop(number, None)

    def configure(self, number: int, options: _native.EncoderOptions) -> None:
        """Encode with these from now on."""
        if (relayed := self._tracks.get(number)) is not None:
            relayed.track.configure(options)

    def play(self, number: int, barge_in: BargeIn | None, *, held: bool) -> None:
        """Play it in the place of what plays."""
        if number in self._tracks:
            if number != self._wanted:
                self._drop_wanted()
            self._wanted, self._barge_in, self._paused = number, barge_in, held

    def stop(self) -> None:
        """End what plays."""
        self._drop_wanted()
        if self._applied is not None:
            self._native.stop()
        self._wanted = self._applied = None

    def _drop_wanted(self) -> None:
        """What was to play and has not begun never will: nothing would tell of its end."""
        if self._wanted is not None and self._wanted != self._applied:
            self._tracks.pop(self._wanted, None)

    def pause(self) -> None:
        """Hold what plays."""
        self._paused = True
        playing = self._playing()
        # One that the bot makes runs dry where the bot wants it to.
        if playing is not None and not playing.is_made and self._applied is not None and not self._applied_pause:
            self._native.pause()
            self._applied_pause = True

    def resume(self) -> None:
        """Let what is held go on."""
        self._paused = False
        self._arm()

    # What happens.

    def settle(self) -> None:
        """A track is over."""
        for number, relayed in list(self._tracks.items()):
            self._settle(number, relayed)

    def _settle(self, number: int, relayed: _Relayed) -> None:
        track = relayed.track
        if track.end is None:
            return
        del self._tracks[number]
        if self._applied == number:
            self._applied = None
        self._line.send(
            said.TrackIsOver(self._line.seat, number, track.end, *relayed.counts, track.error, track.interrupted)
        )

    def begin_anew(self) -> None:
        """The bot is gone, and what it had sent as well: it comes back with all that it does not know to have left, or
        another process of it comes, which knows nothing of that."""
        self.stop()
        self._tracks.clear()
        self._paused = self._applied_pause = False

    def close(self) -> None:
        """The seat is given up."""
        self._tracks.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _playing(self) -> _Relayed | None:
        relayed = self._tracks.get(self._wanted) if self._wanted is not None else None
        return relayed if relayed is not None and relayed.track.end is None else None

    def _arm(self) -> None:
        if self._timer is None:
            shallow = min((one.lookahead for one in self._tracks.values()), default=1)
            delay = min(_TICK, max(0.01, shallow * 0.02 / 4))
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        """Tell how far tracks are; while none moves, nothing is told."""
        self._timer = None
        for relayed in self._tracks.values():
            relayed.feed()
        self._tell()
        playing = self._playing()
        runs = not self._paused or (playing is not None and playing.is_made)
        if runs and any(relayed.moves for relayed in self._tracks.values()):
            self._arm()

    def _tell(self) -> None:
        now = time.monotonic()
        for number, relayed in self._tracks.items():
            if (news := relayed.news(now)) is not None:
                self._line.send(said.Progress(self._line.seat, number, *news))
