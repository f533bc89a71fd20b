"""A participant that hears: frames with arrival times, decoded sound, statistics."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Any

from ..ground.world import Reference, User
from ..voice.call import Call
from ..wire.opus import BYTES_PER_SAMPLE, CodecName, make_decoder
from ..wire.rtp import SAMPLE_RATE, SAMPLES_PER_FRAME, SILENCE_FRAME, MediaPacket
from .participants import Participant, Stage
from .sounds import write_wav

_NS = 1_000_000_000
_MAGIC = b"\xfa\xfa"
"""The end of every encrypted frame (whitepaper, "Magic Marker")."""
_NEWCOMER = 5.0
"""Seconds within which one who joins has its keys at the latest; what cannot be opened later is a fault."""
_JUMP = 5 * SAMPLE_RATE
_LONGEST_TRACK = 4 * 3600 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Arrival:
    """One voice packet as it arrived at the server.

    Attributes:
        time_ns: nanoseconds since 1970, from the kernel's receive timestamp where the platform has one.
        seq: RTP sequence number.
        timestamp: RTP timestamp, 48 kHz.
        ssrc: the sender's SSRC.
        size: bytes of the UDP datagram; 0 from a scripted speaker.
        opus: the Opus packet, or None if the frame could not be decrypted end to end.
        encrypted: whether it came encrypted end to end; silence frames may come as they are.
    """

    time_ns: int
    seq: int
    timestamp: int
    ssrc: int
    size: int
    opus: bytes | None
    encrypted: bool = False

    @property
    def is_silence(self) -> bool:
        """Whether it is Opus's silence frame, which announces a gap."""
        return self.opus == SILENCE_FRAME


@dataclass(frozen=True, slots=True)
class GapStatistics:
    """How evenly packets came, in seconds.

    Gaps that a silence frame announced are pauses and left out.

    Attributes:
        packets: how many came.
        rate: packets a second, over the time without pauses; 50 is due.
        p50, p99, longest: of the gaps between neighbours.
        off_p99: 99th percentile of ``|gap - 20 ms|``.
        over_40ms: gaps longer than 40 ms.
        lost: sequence numbers that never came.
        duplicates: packets that came again.
        reordered: packets that came after a later one.
        unopened: frames that could not be decrypted end to end.
    """

    packets: int
    rate: float
    p50: float
    p99: float
    longest: float
    off_p99: float
    over_40ms: int
    lost: int
    duplicates: int
    reordered: int
    unopened: int


class Listener(Participant):
    """Hears one user or everyone in a call.

    Args:
        only: the one user id to hear, or None for all.
        decoder: which Opus decoder to use for :meth:`pcm`.
        max_frames: frames kept for each sender; later ones are counted in ``overflowed`` and dropped.
        options: ``max_dave_version`` and ``make_member`` of :class:`Participant`.

    Attributes:
        early: frames of senders that still used the keys of before this participant's time. Until it is in the
            group nothing can be opened; they are no part of :meth:`arrivals`.

    Example:
        >>> async def heard(discord, channel):
        ...     listener = discord.listen(channel, user="alice")
        ...     await discord.wait_for(lambda: len(listener.arrivals()) >= 50)
        ...     return listener.pcm()
    """

    def __init__(
        self,
        user: User,
        ssrc: int,
        stage: Stage,
        *,
        only: int | None = None,
        decoder: CodecName = "auto",
        max_frames: int = 1_000_000,
        **options: Any,
    ) -> None:
        super().__init__(user, ssrc, stage, **options)
        self.decoder: CodecName = decoder
        self.overflowed: int = 0
        self.early: int = 0
        self._attached_at = 0.0
        self._opened: set[int] = set()
        self._only = only
        self._max_frames = max_frames
        self._heard: dict[int, list[Arrival]] = {}

    def attach(self, call: Call) -> None:
        self._attached_at = time.monotonic()
        self._opened.clear()
        super().attach(call)

    def deliver(self, packet: MediaPacket) -> None:
        if self._only is not None and packet.user_id != self._only:
            return
        opus = self.frames.open(packet.user_id, packet.payload)
        if opus is not None:
            self._opened.add(packet.ssrc)
        elif packet.ssrc not in self._opened and time.monotonic() - self._attached_at < _NEWCOMER:
            self.early += 1
            return
        arrivals = self._heard.setdefault(packet.user_id, [])
        if len(arrivals) >= self._max_frames:
            self.overflowed += 1
            return
        encrypted = opus != packet.payload and packet.payload.endswith(_MAGIC)
        arrivals.append(
            Arrival(packet.time_ns, packet.seq, packet.timestamp, packet.ssrc, packet.size, opus, encrypted)
        )

    @property
    def heard_users(self) -> list[int]:
        """Ids of the users heard so far."""
        return list(self._heard)

    def arrivals(self, user: Reference | None = None) -> list[Arrival]:
        """What came from ``user`` (the bot without an argument), in order of arrival."""
        return list(self._heard.get(self._sender(user), ()))

    def take(self, user: Reference | None = None) -> list[Arrival]:
        """As :meth:`arrivals`, and forgets them: each arrival is given once."""
        sender = self._sender(user)
        taken: list[Arrival] = self._stage.on_server(lambda: self._heard.pop(sender, []))
        return taken

    def clear(self) -> None:
        """Forget everything heard so far."""
        self._heard.clear()

    def pcm(self, user: Reference | None = None, *, start_ns: int | None = None) -> bytes:
        """The sound of ``user`` (the bot without an argument), 48 kHz stereo s16le.

        Every packet lies where its RTP timestamp puts it; what did not come is silence. A new SSRC, or a timestamp
        that contradicts the clock by more than 5 seconds, starts anew at its time of arrival.

        Args:
            start_ns: the time of the first sample, to align several users; the user's first packet without it.

        Raises:
            MissingDependencyError: there is no Opus decoder.
        """
        track = bytearray()
        for segment in _segments(self.arrivals(user)):
            first = segment[0]
            if start_ns is None:
                start_ns = first.time_ns
            base = round((first.time_ns - start_ns) * SAMPLE_RATE / _NS)
            decoder = make_decoder(self.decoder)
            for offset, arrival in _in_order(segment):
                if arrival.opus is None or not arrival.opus:
                    continue
                try:
                    pcm = decoder.decode(arrival.opus)
                except ValueError:
                    # Not Opus: nothing can be heard there.
                    continue
                _place(track, (base + offset) * BYTES_PER_SAMPLE, pcm)
        return bytes(track)

    def tracks(self) -> dict[int, bytes]:
        """The sound of every user heard, by user id, aligned to the first packet of all."""
        heard = {user: arrivals[0].time_ns for user, arrivals in list(self._heard.items()) if arrivals}
        start = min(heard.values(), default=0)
        return {user: self.pcm(user, start_ns=start) for user in heard}

    def save_wav(self, path: str | PathLike[str], user: Reference | None = None) -> None:
        """Write :meth:`pcm` to a WAV file."""
        write_wav(path, self.pcm(user))

    def gaps(self, user: Reference | None = None) -> GapStatistics:
        """How evenly the packets of ``user`` (the bot without an argument) came."""
        return gap_statistics(self.arrivals(user))

    def _sender(self, user: Reference | None) -> int:
        return self._stage.bot_user().id if user is None else self._stage.find_user(user).id


