"""The UDP side of a voice server: one socket, a leg for each client, packets re-sealed for each receiver."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ..faults import Fault
from ..ground.eventlog import EventLog
from ..wire.ciphers import OpenError, TransportCipher
from ..wire.nat import Nat
from ..wire.rtp import (
    KEEPALIVE_SIZE,
    OPUS_PAYLOAD_TYPE,
    MalformedPacketError,
    MediaPacket,
    RtpHeader,
    build_discovery_response,
    is_rtcp,
    parse_discovery_request,
    parse_header,
    strip,
)

Address = tuple[str, int]

_MAX_DATAGRAM = 4096
_DATAGRAMS_PER_WAKE = 256
_NONCES_REMEMBERED = 4096
# The socket module does not name this option. On 64-bit Linux the timestamp is two 8-byte integers.
_SO_TIMESTAMPNS = 35 if sys.platform == "linux" else None
_TIMESPEC = struct.Struct("@ll")

AUDIO_LEVEL_EXTENSION = bytes((0x10, 0x80 | 30, 0x00, 0x00))
"""One-byte header extension, id 1: audio level (RFC 6464), padded to a word."""


class _RejectedError(Exception):
    """A packet is dropped; ``counter`` says under which name that is counted."""

    def __init__(self, counter: str) -> None:
        super().__init__(counter)
        self.counter = counter


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What the server wraps around a packet on its way to a client, as Discord does.

    Attributes:
        extension: body of the RTP header extension, a multiple of 4 bytes; empty for none.
        max_padding: RTP padding of 1 to this many bytes on every other packet, up to 255; 0 for none.
    """

    extension: bytes = AUDIO_LEVEL_EXTENSION
    max_padding: int = 0

    def __post_init__(self) -> None:
        if len(self.extension) % 4 or len(self.extension) > 1020:
            raise ValueError("an extension's body is a multiple of 4 bytes, 1020 at the most")
        if not 0 <= self.max_padding <= 255:
            raise ValueError("max_padding must be between 0 and 255")


class UdpLeg:
    """One client's UDP side: its address, its keys in both directions, its faults.

    Args:
        on_media: takes each packet that was opened.
    """

    def __init__(
        self, user_id: int, ssrc: int, relay: UdpRelay, on_media: Callable[[MediaPacket], None], wrapping: Wrapping
    ) -> None:
        self.user_id = user_id
        self.ssrc = ssrc
        self.relay = relay
        self.address: Address | None = None
        self.wrapping = wrapping
        self.uplink: Fault[bytes] | None = None
        self.downlink: Fault[bytes] | None = None
        self.packets_received: int = 0
        self.packets_sent: int = 0
        self._on_media = on_media
        self._opener: TransportCipher | None = None
        self._sealer: TransportCipher | None = None
        self._nonces: OrderedDict[bytes, None] = OrderedDict()
        self._random = Random(ssrc)  # noqa: S311 - lengths of padding, not keys.

    def set_keys(self, opener: TransportCipher, sealer: TransportCipher) -> None:
        """Take the ciphers of a Session Description."""
        self._opener, self._sealer = opener, sealer
        self._nonces.clear()

    def receive(self, data: bytes, time_ns: int) -> None:
        """Open one RTP packet of the client; whatever is wrong with it is counted."""
        try:
            header, payload = self._open(data)
        except _RejectedError as rejected:
            self.relay.log.count(rejected.counter)
            return
        self.relay.log.count("rtp_received")
        self.packets_received += 1
        self._on_media(
            MediaPacket(
                self.user_id,
                self.ssrc,
                header.seq,
                header.timestamp,
                payload,
                time_ns,
                len(data),
                header.marker,
                header.csrcs,
            )
        )

    def _open(self, data: bytes) -> tuple[RtpHeader, bytes]:
        try:
            header = parse_header(data)
        except MalformedPacketError:
            raise _RejectedError("udp_garbage") from None
        if header.ssrc != self.ssrc:
            raise _RejectedError("rtp_wrong_ssrc")
        if header.payload_type != OPUS_PAYLOAD_TYPE:
            raise _RejectedError("rtp_other_payload")
        if self._opener is None:
            raise _RejectedError("rtp_before_session")
        try:
            plain = self._opener.open(header, data)
            self._check_nonce(self._opener.nonce_of(data))
            payload = strip(header, plain, rtpsize=self._opener.rtpsize)
        except OpenError:
            raise _RejectedError("rtp_open_failed") from None
        except MalformedPacketError:
            raise _RejectedError("rtp_malformed") from None
        if not payload:
            raise _RejectedError("rtp_only_padding")
        return header, payload

    def send(self, packet: MediaPacket) -> None:
        """Seal a packet for this client and send it to where IP discovery found it."""
        if self._sealer is None or self.address is None:
            return self.relay.log.count("rtp_unsendable")
        extension, padding = self.wrapping.extension, 0
        if self.wrapping.max_padding and packet.seq % 2:
            padding = self._random.randint(1, self.wrapping.max_padding)
        header = RtpHeader(
            packet.seq,
            packet.timestamp,
            packet.ssrc,
            marker=packet.marker,
            padding=padding > 0,
            csrcs=packet.csrcs,
            extension_words=len(extension) // 4 if extension else None,
        )
        head, inside = header.build(), packet.payload
        inside = extension + inside + (bytes(padding - 1) + bytes((padding,)) if padding else b"")
        clear = self._sealer.clear_size(header)
        self.packets_sent += 1
        self.relay.log.count("rtp_sent")
        self.relay.send(self._sealer.seal(head[:clear], head[clear:] + inside), self.address, self.downlink)

    def _check_nonce(self, nonce: bytes) -> None:
        if not nonce:
            return
        if nonce in self._nonces:
            self.relay.log.count("nonce_repeated")
        self._nonces[nonce] = None
        if len(self._nonces) > _NONCES_REMEMBERED:
            self._nonces.popitem(last=False)


