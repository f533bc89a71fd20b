"""What plays is faded out natively when somebody speaks over it, in an encrypted call."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import isocord

from .ears import sine
from .voices import voice as babble
from .world import World, encode_pcm, library, logged_in, np, until

WRITTEN = 24_000
SILENCES = 5


async def encrypted() -> AsyncIterator[World]:
    async with logged_in(dave_version=1) as world:
        yield world


call = pytest.fixture(encrypted)
SPOKEN = list(encode_pcm(babble(2.0), "auto"))


def hum(seconds: float) -> bytes:
    at = np.arange(int(seconds * WRITTEN)) / WRITTEN
    data: bytes = (16_000 * np.sin(2 * np.pi * 240.0 * at)).astype("<i2").tobytes()
    return data


class Hum(library.AudioSource):  # type: ignore[misc, name-defined]
    """One of the bot library's own sources, of PCM or of packets."""

    def __init__(self, opus: bool) -> None:
        at = np.arange(960 * 4) / 48_000
        pcm = np.repeat((16_000 * np.sin(2 * np.pi * 250.0 * at)).astype("<i2"), 2).tobytes() * 100
        plain = [pcm[at : at + 3840] for at in range(0, len(pcm), 3840)]
        self.frames = iter(encode_pcm(pcm, "auto") if opus else plain)
        self.opus = opus
        self.cleaned = 0

    def read(self) -> bytes:
        return next(self.frames, b"")

    def is_opus(self) -> bool:
        return self.opus

    def cleanup(self) -> None:
        self.cleaned += 1


async def chunks() -> AsyncIterator[bytes]:
    while True:
        yield hum(0.25)


def made(kind: str, path: Path) -> Any:
    """A source of every kind, of ten seconds or so."""
    file = sine(path / "hum.wav", 10.0)
    if kind == "AudioFile":
        return isocord.AudioFile(file)
    if kind == "Mixer":
        mixer = isocord.Mixer()
        mixer.play(str(file))
        return mixer
    if kind == "Queue":
        return isocord.Queue(str(file), str(file), crossfade=1.0)
    if kind == "StreamSource":
        stream = isocord.StreamSource(WRITTEN, capacity=20.0)
        stream.write_nowait(hum(10.0))
        return stream
    if kind == "Filtered":
        return isocord.Filtered(isocord.AudioFile(file), isocord.filters.Timescale(1.1))
    if kind == "iterator":
        return chunks()
    return Hum(opus=kind == "packets")


KINDS = ["AudioFile", "Mixer", "Queue", "StreamSource", "Filtered", "iterator", "PCM", "packets"]


class Scene:
    """A bot that plays to bob, over whom alice speaks."""

    def __init__(self, world: World, voice: Any) -> None:
        self.voice = voice
        self.listener = world.discord.listen("General", user="bob", only=world.bot.user.id)
        self.alice = world.discord.speak("General", user="alice")

    @property
    def sounds(self) -> list[bool]:
        """For each packet that came to bob, whether it was more than silence."""
        return [not arrival.is_silence for arrival in self.listener.arrivals()]

    def sounding(self, since: int) -> bool:
        return any(self.sounds[since:])

    async def interrupted(self, source: Any, **options: Any) -> tuple[isocord.Interrupted, list[Exception | None]]:
        """Alice speaks over a source that has been heard for a while; what the future and ``after`` tell."""
        told: list[Exception | None] = []
        before = len(self.sounds)
        end = self.voice.play(source, wait_finish=True, **{"barge_in": True, "after": told.append, **options})
        await until(lambda: sum(self.sounds[before:]) > 20)
        self.alice.play_opus(SPOKEN)
        error = await asyncio.wait_for(end, 15)
        assert isinstance(error, isocord.Interrupted)
        self.alice.stop()
        await until(lambda: told or "after" in options)
        return error, told


