"""What users of voice report most, each on demand: what is played goes on, and what others say is heard whole."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import isocord

from .bots import talker
from .world import RATE, TONES, Tone, World, begin_speaking, np, share, testing, until

SECONDS = 4.0
Kind = testing.MishapKind


class Call:
    """A bot that plays to carol and hears alice, whose tone is one second of each of the four."""

    def __init__(self, world: World, voice: Any) -> None:
        self.world, self.discord, self.voice = world, world.discord, voice
        self.carol = world.discord.listen("General", user="carol")
        self.alice = world.discord.speak("General", user="alice")
        self.heard: list[Any] = []

    async def listen(self) -> None:
        async with self.voice.listen(users=[self.alice]) as listening:
            async for frame in listening:
                if self.pcm(frame).max() > 1000:
                    self.heard.append(frame)

    @staticmethod
    def pcm(frame: Any) -> Any:
        return np.frombuffer(frame.data, "<i2")[::2].astype(int)

    def seconds(self) -> float:
        """Of alice's tone that came as she said it."""
        return sum(frame.samples for frame in self.heard if frame.kind == "voice") / RATE

    def came_whole(self) -> bool:
        """Whether every packet of alice's arrived and was opened; what a busy machine brings late is not meant."""
        there = self.voice.receive_stats.users.get(self.alice.id)
        return there is not None and there.received >= self.alice.sent and there.failed_to_open == 0


@pytest.fixture
async def call(world: World) -> Any:
    voice = await world.connect()
    made = Call(world, voice)
    voice.play(Tone())
    await until(made.carol.arrivals)
    listening = asyncio.ensure_future(made.listen())
    yield made
    listening.cancel()
    await asyncio.wait([listening])


async def talks(call: Call, *mishaps: Any, seconds: float = SECONDS) -> None:
    """Alice speaks, and in the midst of it this happens, one after the other."""
    begin_speaking([call.alice], seconds, ["alice"])
    await until(lambda: call.seconds() > 0.5)
    for mishap in mishaps:
        assert call.discord.stage(mishap)
        await asyncio.sleep(mishap.lasting + 0.2)
    await until(lambda: not call.alice.is_playing)


async def unharmed(call: Call) -> None:
    """The voice session is the first one, and what is played is heard."""
    assert (call.voice.stats.reconnects, call.voice.stats.resumes) == (0, 0)
    there = len(call.carol.arrivals())
    await until(lambda: len(call.carol.arrivals()) > there + 10)


async def test_keys_that_change_while_somebody_speaks_cost_nothing(call: Call) -> None:
    epoch = call.discord.encryption("General").epoch
    await talks(call, *[testing.Mishap(Kind.KEYS_CHANGED, lasting=0.3)] * 4)
    await until(call.came_whole)
    # Twice each time, for somebody has come, and gone; a busy machine makes one change of two that are close.
    await until(lambda: call.discord.encryption("General").epoch >= epoch + 2)
    await unharmed(call)
    assert call.carol.gaps().lost == 0


async def test_padding_is_taken_off_before_the_end_to_end_encryption(call: Call) -> None:
    await talks(call, testing.Mishap(Kind.PACKETS_PADDED, lasting=2.0))
    await until(call.came_whole)
    assert share(np.concatenate([call.pcm(frame) for frame in call.heard[25:150]]), TONES["alice"]) > 0.99
    await unharmed(call)


async def test_plain_frames_in_an_encrypted_call_are_no_sound_and_do_no_harm(call: Call) -> None:
    await talks(call, testing.Mishap(Kind.FRAMES_UNENCRYPTED, lasting=1.0))
    # What was encrypted before, half a second of it, and after is heard, but for what a busy machine brings too late;
    # what was not, passes for nobody's.
    await until(lambda: call.seconds() > 1.5)
    assert call.voice.receive_stats.users[call.alice.id].failed_to_open >= 25
    await unharmed(call)


async def test_a_stream_that_is_unknown_for_seconds_is_heard_from_its_beginning(call: Call) -> None:
    await talks(call, testing.Mishap(Kind.STREAMS_UNKNOWN, lasting=1.5))

    def is_complete() -> bool:
        stats = call.voice.receive_stats
        # Packets wait for two seconds; a machine so busy that it tells later than that has them counted.
        there = stats.users.get(call.alice.id)
        return there is not None and there.received + stats.unknown_dropped >= call.alice.sent

    await until(is_complete)
    dropped = call.voice.receive_stats.unknown_dropped
    assert dropped < 60, "these are fewer than came in that time"
    # The bulk of it, that time included; a busy machine may bring some too late.
    await until(lambda: call.seconds() > SECONDS - 1.0 - dropped * 0.020)
    await unharmed(call)


async def test_who_speaks_while_the_bot_joins_is_heard(call: Call) -> None:
    begin_speaking([call.alice], SECONDS, ["alice"])
    await until(lambda: call.seconds() > 0.5)
    assert call.discord.stage(testing.Mishap(Kind.SPOKEN_WHILE_JOINING, lasting=2.0))
    await until(lambda: call.voice.stats.reconnects == 1)
    heard = call.seconds()
    await until(lambda: call.seconds() > heard + 0.5)
    await until(call.voice.is_connected)
    there = len(call.carol.arrivals())
    await until(lambda: len(call.carol.arrivals()) > there + 10)


async def test_lost_keepalives_cost_nothing(call: Call) -> None:
    before = call.discord.counters["udp_lost_by_fault"]
    assert call.discord.stage(testing.Mishap(Kind.KEEPALIVES_LOST, lasting=12.0))
    await until(lambda: call.discord.counters["udp_lost_by_fault"] >= before + 2)
    await talks(call, seconds=1.0)
    await until(call.came_whole)
    await unharmed(call)
    assert call.carol.gaps().lost == 0


async def test_a_bot_whose_requests_are_limited_answers_when_it_may() -> None:
    async with testing.FakeDiscord() as discord, discord.running(talker()):
        began = time.monotonic()
        assert discord.stage(testing.Mishap(Kind.API_RATE_LIMITED, lasting=0.5))
        answer = await discord.call("hello", name="Bob")
        assert answer.content == "Hello, Bob."
        assert discord.counters["rest_rate_limited"] >= 1
        assert time.monotonic() - began >= 0.5


async def test_a_call_without_encryption_has_no_keys_to_change() -> None:
    from .world import logged_in

    async with logged_in(dave_version=0) as world:
        voice = await world.connect()
        assert not world.discord.stage(testing.Mishap(Kind.KEYS_CHANGED))
        assert voice.state.phase is isocord.Phase.CONNECTED
