"""RTP, RTCP and Discord's small UDP messages, parsed and built.

Sources: RFC 3550 (RTP, RTCP), RFC 8285 (header extensions), Discord API documentation (IP discovery).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

HEADER_SIZE = 12
OPUS_PAYLOAD_TYPE = 0x78
EXTENSION_PROFILE = 0xBEDE
SAMPLES_PER_FRAME = 960
SAMPLE_RATE = 48_000
SILENCE_FRAME = b"\xf8\xff\xfe"
DISCOVERY_SIZE = 74
KEEPALIVE_SIZE = 8
_RTCP_TYPES = range(200, 205)


class MalformedPacketError(ValueError):
    """The bytes are no RTP packet."""


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """The clear fields of an RTP packet.

    Attributes:
        extension_words: length of the header extension in 32-bit words, or None without one.
        clear_size: bytes up to the end of the CSRC list and, with an extension, its 4-byte preamble: what the
            rtpsize modes leave unencrypted.
    """

    seq: int
    timestamp: int
    ssrc: int
    payload_type: int = OPUS_PAYLOAD_TYPE
    marker: bool = False
    padding: bool = False
    csrcs: tuple[int, ...] = ()
    extension_words: int | None = None

    @property
    def extension(self) -> bool:
        """The X bit."""
        return self.extension_words is not None

    @property
    def clear_size(self) -> int:
        return HEADER_SIZE + 4 * len(self.csrcs) + (0 if self.extension_words is None else 4)

    def build(self, profile: int = EXTENSION_PROFILE) -> bytes:
        """The header with its CSRCs and the extension's preamble."""
        first = 0x80 | (0x20 if self.padding else 0) | len(self.csrcs)
        if self.extension_words is not None:
            first |= 0x10
        head = struct.pack(
            ">BBHII", first, self.payload_type | (0x80 if self.marker else 0), self.seq, self.timestamp, self.ssrc
        )
        head += b"".join(struct.pack(">I", csrc) for csrc in self.csrcs)
        if self.extension_words is not None:
            head += struct.pack(">HH", profile, self.extension_words)
        return head


def parse_header(packet: bytes) -> RtpHeader:
    """Read the clear header of an RTP packet.

    Raises:
        MalformedPacketError: not RTP version 2, or cut off.
    """
    if len(packet) < HEADER_SIZE:
        raise MalformedPacketError("shorter than an RTP header")
    first, second, seq, timestamp, ssrc = struct.unpack_from(">BBHII", packet)
    if first >> 6 != 2:
        raise MalformedPacketError("not RTP version 2")
    count = first & 0x0F
    offset = HEADER_SIZE + 4 * count
    words: int | None = None
    if len(packet) < offset + (4 if first & 0x10 else 0):
        raise MalformedPacketError("cut off inside its header")
    if first & 0x10:
        (words,) = struct.unpack_from(">H", packet, offset + 2)
    csrcs = struct.unpack_from(f">{count}I", packet, HEADER_SIZE)
    return RtpHeader(seq, timestamp, ssrc, second & 0x7F, bool(second & 0x80), bool(first & 0x20), csrcs, words)


def strip(header: RtpHeader, plain: bytes, *, rtpsize: bool = True) -> bytes:
    """Remove what precedes and follows the payload of a decrypted packet: extension and padding.

    Args:
        rtpsize: the extension's preamble was in clear. In the oldest modes everything after the 12-byte header,
            CSRCs and preamble too, is in ``plain``.

    Raises:
        MalformedPacketError: the lengths contradict each other.
    """
    if rtpsize:
        start = 4 * (header.extension_words or 0)
    else:
        start = 4 * len(header.csrcs)
        if header.extension:
            if len(plain) < start + 4:
                raise MalformedPacketError("cut off inside its extension")
            (words,) = struct.unpack_from(">H", plain, start + 2)
            start += 4 + 4 * words
    end = len(plain)
    if header.padding:
        if not plain or not 0 < plain[-1] <= end - start:
            raise MalformedPacketError("padding longer than the payload")
        end -= plain[-1]
    if start > end:
        raise MalformedPacketError("extension longer than the payload")
    return plain[start:end]


def is_rtcp(packet: bytes) -> bool:
    """Whether a packet on the shared socket is RTCP (RFC 5761, section 4)."""
    return len(packet) >= 8 and packet[0] >> 6 == 2 and packet[1] in _RTCP_TYPES


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """A voice packet inside the relay: transport encryption, extension and padding are gone.

    Attributes:
        user_id: the sender.
        payload: an Opus packet, or a DAVE frame in an encrypted call.
        time_ns: when it arrived at the server, nanoseconds since 1970; the kernel's receive time where it has one.
        size: bytes of the UDP datagram, 0 for participants without a socket.
        csrcs: contributing sources, passed on.
    """

    user_id: int
    ssrc: int
    seq: int
    timestamp: int
    payload: bytes
    time_ns: int
    size: int = 0
    marker: bool = False
    csrcs: tuple[int, ...] = field(default=())


def build_discovery_request(ssrc: int) -> bytes:
    """A request for IP discovery, 74 bytes."""
    return struct.pack(">HHI66x", 1, 70, ssrc)


def parse_discovery_request(packet: bytes) -> int | None:
    """The SSRC of an IP discovery request, or None if the packet is none."""
    if len(packet) != DISCOVERY_SIZE:
        return None
    kind, length, ssrc = struct.unpack_from(">HHI", packet)
    return int(ssrc) if (kind, length) == (1, 70) else None


def build_discovery_response(ssrc: int, address: str, port: int) -> bytes:
    """The answer to IP discovery: the address that the server sees, NUL-padded, and the port."""
    return struct.pack(">HHI64sH", 2, 70, ssrc, address.encode("ascii"), port)
