"""A voice server of a few lines, with nothing of isocord's: sockets, `cryptography`, PyNaCl, PyAV."""

from __future__ import annotations

import queue
import socket
import struct
from dataclasses import dataclass

import av
import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.secret import SecretBox

from isocord import _native

BOUND = 20.0
SSRC = 0x01020304
SILENCE = b"\xf8\xff\xfe"


KEEPALIVE = 8
"""Bytes of the packets that keep the way open."""


@dataclass(frozen=True)
class Packet:
    sequence: int
    timestamp: int
    ssrc: int
    opus: bytes


def open_packet(mode: str, key: bytes, datagram: bytes) -> bytes:
    """The payload of a sealed packet without CSRCs and extension, by the independent libraries."""
    header, body = datagram[:12], datagram[12:]
    match mode:
        case "aead_aes256_gcm_rtpsize":
            return AESGCM(key).decrypt(body[-4:] + bytes(8), body[:-4], header)
        case "aead_xchacha20_poly1305_rtpsize":
            return crypto_aead_xchacha20poly1305_ietf_decrypt(body[:-4], header, body[-4:] + bytes(20), key)
        case "xsalsa20_poly1305_lite_rtpsize" | "xsalsa20_poly1305_lite":
            return SecretBox(key).decrypt(body[:-4], body[-4:] + bytes(20))
        case "xsalsa20_poly1305_suffix":
            return SecretBox(key).decrypt(body[:-24], body[-24:])
        case "xsalsa20_poly1305":
            return SecretBox(key).decrypt(body, header + bytes(12))
    raise ValueError(mode)


class Server:
    """One UDP socket that answers IP discovery and hears one sender."""

    def __init__(self, mode: str, key: bytes) -> None:
        self.mode, self.key = mode, key
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(BOUND)
        self.events: queue.Queue[_native.Event] = queue.Queue()

    def connect(self) -> _native.Connection:
        connection = _native.Connection(self.events.put)
        connection.open("127.0.0.1", self.socket.getsockname()[1], SSRC)
        request, address = self.socket.recvfrom(2048)
        self.discover(request, address)
        found = self.events.get(timeout=BOUND)
        assert isinstance(found, _native.Discovered)
        assert (found.address, found.port) == ("203.0.113.9", address[1])
        connection.start_session(self.mode, self.key)
        connection.allow_unencrypted()
        return connection

    def discover(self, request: bytes, address: tuple[str, int]) -> None:
        assert struct.unpack_from(">HHI", request) == (1, 70, SSRC)
        self.socket.sendto(struct.pack(">HHI64sH", 2, 70, SSRC, b"203.0.113.9", address[1]), address)

    def packet(self) -> Packet:
        datagram, address = self.socket.recvfrom(2048)
        # Keepalives, and the discovery that asks whether the route still stands, come between packets.
        while not datagram[0] & 0x80:
            if len(datagram) != KEEPALIVE:
                self.discover(datagram, address)
            datagram, address = self.socket.recvfrom(2048)
        version, payload_type, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", datagram)
        assert (version, payload_type) == (0x80, 0x78)
        return Packet(sequence, timestamp, ssrc, open_packet(self.mode, self.key, datagram))

    def hear(self, count: int) -> list[Packet]:
        return [self.packet() for _ in range(count)]

    def close(self) -> None:
        self.socket.close()


def tone(frequency: float, seconds: float, *, level: float = 0.5) -> bytes:
    """A sine as s16le stereo at 48 kHz."""
    time = np.arange(round(48_000 * seconds)) / 48_000
    wave = (np.sin(2 * np.pi * frequency * time) * level * 32_767).astype("<i2")
    return np.repeat(wave, 2).tobytes()


def decode(packets: list[bytes]) -> np.ndarray:
    """Opus to float samples of shape (n, 2), by FFmpeg's decoder."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "stereo"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))]
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=48_000)
    arrays = [part.to_ndarray().reshape(-1, 2) for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(arrays)


def loudest(samples: np.ndarray) -> float:
    """The frequency with the most energy, in Hz."""
    mono = samples.mean(axis=1) * np.hanning(len(samples))
    return float(np.abs(np.fft.rfft(mono)).argmax() * 48_000 / len(mono))