def gap_statistics(arrivals: list[Arrival]) -> GapStatistics:
    """Statistics of packets in order of arrival."""
    gaps = sorted(
        (after.time_ns - before.time_ns) / _NS
        for before, after in pairwise(arrivals)
        if not before.is_silence and before.ssrc == after.ssrc
    )
    off = sorted(abs(gap - SAMPLES_PER_FRAME / SAMPLE_RATE) for gap in gaps)
    lost = duplicates = reordered = 0
    for ssrc in dict.fromkeys(a.ssrc for a in arrivals):
        numbers = _unwrapped([a.seq for a in arrivals if a.ssrc == ssrc], 16)
        seen = set(numbers)
        lost += max(seen) - min(seen) + 1 - len(seen)
        duplicates += len(numbers) - len(seen)
        highest = numbers[0]
        for number in numbers[1:]:
            reordered += number < highest
            highest = max(highest, number)
    total = sum(gaps)
    return GapStatistics(
        packets=len(arrivals),
        rate=len(gaps) / total if total else 0.0,
        p50=_percentile(gaps, 0.50),
        p99=_percentile(gaps, 0.99),
        longest=gaps[-1] if gaps else 0.0,
        off_p99=_percentile(off, 0.99),
        over_40ms=sum(gap > 0.040 for gap in gaps),
        lost=lost,
        duplicates=duplicates,
        reordered=reordered,
        unopened=sum(a.opus is None for a in arrivals),
    )


def _percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _unwrapped(numbers: list[int], bits: int) -> list[int]:
    """Counters of ``bits`` bits continued over their wrap-around, each taken as nearest to the one before."""
    modulus, half = 1 << bits, 1 << (bits - 1)
    result: list[int] = []
    for number in numbers:
        if not result:
            result.append(number)
        else:
            result.append(result[-1] + (number - result[-1] + half) % modulus - half)
    return result


def _segments(arrivals: list[Arrival]) -> list[list[Arrival]]:
    """Runs of one SSRC whose timestamps agree with the time of arrival."""
    segments: list[list[Arrival]] = []
    for arrival in arrivals:
        if segments and segments[-1][0].ssrc == arrival.ssrc:
            first = segments[-1][0]
            stamped = (arrival.timestamp - segments[-1][-1].timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
            elapsed = (arrival.time_ns - segments[-1][-1].time_ns) * SAMPLE_RATE // _NS
            whole = (arrival.time_ns - first.time_ns) * SAMPLE_RATE // _NS
            if abs(stamped - elapsed) <= _JUMP and whole < _LONGEST_TRACK:
                segments[-1].append(arrival)
                continue
        segments.append([arrival])
    return segments


def _in_order(segment: list[Arrival]) -> list[tuple[int, Arrival]]:
    """Offset in samples from the segment's first packet, and packet; by sequence number, each once."""
    offsets = _unwrapped([a.timestamp for a in segment], 32)
    numbers = _unwrapped([a.seq for a in segment], 16)
    origin = offsets[0]
    once = {n: (offset - origin, a) for n, offset, a in zip(numbers, offsets, segment, strict=True)}
    return [once[number] for number in sorted(once)]


def _place(track: bytearray, start: int, pcm: bytes) -> None:
    if start < 0:
        pcm, start = pcm[-start:], 0
    if not pcm or start > _LONGEST_TRACK * BYTES_PER_SAMPLE:
        return
    if len(track) < start:
        track.extend(bytes(start - len(track)))
    track[start : start + len(pcm)] = pcm
