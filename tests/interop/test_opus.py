"""Opus as FFmpeg's libopus understands it, both ways, with every option of the encoder."""

from __future__ import annotations

import itertools
import struct

import av
import numpy as np
import pytest

from isocord import _native
from isocord.errors import OpusError

from .wire import decode, loudest, tone

FRAME = 3_840


def encode(options: _native.EncoderOptions | None, pcm: bytes) -> list[bytes]:
    encoder = _native.OpusEncoder(options)
    return [encoder.encode(pcm[at : at + FRAME]) for at in range(0, len(pcm), FRAME)]


@pytest.mark.parametrize("application", ["audio", "voip", "lowdelay"])
@pytest.mark.parametrize("signal_type", ["auto", "voice", "music"])
@pytest.mark.parametrize("fec", [False, True])
def test_a_tone_survives_every_way_of_coding(
    application: _native.Application, signal_type: _native.SignalType, fec: bool
) -> None:
    options = _native.EncoderOptions(
        application=application, signal_type=signal_type, fec=fec, expected_packet_loss=0.15
    )
    heard = decode(encode(options, tone(700.0, 0.6)))
    assert loudest(heard[9_600:]) == pytest.approx(700.0, abs=3.0)


@pytest.mark.parametrize(("bitrate", "complexity"), list(itertools.product([16, 64, 510], [0, 5, 10])))
def test_the_bitrate_is_kept(bitrate: int, complexity: int) -> None:
    noise = np.random.default_rng(1).normal(0, 6_000, 48_000 * 2 * 2).astype("<i2").tobytes()
    packets = encode(_native.EncoderOptions(bitrate=bitrate, complexity=complexity), noise)
    assert sum(map(len, packets)) * 8 / 2 / 1_000 == pytest.approx(bitrate, rel=0.2)


@pytest.mark.parametrize(("bandwidth", "limit"), [("narrow", 4e3), ("wide", 8e3), ("superwide", 12e3)])
def test_the_bandwidth_is_kept(bandwidth: _native.Bandwidth, limit: float) -> None:
    noise = np.random.default_rng(1).normal(0, 6_000, 48_000 * 2).astype("<i2").tobytes()
    heard = decode(encode(_native.EncoderOptions(bandwidth=bandwidth), noise))
    spectrum = np.abs(np.fft.rfft(heard[9_600:].mean(axis=1))) ** 2
    above = spectrum[int(limit * 1.2 / 24_000 * len(spectrum)) :].sum()
    assert above < 0.01 * spectrum.sum()


def test_our_decoder_hears_what_ffmpeg_encodes() -> None:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    samples = np.frombuffer(tone(1_234.0, 0.5), "<i2").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout="stereo")
    frame.sample_rate = 48_000
    fifo = av.AudioFifo()
    fifo.write(frame)
    packets = [bytes(p) for part in fifo.read_many(960) for p in encoder.encode(part)]
    decoder = _native.OpusDecoder()
    heard = np.frombuffer(b"".join(map(decoder.decode, packets)), "<i2").reshape(-1, 2) / 32_768
    assert loudest(heard[4_800:]) == pytest.approx(1_234.0, abs=3.0)


def test_lost_frames_are_concealed_or_recovered() -> None:
    options = _native.EncoderOptions(fec=True, expected_packet_loss=0.3, signal_type="voice", application="voip")
    packets = encode(options, tone(300.0, 0.4))
    decoder = _native.OpusDecoder()
    for packet in packets[:10]:
        decoder.decode(packet)
    assert len(decoder.decode(None)) == FRAME
    recovered = np.frombuffer(decoder.decode(packets[12], fec=True), "<i2")
    assert len(recovered) == FRAME // 2
    assert np.abs(recovered.astype(int)).mean() > 1_000


@pytest.mark.parametrize(
    "options",
    [
        {"bitrate": 15},
        {"bitrate": 513},
        {"bitrate": -1},
        {"expected_packet_loss": 1.1},
        {"expected_packet_loss": float("nan")},
        {"application": "music"},
        {"bandwidth": ""},
        {"signal_type": "noise"},
        {"complexity": 11},
        {"complexity": -1},
    ],
)
def test_values_out_of_range_are_named(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        _native.EncoderOptions(**options)  # type: ignore[arg-type]


def test_bad_sound_is_an_error() -> None:
    with pytest.raises(OpusError, match="3840"):
        _native.OpusEncoder().encode(bytes(FRAME + 1))
    with pytest.raises(OpusError):
        _native.OpusDecoder().decode(b"")
    with pytest.raises(OpusError):
        _native.OpusDecoder().decode(b"\xff\xff")
    with pytest.raises(TypeError):
        _native.OpusEncoder().encode("text")  # type: ignore[arg-type]


def test_a_short_frame_is_padded() -> None:
    encoder = _native.OpusEncoder()
    assert encoder.encode(struct.pack("<hh", 1, 2))
    assert encoder.encode(memoryview(bytearray(7)))
