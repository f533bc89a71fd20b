"""The bot's own voice in recordings, under whichever bot library this interpreter has."""

from __future__ import annotations

import asyncio
import io
import os
import time
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord.remote.client import carried_at
from isocord.sinks import FLACSink, MKASink, OGGSink, WaveSink

from .recordings import left, packets_of, read
from .world import RATE, World, begin_speaking, np, share, testing, until, wave_file

av = pytest.importorskip("av")


def noise(seconds: float, seed: int) -> bytes:
    """Mono noise in both channels, that is like itself at one place only."""
    samples = np.random.default_rng(seed).normal(0, 4_000, round(seconds * RATE)).clip(-20_000, 20_000)
    return bytes(np.repeat(samples.astype("<i2"), 2).tobytes())


def place(sound: Any, said: bytes) -> int:
    """The sample at which a sound is most like what was said."""
    original = np.frombuffer(said, "<i2")[::2].astype(float)
    size = 1 << (len(sound) + len(original)).bit_length()
    spectrum = np.fft.rfft(sound.astype(float), size) * np.conj(np.fft.rfft(original, size))
    return int(np.fft.irfft(spectrum, size)[: len(sound)].argmax())


def song(path: Path, pcm: bytes) -> None:
    """A file of Opus packets."""
    with av.open(os.fspath(path), "w") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo", options={"b": "96000"})
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), "s16", "stereo")
        frame.rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])


def file(pcm: bytes) -> isocord.AudioFile:
    return isocord.AudioFile(io.BytesIO(wave_file(pcm)))


def unsure(voice: Any) -> int:
    """Samples by which the clock of another machine is known at worst, as busy as this one is."""
    return 0 if carried_at(voice) is None else RATE // 4


async def played(voice: Any, source: Any) -> None:
    done: list[Any] = []
    voice.play(source, after=done.append)
    await until(lambda: done)
    assert done == [None]


async def said(voice: Any, *pcm: bytes) -> None:
    """One after the other, with a gap behind each."""
    for sound in pcm:
        await played(voice, file(sound))
        await asyncio.sleep(0.3)


async def listens(world: World, voice: Any, user: str) -> Any:
    """A listener, once the bot has a key that it shares with everybody."""
    listener = world.discord.listen("General", user=user)
    encryption = world.discord.encryption("General")
    await world.discord.wait_for(lambda: encryption.settled and voice.privacy_code, timeout=15)
    return listener


async def silent(listener: Any) -> None:
    """Until the silence after it has been heard."""
    await until(lambda: [packet.is_silence for packet in listener.arrivals()[-5:]] == [True] * 5)


# Between packets there is silence in steps of 2.5 ms, so that a later one may lie half of that aside.
@pytest.mark.parametrize(("kind", "aside"), [(WaveSink, 0), (FLACSink, 0), (OGGSink, 60), (MKASink, 60)])
async def test_what_the_bot_says_is_where_a_listener_heard_it(
    world: World, tmp_path: Path, kind: Any, aside: int
) -> None:
    voice = await world.connect()
    listener = await listens(world, voice, "alice")
    recording = voice.start_recording(kind(tmp_path, own_voice=True))
    words = [noise(0.5, 1), noise(0.4, 2)]
    await said(voice, *words)
    await silent(listener)
    report = await recording.stop()
    (track,) = report.tracks
    assert (track.user_id, track.error, report.dropped) == (world.bot.user.id, None, 0)
    assert track.name == world.guild.me.display_name
    recorded, heard = read(track.path), np.frombuffer(listener.pcm(), "<i2")[::2]
    places = [(place(recorded, word), place(heard, word)) for word in words]
    # Both begin with the first packet that was heard, but for what seems to have left before it began.
    early = places[0][1] - places[0][0]
    assert -aside <= early <= max(aside, unsure(voice)), places
    assert all(abs(theirs - ours - early) <= aside for ours, theirs in places), places
    if aside == 0:
        length = min(len(recorded), len(heard) - early)
        assert np.array_equal(recorded[:length], heard[early:][:length])


