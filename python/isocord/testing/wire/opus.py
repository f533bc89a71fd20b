"""Opus for scripted participants: isocord's own libopus, or PyAV's as an independent witness."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from ..errors import MissingDependencyError
from .rtp import SAMPLE_RATE, SAMPLES_PER_FRAME

CodecName = Literal["auto", "native", "av"]
"""``"native"``: isocord's core; ``"av"``: PyAV; ``"auto"``: the first of the two that is there."""

BYTES_PER_SAMPLE = 4
FRAME_BYTES = SAMPLES_PER_FRAME * BYTES_PER_SAMPLE


class Decoder(Protocol):
    """Decodes the packets of one sender in order; 48 kHz stereo s16le out."""

    def decode(self, packet: bytes) -> bytes:
        """PCM of one packet.

        Raises:
            ValueError: not an Opus packet.
        """


class Encoder(Protocol):
    """Encodes frames of 3,840 bytes."""

    def encode(self, pcm: bytes) -> bytes: ...


class AvDecoder:
    """libopus through PyAV."""

    def __init__(self) -> None:
        av = import_module("av")
        self._packet = av.Packet
        self._error: type[Exception] = av.FFmpegError
        self._context: Any = av.CodecContext.create("libopus", "r")
        self._context.sample_rate = SAMPLE_RATE
        self._context.layout = "stereo"
        self._context.open()

    def decode(self, packet: bytes) -> bytes:
        if not packet:
            raise ValueError("an Opus packet is never empty")
        try:
            frames = self._context.decode(self._packet(packet))
        except self._error as error:
            raise ValueError("not an Opus packet") from error
        # A plane can be longer than its samples: FFmpeg pads it.
        return b"".join(bytes(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE] for frame in frames)


class AvEncoder:
    """libopus through PyAV; 20 ms frames, no delay of its own."""

    def __init__(self, bitrate: int = 128) -> None:
        av = import_module("av")
        self._frame = av.AudioFrame
        self._context: Any = av.CodecContext.create("libopus", "w")
        self._context.sample_rate = SAMPLE_RATE
        self._context.layout = "stereo"
        self._context.format = "s16"
        self._context.bit_rate = bitrate * 1000
        self._context.time_base = Fraction(1, SAMPLE_RATE)
        self._context.options = {"application": "audio", "frame_duration": "20"}
        self._context.open()
        self._pts = 0

    def encode(self, pcm: bytes) -> bytes:
        frame = self._frame(format="s16", layout="stereo", samples=SAMPLES_PER_FRAME)
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._pts
        self._pts += SAMPLES_PER_FRAME
        frame.planes[0].update(pcm.ljust(FRAME_BYTES, b"\0"))
        packets = self._context.encode(frame)
        if len(packets) != 1:
            raise RuntimeError(f"libopus gave {len(packets)} packets for a frame")
        return bytes(packets[0])


class NativeDecoder:
    """isocord's own libopus."""

    def __init__(self) -> None:
        self._decoder: Any = import_module("isocord._native").OpusDecoder()
        self._error: type[Exception] = import_module("isocord.errors").OpusError

    def decode(self, packet: bytes) -> bytes:
        try:
            return bytes(self._decoder.decode(packet))
        except self._error as error:
            raise ValueError("not an Opus packet") from error


class NativeEncoder:
    """isocord's own libopus."""

    def __init__(self, bitrate: int = 128) -> None:
        native = import_module("isocord._native")
        self._encoder: Any = native.OpusEncoder(native.EncoderOptions(bitrate=bitrate))

    def encode(self, pcm: bytes) -> bytes:
        return bytes(self._encoder.encode(pcm))


def choose(codec: CodecName) -> Literal["native", "av"]:
    """Which implementation ``codec`` means here.

    Raises:
        MissingDependencyError: it is not installed.
        ValueError: no such name.
    """
    if codec not in ("auto", "native", "av"):
        raise ValueError(f"codec must be 'auto', 'native' or 'av', not {codec!r}")
    if codec in ("auto", "native") and find_spec("isocord._native") is not None:
        return "native"
    if codec in ("auto", "av") and find_spec("av") is not None:
        return "av"
    raise MissingDependencyError(f"no Opus codec {codec!r}: install av, or isocord with its native core")


def make_decoder(codec: CodecName = "auto") -> Decoder:
    """A decoder for one sender.

    Raises:
        MissingDependencyError: the codec is not installed.
    """
    return NativeDecoder() if choose(codec) == "native" else AvDecoder()


def make_encoder(codec: CodecName = "auto", *, bitrate: int = 128) -> Encoder:
    """An encoder; ``bitrate`` in kbit/s.

    Raises:
        MissingDependencyError: the codec is not installed.
    """
    return NativeEncoder(bitrate) if choose(codec) == "native" else AvEncoder(bitrate)


def encode_pcm(pcm: bytes, codec: CodecName = "auto", *, bitrate: int = 128) -> Iterator[bytes]:
    """Opus packets of 20 ms from 48 kHz stereo s16le; the last one is padded with silence."""
    encoder = make_encoder(codec, bitrate=bitrate)
    for start in range(0, len(pcm), FRAME_BYTES):
        yield encoder.encode(pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
