"""A voice server that means no good, against a py-cord bot that plays: it plays on, or is lost, told, and back soon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord as pycord
import pytest

import isocord
from isocord.testing import FakeDiscord
from tests.hosts.world import until

pytestmark = pytest.mark.asyncio


class Tone(pycord.AudioSource):
    def read(self) -> bytes:
        return b"\x10\x20" * 1920


class Stand:
    """A bot that plays, and what it was told."""

    def __init__(self, discord: FakeDiscord, voice: Any, states: list[isocord.ConnectionState]) -> None:
        self.discord, self.voice, self.states = discord, voice, states

    def send(self, message: str | bytes) -> None:
        session = self.discord.voice_session()
        assert session is not None
        session.send_message(message)

    def arrived(self) -> int:
        session = self.discord.voice_session()
        return session.packets_received if session is not None else 0

    async def plays(self) -> None:
        before = self.arrived()
        await self.discord.wait_for(lambda: self.arrived() >= before + 10, timeout=20)


@asynccontextmanager
async def playing() -> AsyncIterator[Stand]:
    states: list[isocord.ConnectionState] = []
    async with FakeDiscord() as discord:
        bot = pycord.Client(intents=pycord.Intents.default())
        running = asyncio.create_task(bot.start(discord.token))
        while not (bot.is_ready() and bot.guilds):
            await asyncio.sleep(0.01)

        async def on_voice_connection_state_update(_: Any, state: isocord.ConnectionState) -> None:
            states.append(state)

        bot.event(on_voice_connection_state_update)
        channel = next(one for one in bot.guilds[0].voice_channels if one.name == "General")
        voice = await channel.connect(cls=isocord.VoiceClient)
        voice.play(Tone())
        stand = Stand(discord, voice, states)
        await stand.plays()
        states.clear()
        yield stand
        await voice.disconnect()
        await bot.close()
        await asyncio.wait([running], timeout=15)


READY = {"ssrc": 4, "ip": "127.0.0.1", "port": 9, "modes": ["aead_aes256_gcm_rtpsize"]}
HARMLESS = {
    "a heartbeat interval without an end": '{"op":8,"d":{"heartbeat_interval":1' + "0" * 400 + "}}",
    "numbers without an end": '{"op":5,"d":{"user_id":'
    + "9" * 400
    + ',"ssrc":1,"speaking":1},"seq":'
    + "9" * 400
    + "}",
    "nested lists": '{"op":5,"d":' + "[" * 100_000 + "]" * 100_000 + "}",
    "rubbish": "\x00\ud7ff not json",
    "keys that are none": json.dumps({"op": 4, "d": {"mode": "x", "secret_key": [1] * 31}}),
    "binary rubbish": b"\xff\xff\x1b" + bytes(1000),
    "a resume that nobody asked for": '{"op":9,"d":null}',
}
LOSSES = {
    "a second ready": json.dumps({"op": 2, "d": READY}),
    "a mode that was not selected": json.dumps({"op": 4, "d": {"mode": "xsalsa20_poly1305", "secret_key": [1] * 32}}),
    "a message that is too long": "x" * (1024 * 1024 + 1),
}


@pytest.mark.parametrize("message", HARMLESS.values(), ids=HARMLESS.keys())
async def test_it_plays_on(message: str | bytes) -> None:
    async with playing() as stand:
        stand.send(message)
        await stand.plays()
        assert stand.voice.state.phase is isocord.Phase.CONNECTED
        assert stand.voice.stats.reconnects == 0


@pytest.mark.parametrize("message", LOSSES.values(), ids=LOSSES.keys())
async def test_it_is_lost_told_and_back(message: str) -> None:
    async with playing() as stand:
        stand.send(message)
        await stand.discord.wait_for(lambda: stand.states, timeout=15)
        stats = stand.voice.stats
        await stand.voice.wait_for_state(isocord.Phase.CONNECTED, timeout=20)
        await stand.plays()
        assert stand.states[0].detail
        assert stats.resumes + stand.voice.stats.resumes + stand.voice.stats.reconnects >= 1


async def test_a_version_of_the_encryption_that_was_not_offered_ends_it_in_words() -> None:
    async with playing() as stand:
        mode, key = stand.voice.mode, [7] * 32
        keys = {"mode": mode, "secret_key": key, "dave_protocol_version": 99}
        stand.send(json.dumps({"op": 4, "d": keys}))
        state = await stand.voice.wait_for_state(isocord.Phase.DISCONNECTED, timeout=20)
        assert state.reason is isocord.Reason.REFUSED
        assert "version 99" in state.detail
        # The bot's own loop forgets them when it has been told.
        await until(lambda: stand.voice.secret_key is None and stand.voice.token is None)