async def scene(world: World) -> Scene:
    return Scene(world, await world.connect())


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_source_goes_out_and_never_comes_back(call: World, kind: str, tmp_path: Path) -> None:
    stage = await scene(call)
    source = made(kind, tmp_path)
    told, messages = await stage.interrupted(source)
    assert messages == [told] and told.by == stage.alice.user_id
    assert not stage.voice.is_playing()
    await until(lambda: stage.sounds[-SILENCES:] == [False] * SILENCES)
    sounds = stage.sounds
    last = len(sounds) - sounds[::-1].index(True)
    left = round(told.heard / 0.02)
    # The first may have left while the bot was alone in the call, or with the keys of before bob's time.
    unheard = stage.voice.stats.withheld + stage.listener.early
    # Frames that were heard whole, and one in which it goes out, if there was the time for it. Where a busy machine had
    # none in time, silence has left in between.
    assert sounds[last:] == [False] * SILENCES
    last = sum(sounds)
    if kind != "packets":
        # What begins slowly in time counts as it was written.
        assert last - 2 <= left <= last + unheard
    else:
        assert last <= left <= last + unheard
    if kind == "PCM":
        await until(lambda: source.cleaned == 1)


WORDS = babble(4.0, pitch=130.0, seed=8)
"""What the bot says where it is to be told from what a user says."""


def back(pcm: bytes, delay: float, reverberation: float) -> Any:
    """What comes back of a sound from a loudspeaker in a room: later, blurred, duller and less loud."""
    sound = np.frombuffer(pcm, "<i2")[::2].astype(float)
    rng = np.random.default_rng(3)
    room = np.zeros(int((delay + reverberation) * 48_000))
    first = int(delay * 48_000)
    room[first] = 1.0
    walls = np.exp(-6.9 * np.linspace(0, 1, room.size - first)) * rng.normal(size=room.size - first)
    room[first:] += walls * (rng.random(walls.size) < 0.004) * 0.5
    size = sound.size + room.size
    echo = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: sound.size]
    dull = np.convolve(echo, np.hanning(24) / np.hanning(24).sum(), "same")
    return dull * 0.3


def packets(sound: Any) -> list[bytes]:
    return list(encode_pcm(np.repeat(np.clip(sound, -32_000, 32_000).astype("<i2"), 2).tobytes(), "auto"))


def heard(pcm: bytes) -> isocord.StreamSource:
    stream = isocord.StreamSource(48_000, 2, capacity=10.0)
    stream.write_nowait(pcm)
    stream.finish()
    return stream


@pytest.mark.parametrize(("delay", "reverberation"), [(0.05, 0.2), (0.17, 0.4), (0.3, 0.3)])
async def test_what_comes_back_from_a_loudspeaker_interrupts_nothing(
    call: World, delay: float, reverberation: float
) -> None:
    stage = await scene(call)
    echo = packets(back(WORDS, delay, reverberation))
    for guarded in (True, False):
        before = len(stage.sounds)
        wanted = isocord.BargeIn(echo_guard=guarded)
        end = stage.voice.play(heard(WORDS), barge_in=wanted, wait_finish=True)
        await until(partial(stage.sounding, before))
        stage.alice.play_opus(echo)
        error = await asyncio.wait_for(end, 15)
        stage.alice.stop()
        # Without the guard it is what it sounds like.
        assert error is None if guarded else isinstance(error, isocord.Interrupted)
        await asyncio.sleep(0.4)


async def test_who_speaks_over_the_echo_interrupts(call: World) -> None:
    stage = await scene(call)
    other = np.frombuffer(babble(3.0, pitch=215.0, seed=4), "<i2")[::2].astype(float)
    echo = back(WORDS, 0.15, 0.3)
    echo[48_000 : 48_000 + other.size] += other[: echo.size - 48_000]
    spoken = packets(echo)
    end = stage.voice.play(heard(WORDS), barge_in=isocord.BargeIn(echo_guard=True), wait_finish=True)
    await until(lambda: any(stage.sounds))
    stage.alice.play_opus(spoken)
    error = await asyncio.wait_for(end, 15)
    # The voice begins after a second. The echo before it may count as its beginning.
    assert isinstance(error, isocord.Interrupted) and 1.0 < error.heard < 2.5


