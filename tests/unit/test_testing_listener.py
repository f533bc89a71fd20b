"""Statistics and timelines of what a listener heard."""

from __future__ import annotations

import pytest

from isocord.testing import Arrival, gap_statistics
from isocord.testing.ground.world import User
from isocord.testing.people.listener import Listener
from isocord.testing.people.sounds import tone
from isocord.testing.wire.opus import FRAME_BYTES, encode_pcm, make_decoder
from isocord.testing.wire.rtp import MediaPacket

MS = 1_000_000
SILENCE = b"\xf8\xff\xfe"


def arrival(n: int, at_ms: float, *, seq: int | None = None, opus: bytes | None = b"x", ssrc: int = 1) -> Arrival:
    return Arrival(round(at_ms * MS), n if seq is None else seq, n * 960, ssrc, 100, opus)


def test_even_packets() -> None:
    statistics = gap_statistics([arrival(n, 20 * n) for n in range(101)])
    assert statistics.packets == 101
    assert statistics.rate == pytest.approx(50)
    assert statistics.p50 == statistics.longest == pytest.approx(0.020)
    assert statistics.off_p99 == pytest.approx(0)
    assert statistics.over_40ms == statistics.lost == statistics.reordered == statistics.duplicates == 0


def test_a_stall_is_seen_and_an_announced_pause_is_not() -> None:
    stalled = [arrival(0, 0), arrival(1, 20), arrival(2, 100), arrival(3, 120)]
    assert gap_statistics(stalled).over_40ms == 1
    paused = [arrival(0, 0), arrival(1, 20, opus=SILENCE), arrival(2, 5000), arrival(3, 5020)]
    assert gap_statistics(paused).over_40ms == 0
    assert gap_statistics(paused).rate == pytest.approx(50)


def test_loss_duplicates_and_order_across_the_wrap() -> None:
    numbers = [65534, 65535, 0, 2, 2, 1, 5]
    statistics = gap_statistics([arrival(n, 20 * n, seq=seq) for n, seq in enumerate(numbers)])
    assert (statistics.lost, statistics.duplicates, statistics.reordered) == (2, 1, 1)


def test_nothing_and_one() -> None:
    assert gap_statistics([]).packets == 0
    assert gap_statistics([arrival(0, 0)]).rate == 0
    assert gap_statistics([arrival(0, 0, opus=None)]).unopened == 1


class Alone:
    """A stage with one user on it."""

    def __init__(self) -> None:
        self.bot = User(7, "bot", True)

    def bot_user(self) -> User:
        return self.bot


@pytest.fixture
def listener() -> Listener:
    return Listener(User(1, "alice"), 5, Alone())  # type: ignore[arg-type]


def packet(n: int, payload: bytes, *, seq: int | None = None, ssrc: int = 9, at_ms: float | None = None) -> MediaPacket:
    when = round((20 * n if at_ms is None else at_ms) * MS)
    stamp = (n * 960 + 0xFFFFFF00) & 0xFFFFFFFF
    return MediaPacket(7, ssrc, (n if seq is None else seq) & 0xFFFF, stamp, payload, when)


def is_silent(pcm: bytes) -> bool:
    return not any(pcm)


def test_packets_lie_where_their_timestamps_put_them(listener: Listener) -> None:
    frames = list(encode_pcm(tone(440, 0.2), "av"))
    # Frame 1 is lost, 3 and 4 come in the wrong order and late, 5 comes twice, then half a second of nothing.
    for n in (0, 2, 4, 3, 5, 5):
        listener.deliver(packet(n, frames[n]))
    listener.deliver(packet(30, frames[6], seq=6))
    pcm = listener.pcm()
    assert len(pcm) == 31 * FRAME_BYTES
    pieces = [pcm[n * FRAME_BYTES : (n + 1) * FRAME_BYTES] for n in range(31)]
    assert [n for n, piece in enumerate(pieces) if not is_silent(piece)] == [0, 2, 3, 4, 5, 30]


def test_a_new_ssrc_goes_to_its_time_of_arrival(listener: Listener) -> None:
    frames = list(encode_pcm(tone(440, 0.1), "av"))
    listener.deliver(packet(0, frames[0]))
    listener.deliver(packet(0, frames[0], ssrc=10, at_ms=1000))
    pcm = listener.pcm()
    assert len(pcm) == 51 * FRAME_BYTES
    assert not is_silent(pcm[50 * FRAME_BYTES :])


def test_a_timestamp_out_of_the_world_does_not_fill_the_memory(listener: Listener) -> None:
    frames = list(encode_pcm(tone(440, 0.1), "av"))
    listener.deliver(packet(0, frames[0]))
    listener.deliver(packet(2_000_000, frames[1], seq=1, at_ms=20))
    assert len(listener.pcm()) == 2 * FRAME_BYTES


def test_what_is_not_opus_is_silence(listener: Listener) -> None:
    listener.deliver(packet(0, b"\xff" * 3))
    listener.deliver(packet(1, next(encode_pcm(tone(440, 0.02), "av"))))
    assert len(listener.pcm()) == 2 * FRAME_BYTES
    assert is_silent(listener.pcm()[:FRAME_BYTES])


def test_memory_is_bounded() -> None:
    listener = Listener(User(1, "alice"), 5, Alone(), max_frames=3)  # type: ignore[arg-type]
    for n in range(5):
        listener.deliver(packet(n, SILENCE))
    assert (len(listener.arrivals()), listener.overflowed) == (3, 2)


def test_the_decoder_says_what_it_can_not_do() -> None:
    with pytest.raises(ValueError, match="never empty"):
        make_decoder("av").decode(b"")
    with pytest.raises(ValueError, match="codec must be"):
        make_decoder("mp3")  # type: ignore[arg-type]
