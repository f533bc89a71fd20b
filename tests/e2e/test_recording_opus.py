"""Files of the users' own Opus packets, as independent readers and decoders hear them."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import isocord
from tests.hosts.recordings import packets_of

from .calls import running
from .recordings import Sent, clicks, onsets, speak, spoken, stop, until

RATE = 48_000
FRAME = 960
Sound = np.ndarray[Any, Any]


def encode(pcm: Sound, **options: str) -> list[bytes]:
    """Opus packets of a voice that libopus made as PyAV brings it, not as isocord does."""
    coder = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format = RATE, "stereo", "s16"
    coder.bit_rate = int(options.pop("bit_rate"))
    coder.options = {"application": "voip", "frame_duration": "20", **options}
    packets = []
    for begin in range(0, len(pcm) - FRAME + 1, FRAME):
        samples = np.repeat(pcm[begin : begin + FRAME].astype("<i2"), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, begin, Fraction(1, RATE)
        packets += [bytes(packet) for packet in coder.encode(frame)]
    return packets


def decode(packets: list[bytes], decoder: str = "libopus") -> Sound:
    """The left channel, without any regard for timestamps."""
    coder = av.CodecContext.create(decoder, "r")
    coder.sample_rate, coder.layout = RATE, "stereo"
    coder.extradata = b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0"
    sound = []
    for number, packet in enumerate(packets):
        given = av.Packet(packet)
        given.pts, given.time_base = number * FRAME, Fraction(1, RATE)
        for frame in coder.decode(given):
            samples = frame.to_ndarray()
            scale = 1.0 if samples.dtype == np.int16 else 32768.0
            sound.append((samples[0] if frame.format.is_planar else samples[0][::2]).astype(float) * scale)
    return np.concatenate(sound)


def voice(seconds: float) -> Sound:
    """Syllables whose pitch and vowel never rest, so that no frame foretells the next."""
    at = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(7 * at)) / RATE
    vowel = 900 + 600 * np.sin(11 * at)
    sound = np.zeros(len(at))
    for harmonic in range(1, 24):
        pitch = 140 * harmonic
        formants = np.exp(-(((pitch - 450) / 220) ** 2)) + np.exp(-(((pitch - vowel) / 260) ** 2))
        sound += formants * np.sin(harmonic * phase + harmonic**2)
    return 2500 * sound * np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * 3.3 * at))


class Losing:
    """Loses every tenth packet, never the first ones."""

    def __init__(self) -> None:
        self.number = -1
        self.lost: list[int] = []

    def __call__(self, packet: Any) -> Any:
        self.number += 1
        if self.number > 20 and self.number % 10 == 3:
            self.lost.append(self.number)
            return ()
        return ((0.0, packet),)


@pytest.mark.parametrize("name", ["MKASink", "WebMSink"])
async def test_the_tracks_of_one_file_begin_together_and_keep_time(tmp_path: Path, name: str) -> None:
    async with running() as call:
        bot = await call.join()
        sent = {"alice": Sent(), "carol": Sent()}
        alice = call.discord.speak("General", user="alice", fault=sent["alice"])
        await call.settled()
        sink = getattr(isocord.sinks, name)(tmp_path / "call.mka", tracks=True)
        bot.start_recording(sink, sync_start=True)
        await asyncio.sleep(0.3)
        alice.play(clicks(3.0))
        await until(lambda: alice.sent > 60)
        carol = call.discord.speak("General", user="carol", fault=sent["carol"])
        await call.settled()
        carol.play(clicks(1.5))
        await spoken(alice, carol)
        await stop(bot, sink)
    heard = {}
    with av.open(str(tmp_path / "call.mka")) as opened:
        for stream in opened.streams.audio:
            assert stream.start_time == 0, stream
            heard[stream.metadata["USER_ID"]] = stream.index
    tracks = {}
    for who, speaker in (("alice", alice), ("carol", carol)):
        told = sink.audio_data[speaker.user_id]
        # One packet after the other, as programs read a track that is given to them by itself.
        pcm = decode(packets_of(tmp_path / "call.mka", stream=heard[str(speaker.user_id)]))
        assert (told.offset, len(pcm) / RATE) == (0.0, pytest.approx(told.duration, abs=0.021))
        tracks[who] = onsets(pcm)
    assert (len(tracks["alice"]), len(tracks["carol"])) == (6, 3)
    later = (sent["carol"].start - sent["alice"].start) * RATE
    assert later > RATE
    # Both click every half second, from a quarter of one on.
    assert abs(tracks["carol"][0] - tracks["alice"][0] - later) < 0.020 * RATE


@pytest.mark.parametrize("name", ["OGGSink", "MKASink", "WebMSink"])
async def test_what_in_band_fec_holds_of_lost_packets_is_in_the_file(tmp_path: Path, name: str) -> None:
    said = encode(voice(4.0), bit_rate="24000", fec="1", packet_loss="20")
    losing = Losing()
    async with running() as call:
        bot = await call.join()
        bob = call.discord.speak("General", user="bob", fault=losing)
        await call.settled()
        sink = getattr(isocord.sinks, name)(tmp_path)
        bot.start_recording(sink)
        bob.play_opus(said)
        await spoken(bob)
        await stop(bot, sink)
    written = packets_of(sink.audio_data[bob.user_id].path)
    original, heard = decode(said), decode(written)
    likenesses = []
    for number in losing.lost:
        # A machine that stood still may have moved the place of what came then.
        if number + 1 >= len(said) or said[number - 1] not in written or said[number + 1] not in written:
            continue
        at = written.index(said[number - 1]) + 1
        if written[at + 1] != said[number + 1]:
            continue
        here = heard[at * FRAME : (at + 1) * FRAME]
        there = original[number * FRAME : (number + 1) * FRAME]
        if np.abs(there).max() > 500:
            likenesses.append(float(here @ there / np.sqrt((here @ here) * (there @ there) + 1)))
    # Where a busy machine held up the packet after a lost one, it came too late to tell of that.
    concealed = bot.receive_stats.users[bob.user_id].concealed
    assert len(likenesses) >= 8
    # What is concealed comes to 0.5.
    assert np.mean(sorted(likenesses)[min(concealed, len(likenesses) - 1) :]) > 0.7, likenesses


@pytest.mark.parametrize("bit_rate", ["16000", "32000", "96000"])
async def test_talk_ends_without_a_click_in_any_decoder(tmp_path: Path, bit_rate: str) -> None:
    at = np.arange(RATE) / RATE
    said = encode(12_000 * np.sin(2 * np.pi * 440 * at), bit_rate=bit_rate)
    async with running() as call:
        bot = await call.join()
        bob = call.discord.speak("General", user="bob")
        await call.settled()
        sink = isocord.sinks.OGGSink(tmp_path)
        bot.start_recording(sink)
        bob.play_opus(said)
        await spoken(bob)
        await asyncio.sleep(0.5)
        await stop(bot, sink)
    written = packets_of(sink.audio_data[bob.user_id].path)
    end = (written.index(said[-1]) + 1) * FRAME
    for decoder in ("libopus", "opus"):
        pcm = decode(written, decoder)
        bends = np.abs(np.diff(pcm, 2))
        assert len(pcm) > end + 4 * FRAME
        # The tone itself bends by 40; a cut to silence by as much as it is loud.
        assert bends[end - FRAME // 2 : end + 4 * FRAME].max() < 800, decoder
        assert np.abs(pcm[end + 2 * FRAME :]).max() < 100, decoder


async def test_speech_that_is_spoken_again_after_silence_is_whole(tmp_path: Path) -> None:
    said = encode(voice(1.0), bit_rate="16000")
    async with running() as call:
        bot = await call.join()
        await call.settled()
        sink = isocord.sinks.OGGSink(tmp_path)
        bot.start_recording(sink)
        bob = speak(call, "bob", b"")
        for _ in range(2):
            bob.play_opus(said)
            await spoken(bob)
            await asyncio.sleep(0.3)
        await stop(bot, sink)
    written = packets_of(sink.audio_data[bob.user_id].path)
    # All that came is there, as it came and once.
    assert [packet for packet in written if packet in set(said[1:])] == said[1:] * 2
