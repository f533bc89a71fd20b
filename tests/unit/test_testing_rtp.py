"""RTP of the fake: what is built is parsed, what is broken is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.testing.wire.rtp import (
    MalformedPacketError,
    RtpHeader,
    build_discovery_request,
    build_discovery_response,
    is_rtcp,
    parse_discovery_request,
    parse_header,
    strip,
)

headers = st.builds(
    RtpHeader,
    seq=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload_type=st.integers(0, 0x7F),
    marker=st.booleans(),
    padding=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension_words=st.none() | st.integers(0, 0xFFFF),
)


def test_the_header_that_clients_send() -> None:
    header = RtpHeader(seq=0x0102, timestamp=0x03040506, ssrc=0x0708090A)
    assert header.build().hex() == "8078" + "0102" + "03040506" + "0708090a"


@given(headers, st.binary(max_size=20))
def test_headers_survive_the_wire(header: RtpHeader, rest: bytes) -> None:
    packet = header.build() + rest
    assert parse_header(packet) == header
    assert packet[header.clear_size :] == rest


@given(st.binary(max_size=100))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        header = parse_header(data)
    except MalformedPacketError:
        return
    assert header.clear_size <= len(data)


@given(headers, st.binary(max_size=64), st.booleans())
def test_any_plaintext_is_stripped_or_refused(header: RtpHeader, plain: bytes, rtpsize: bool) -> None:
    try:
        payload = strip(header, plain, rtpsize=rtpsize)
    except MalformedPacketError:
        return
    assert payload in plain


def test_extension_and_padding_go() -> None:
    header = RtpHeader(1, 1, 1, padding=True, extension_words=1)
    assert strip(header, b"wordsound\0\2") == b"sound"
    assert strip(header, b"\xbe\xde\0\1wordsound\1", rtpsize=False) == b"sound"
    with pytest.raises(MalformedPacketError):
        strip(header, b"wordsound\0\x0f")
    with pytest.raises(MalformedPacketError):
        strip(header, b"wordsound\0")


def test_ip_discovery() -> None:
    request = build_discovery_request(7)
    assert len(request) == 74
    assert parse_discovery_request(request) == 7
    assert parse_discovery_request(request[:-1]) is None
    response = build_discovery_response(7, "127.0.0.1", 50_000)
    assert parse_discovery_request(response) is None
    assert response[:8] == b"\0\2\0\x46\0\0\0\7"
    assert response[8:17] == b"127.0.0.1"
    assert response[17:72] == bytes(55)
    assert response[72:] == (50_000).to_bytes(2, "big")


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(b"\x81\xc8" + bytes(26))
    assert not is_rtcp(RtpHeader(1, 1, 1).build())
    assert not is_rtcp(b"\x81")