async def test_noise_interrupts_nothing_and_only_who_may_does(call: World) -> None:
    stage = await scene(call)
    noise = packets(np.random.default_rng(1).normal(size=2 * 48_000) * 3_000)
    for users, spoken in (((), noise), ([stage.listener.user_id], SPOKEN)):
        end = stage.voice.play(heard(WORDS), barge_in=isocord.BargeIn(users=users), wait_finish=True)
        stage.alice.play_opus(spoken)
        assert await asyncio.wait_for(end, 15) is None
        stage.alice.stop()
    who = call.guild.get_member(stage.alice.user_id) or stage.alice.user_id
    told, _ = await stage.interrupted(heard(WORDS), barge_in=isocord.BargeIn(min_speech=0.1, users=[who]))
    assert told.by == stage.alice.user_id
    assert 0.0 <= told.speech < 1.0 and told.reaction >= 0.0


async def test_nobody_interrupts_what_is_not_heard(call: World) -> None:
    stage = await scene(call)
    end = stage.voice.play(heard(WORDS), barge_in=True, wait_finish=True)
    await until(lambda: sum(stage.sounds) > 10)
    stage.voice.pause()
    await until(lambda: stage.sounds[-SILENCES:] == [False] * SILENCES)
    stage.alice.play_opus(SPOKEN)
    await until(lambda: not stage.alice.is_playing)
    assert stage.voice.is_paused() and not end.done()
    stage.voice.resume()
    assert await asyncio.wait_for(end, 15) is None


async def test_who_writes_is_told_and_the_next_answer_plays_afresh(call: World) -> None:
    stage = await scene(call)
    stream = isocord.StreamSource(WRITTEN, capacity=0.5)
    writing = asyncio.ensure_future(stream.write(hum(30.0)))
    told, _ = await stage.interrupted(stream)
    assert told.heard == stream.played > 0.0
    with pytest.raises(isocord.StreamError):
        await asyncio.wait_for(writing, 15)
    with pytest.raises(isocord.StreamError):
        stream.write_nowait(hum(0.1))
    assert await asyncio.wait_for(stage.voice.play(heard(WORDS[:48_000]), barge_in=True, wait_finish=True), 15) is None


@pytest.mark.parametrize("kind", ["Mixer", "Queue"])
async def test_mixers_and_queues_play_again(call: World, kind: str, tmp_path: Path) -> None:
    stage = await scene(call)
    source = made(kind, tmp_path)
    told, _ = await stage.interrupted(source)
    if kind == "Queue":
        # It goes on where it was heard.
        assert source.position == pytest.approx(told.heard, abs=0.05)
    else:
        source.play(str(tmp_path / "hum.wav"))
    again, _ = await stage.interrupted(source)
    assert again.heard > 0.2


async def test_it_goes_out_while_the_loop_is_blocked_and_others_hold_the_gil(call: World) -> None:
    stage = await scene(call)
    over = threading.Event()
    voice, counts = stage.voice, []

    def compute() -> None:
        while not over.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=compute) for _ in range(2)]
    stream = heard(WORDS)
    end = voice.play(stream, barge_in=True, wait_finish=True)
    await until(lambda: sum(stage.sounds) > 10)
    try:
        for thread in threads:
            thread.start()
        stage.alice.play_opus(SPOKEN)
        # The bot's loop does nothing else until it has happened.
        deadline = time.monotonic() + 15
        while voice.is_playing() and time.monotonic() < deadline:
            counts.append(stream.played)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not end.done()
    error = await asyncio.wait_for(end, 15)
    assert isinstance(error, isocord.Interrupted) and error.heard < 3.0


async def test_after_may_be_a_coroutine_and_stopping_is_no_interruption(call: World) -> None:
    stage = await scene(call)
    told: list[Exception | None] = []

    async def after(error: Exception | None) -> None:
        told.append(error)

    await stage.interrupted(heard(WORDS), after=after)
    await until(lambda: told)
    assert isinstance(told[0], isocord.Interrupted)
    stage.voice.play(heard(WORDS), after=after, barge_in=True)
    await until(stage.voice.is_playing)
    stage.voice.stop()
    await until(lambda: len(told) == 2)
    assert told[1] is None


async def test_what_may_be_asked(call: World) -> None:
    voice = await call.connect()
    for wrong in (0.2, None, "yes"):
        with pytest.raises(TypeError, match="barge_in"):
            voice.play(heard(WORDS), barge_in=wrong)
    for seconds in (-0.1, 11.0, float("nan")):
        with pytest.raises(ValueError, match="min_speech"):
            isocord.BargeIn(seconds)
    assert not voice.is_playing()