async def test_packets_that_pass_through_are_recorded_as_they_are(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = await listens(world, voice, "alice")
    path = tmp_path / "song.ogg"
    song(path, noise(1.0, 3))
    sinks = [OGGSink(tmp_path / "kept", own_voice=True), MKASink(tmp_path / "all.mka", own_voice=True, tracks=True)]
    recordings = [voice.start_recording(sink) for sink in sinks]
    before = voice._connection.native.position
    await played(voice, isocord.AudioFile(path))
    await silent(listener)
    for recording in recordings:
        report = await recording.stop()
        (track,) = report.tracks
        kept, given = packets_of(track.path), packets_of(path)
        assert kept[kept.index(given[0]) :][: len(given)] == given
        # It lies where it left, on the clock that what others say is placed on.
        after = before + round(report.duration * RATE)
        at = recording.position + round(track.offset * RATE)
        assert before - unsure(voice) <= at <= after + unsure(voice)


async def test_it_is_one_voice_among_others(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    bot = world.bot.user.id
    alice = world.discord.speak("General", user="alice")
    await listens(world, voice, "bob")
    sinks = {
        "each": WaveSink(tmp_path / "each", own_voice=True, users=[alice.user.id], mixdown=tmp_path / "mixed.wav"),
        "without": WaveSink(tmp_path / "without"),
        "denied": WaveSink(tmp_path / "denied", own_voice=True, exclude=[bot]),
        "parts": WaveSink(tmp_path / "parts", own_voice=True, split=1),
    }
    recordings = {name: voice.start_recording(sink, sync_start=True) for name, sink in sinks.items()}
    begin_speaking([alice], 1.5, ["alice"])
    await played(voice, file(testing.tone(2_500.0, 1.5)))
    await until(lambda: not alice.is_playing)
    reports = {name: await recording.stop() for name, recording in recordings.items()}
    users = {name: [track.user_id for track in report.tracks] for name, report in reports.items()}
    assert users == {
        "each": [*sorted([alice.user.id, bot]), None],
        "without": [alice.user.id],
        "denied": [alice.user.id],
        "parts": sorted([alice.user.id, bot]),
    }
    tracks = {track.user_id: track for track in reports["each"].tracks}
    own, mixed = left(tracks[bot].path), left(tracks[None].path)
    assert share(own, 2_500.0) > 0.9
    assert min(share(mixed, 440.0), share(mixed, 2_500.0)) > 0.2
    summed = own.astype(int) + left(tracks[alice.user.id].path)
    assert np.array_equal(summed.clip(-32_768, 32_767), mixed)
    parts = next(track for track in reports["parts"].tracks if track.user_id == bot).parts
    assert len(parts) > 1
    joined = np.concatenate([left(part.path) for part in parts])
    first = [int(np.argmax(np.abs(pcm) > 1_000)) for pcm in (joined, own)]
    # The frame in which the stop falls is in no file.
    length = min(len(joined) - first[0], len(own) - first[1]) - 960
    assert np.array_equal(joined[first[0] :][:length], own[first[1] :][:length])


async def test_what_it_says_in_a_pause_is_in_no_track(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = await listens(world, voice, "alice")
    recording = voice.start_recording(WaveSink(tmp_path, own_voice=True))
    words = [noise(0.3, seed) for seed in (1, 2, 3)]
    await said(voice, words[0])
    recording.pause()
    await said(voice, words[1])
    recording.resume()
    await said(voice, words[2])
    await silent(listener)
    report = await recording.stop()
    recorded = read(report.tracks[0].path)
    heard = np.frombuffer(listener.pcm(), "<i2")[::2]

    def alike(word: bytes, sound: Any) -> float:
        at = place(sound, word)
        piece = sound[at:][: len(word) // 4]
        return float(np.corrcoef(piece, np.frombuffer(word, "<i2")[::2][: len(piece)])[0, 1])

    assert min(alike(word, heard) for word in words) > 0.5
    assert min(alike(word, recorded) for word in (words[0], words[2])) > 0.5
    assert alike(words[1], recorded) < 0.3


async def test_a_slow_disk_loses_nothing_of_it(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    bot = world.bot.user.id
    alice = world.discord.speak("General", user="alice")
    listener = await listens(world, voice, "bob")

    def target(user: int) -> Path:
        if user != bot:
            # Meanwhile what both say waits, and it waits as long.
            time.sleep(2.5)
        return tmp_path / f"{user}.wav"

    recording = voice.start_recording(WaveSink(target, own_voice=True))
    begin_speaking([alice], 3.0, ["alice"])
    await played(voice, file(noise(3.0, 5)))
    await silent(listener)
    await until(lambda: not alice.is_playing)
    report = await recording.stop()
    assert report.dropped == 0
    recorded = read(next(track for track in report.tracks if track.user_id == bot).path)
    heard = np.frombuffer(listener.pcm(), "<i2")[::2]
    length = min(len(recorded), len(heard))
    assert length > 2.9 * RATE
    assert np.array_equal(recorded[:length], heard[:length])