class UdpRelay:
    """The UDP socket of one voice server.

    Attributes:
        uplink: fault for everything that arrives, IP discovery included.
        downlink: fault for everything that leaves.
    """

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.uplink: Fault[bytes] | None = None
        self.downlink: Fault[bytes] | None = None
        self.port: int = 0
        self._nat = Nat()
        self._legs: dict[int, UdpLeg] = {}
        self._by_address: dict[Address, UdpLeg] = {}
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop, port: int = 0) -> None:
        """Bind to a port of 127.0.0.1, a free one by default, and start reading."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if _SO_TIMESTAMPNS is not None:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.bind(("127.0.0.1", port))
        self._socket, self._loop = sock, loop
        self.port = sock.getsockname()[1]
        loop.add_reader(sock, self._readable)

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def close(self) -> None:
        """Close the socket; idempotent."""
        sock, self._socket = self._socket, None
        if sock is not None and self._loop is not None:
            self._loop.remove_reader(sock)
            sock.close()

    def add(self, leg: UdpLeg) -> None:
        self._legs[leg.ssrc] = leg

    def remove(self, leg: UdpLeg) -> None:
        self._legs.pop(leg.ssrc, None)
        if leg.address is not None and self._by_address.get(leg.address) is leg:
            del self._by_address[leg.address]
            self._nat.forget(leg.address)

    def real(self, address: Address) -> Address:
        """The socket of the client that is seen at ``address``."""
        return self._nat.real(address)

    def change_address(self, address: Address) -> Address:
        """The client that is seen at ``address`` has another port from now on, which no leg belongs to; gives that."""
        return self._nat.change(address)

    def send(self, data: bytes, address: Address, fault: Fault[bytes] | None = None) -> None:
        """Send one datagram through its leg's fault and the server's."""
        self._through(fault, data, lambda out: self._through(self.downlink, out, lambda d: self._send(d, address)))

    def _send(self, data: bytes, address: Address) -> None:
        if self._socket is None:
            return
        if self._nat.is_gone(address):
            return self.log.count("udp_undeliverable")
        try:
            self._socket.sendto(data, self._nat.real(address))
        except OSError:
            self.log.count("udp_send_failed")

    def _through(self, fault: Fault[bytes] | None, data: bytes, then: Callable[[bytes], None]) -> None:
        if fault is None:
            then(data)
            return
        deliveries = fault(data)
        if not deliveries:
            self.log.count("udp_lost_by_fault")
        for held, out in deliveries:
            if held > 0 and self._loop is not None:
                self._loop.call_later(held, then, out)
            else:
                then(out)

    def _readable(self) -> None:
        for _ in range(_DATAGRAMS_PER_WAKE):
            if self._socket is None:
                return
            try:
                data, ancillary, _, address = _receive(self._socket)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # An ICMP error of an earlier send is reported here; the socket itself is sound.
                self.log.count("udp_receive_failed")
                continue
            time_ns, address = _kernel_time(ancillary), self._nat.seen_as(address)
            self._through(self.uplink, data, lambda d, a=address, t=time_ns: self._datagram(d, a, t))  # type: ignore[misc]

    def _datagram(self, data: bytes, address: Address, time_ns: int) -> None:
        ssrc = parse_discovery_request(data)
        leg = self._by_address.get(address) if ssrc is None else self._legs.get(ssrc)
        self._through(leg.uplink if leg else None, data, lambda d: self._classify(d, address, time_ns))

    def _classify(self, data: bytes, address: Address, time_ns: int) -> None:
        """Tell apart what shares the socket; faults have been applied, so the bytes may be anything."""
        ssrc = parse_discovery_request(data)
        leg = self._by_address.get(address)
        if ssrc is not None:
            self._discover(ssrc, address)
        elif len(data) == KEEPALIVE_SIZE and not is_rtcp(data):
            self.log.count("udp_keepalives")
            self.send(data, address, leg.downlink if leg else None)
        elif leg is None:
            self.log.count("udp_unknown_source")
        elif is_rtcp(data):
            self.log.count("rtcp_received")
        else:
            leg.receive(data, time_ns)

    def _discover(self, ssrc: int, address: Address) -> None:
        leg = self._legs.get(ssrc)
        if leg is None:
            self.log.count("discovery_unknown_ssrc")
            return
        self.log.count("discovery")
        if leg.address is not None and leg.address != address:
            self.log.count("discovery_moved")
            if self._by_address.get(leg.address) is leg:
                del self._by_address[leg.address]
        leg.address = address
        self._by_address[address] = leg
        self.send(build_discovery_response(ssrc, *address), address, leg.downlink)


def _receive(sock: socket.socket) -> tuple[bytes, list[Any], int, Address]:
    if _SO_TIMESTAMPNS is None:
        data, address = sock.recvfrom(_MAX_DATAGRAM)
        return data, [], 0, address
    data, ancillary, flags, address = sock.recvmsg(_MAX_DATAGRAM, socket.CMSG_SPACE(_TIMESPEC.size))
    return data, ancillary, flags, address


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel's receive time in nanoseconds since 1970, or now where the platform gives none."""
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()
