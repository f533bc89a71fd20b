"""Scripted speakers: schedule, faults, moves, alignment."""

from __future__ import annotations

import time
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from isocord.testing import FakeDiscord, VoiceOp, faults, tone, write_wav

FRAME = 3840


def loudest_frequency(pcm: bytes) -> float:
    left = np.frombuffer(pcm, "<i2")[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left * np.hanning(len(left))))
    return float(spectrum.argmax() * 48_000 / len(left))


def test_speakers_are_heard_in_their_own_tracks() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob")
        carol = discord.speak("General", user="carol")
        bob.play(tone(440, 0.4))
        carol.play(tone(1500, 0.4))
        discord.wait_until(lambda: not (bob.is_playing or carol.is_playing))
        tracks = alice.tracks()
        assert set(tracks) == {bob.id, carol.id} == set(alice.heard_users)
        assert abs(loudest_frequency(tracks[bob.id][: 20 * FRAME]) - 440) < 5
        assert abs(loudest_frequency(tracks[carol.id][-25 * FRAME : -5 * FRAME]) - 1500) < 5
        assert carol.arrivals("bob")
        assert not carol.arrivals("carol")
        speaking = [data["speaking"] for op, data in alice.signals if op == VoiceOp.SPEAKING]
        assert sorted(speaking) == [0, 0, 1, 1]


def test_a_listener_for_one_user() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice", only="bob")
        bob = discord.speak("General", user="bob")
        carol = discord.speak("General", user="carol")
        for speaker in (bob, carol):
            speaker.play_opus([b"\xf8\xff\xfe"])
        discord.wait_until(lambda: not (bob.is_playing or carol.is_playing))
        assert alice.heard_users == [bob.id]


def test_speakers_with_faults() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob", fault=faults.chain(faults.lose_every(5), faults.duplicate(1.0)))
        bob.play(tone(440, 0.3))
        discord.wait_until(lambda: not bob.is_playing)
        statistics = alice.gaps("bob")
        assert bob.sent == 20
        assert (statistics.packets, statistics.duplicates, statistics.lost) == (32, 16, 3)


def test_rtp_time_goes_on_between_two_songs() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob")
        for count in (1, 7):
            bob.play_opus([b"\xf8\xff\xfe"])
            discord.wait_until(lambda count=count: len(alice.arrivals("bob")) >= count)  # type: ignore[misc]
            # Also where frames leave late, for the fake stands still.
            discord.on_server(partial(time.sleep, 0.7))
            discord.wait_until(lambda: not bob.is_playing)
        first, second = alice.arrivals("bob")[0], alice.arrivals("bob")[6]
        stamped = (second.timestamp - first.timestamp) % (1 << 32) / 48_000
        assert second.seq == (first.seq + 6) % (1 << 16)
        assert abs(stamped - (second.time_ns - first.time_ns) / 1e9) < 0.5
        assert stamped >= 6 * 0.020


def test_moving_and_leaving() -> None:
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("Music", user="bob")
        bob.play_opus([b"\xf8\xff\xfe"] * 200)
        discord.move("alice", "Music")
        discord.wait_until(lambda: alice.arrivals("bob"))
        bob.leave()
        assert not bob.is_playing
        assert bob.voice_state is None
        discord.kick("alice")
        assert alice.voice_state is None
        alice.leave()


def test_files_in_and_out(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", tone(660, 0.3))
    with FakeDiscord(patch=False) as discord:
        alice = discord.listen("General", user="alice")
        bob = discord.speak("General", user="bob")
        bob.play_file(tmp_path / "in.wav")
        discord.wait_until(lambda: not bob.is_playing)
        alice.save_wav(tmp_path / "out.wav", "bob")
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (48_000, 2, 20 * 960)
        assert abs(loudest_frequency(file.readframes(15 * 960)) - 660) < 5


def test_who_can_take_part() -> None:
    with FakeDiscord(patch=False) as discord:
        with pytest.raises(ValueError, match="no voice channel"):
            discord.listen("general", user="alice")
        with pytest.raises(ValueError, match="bot itself"):
            discord.listen("General", user=discord.bot)
