"""What isocord sends is what independent libraries open, parse and hear."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from isocord import _native

from .wire import BOUND, SILENCE, SSRC, Server, decode, loudest, tone

FRAME_BYTES = 3_840


@pytest.fixture(params=_native.TRANSPORT_MODES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param, os.urandom(32))
    yield server
    server.close()


def test_a_tone_is_heard_at_its_frequency_in_every_mode(server: Server) -> None:
    connection = server.connect()
    track = _native.Track.pcm(lookahead=50)
    connection.play(track)
    pcm = tone(997.0, 0.8)
    while pcm:
        room = track.wait_room(BOUND)
        assert room
        pcm = pcm[track.write_pcm(pcm[: room * FRAME_BYTES]) * FRAME_BYTES :]
    track.finish()

    packets = server.hear(45)
    assert {packet.ssrc for packet in packets} == {SSRC}
    first = packets[0]
    for index, packet in enumerate(packets):
        assert packet.sequence == (first.sequence + index) % 2**16
        assert (packet.timestamp - first.timestamp) % 2**32 % 960 == 0
    assert [packet.opus for packet in packets[40:]] == [SILENCE] * 5
    assert loudest(decode([packet.opus for packet in packets[5:40]])) == pytest.approx(997.0, abs=2.0)
    assert track.wait_end(20) == "finished"
    connection.close()


def test_opus_packets_pass_through_unchanged(server: Server) -> None:
    connection = server.connect()
    encoder = _native.OpusEncoder()
    sent = [encoder.encode(tone(440.0, 0.02)) for _ in range(5)]
    track = _native.Track.opus(lookahead=5)
    assert track.write_opus(sent) == 5
    track.finish()
    connection.play(track)
    assert [packet.opus for packet in server.hear(5)] == sent
    connection.close()


def test_the_servers_choice_is_the_newest_mode() -> None:
    legacy = ["xsalsa20_poly1305", "xsalsa20_poly1305_suffix"]
    assert _native.choose_mode([*legacy, "aead_xchacha20_poly1305_rtpsize"]) == "aead_xchacha20_poly1305_rtpsize"
    assert _native.choose_mode(legacy) == "xsalsa20_poly1305_suffix"
