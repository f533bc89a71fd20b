"""Two hundred users who join an encrypted call at once, and a bot that goes on with everything else meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import discord as pycord

import isocord
from isocord import _native
from isocord.testing import FakeDiscord, GuildSpec, VoiceOp

from .calls import CONNECT

CROWD = [f"user {number}" for number in range(200)]


class Bystander:
    """Is in the group and says what a member has to say, but does no work for it: the bot alone commits."""

    privacy_code = None

    def __init__(self, user_id: int, channel_id: int) -> None:
        self._session = _native.DaveSession(None, user_id, channel_id)

    def take(self, op: VoiceOp, body: Any) -> list[tuple[VoiceOp, Any]]:
        outputs: list[Any] = []
        match op:
            case VoiceOp.SESSION_DESCRIPTION:
                outputs = self._session.session_description(body["dave_protocol_version"])
            case VoiceOp.DAVE_PREPARE_EPOCH:
                outputs = self._session.prepare_epoch(body["epoch"], body["protocol_version"])
            case VoiceOp.DAVE_PREPARE_TRANSITION:
                return [(VoiceOp.DAVE_TRANSITION_READY, {"transition_id": body["transition_id"]})]
            case VoiceOp.DAVE_ANNOUNCE_COMMIT | VoiceOp.DAVE_WELCOME:
                return [(VoiceOp.DAVE_TRANSITION_READY, {"transition_id": int.from_bytes(body[:2], "big")})]
            case _:
                pass
        return [(VoiceOp(output[0]), output[1:]) for output in outputs if isinstance(output, bytes)]

    def seal(self, opus: bytes) -> None:
        return None

    def open(self, user_id: int, frame: bytes) -> None:
        return None


async def test_a_crowd_joins_and_every_heartbeat_is_sent_in_time() -> None:
    # A client that is silent for one and a half of these intervals is closed, and would have to resume.
    guild = GuildSpec(members=tuple(CROWD))
    async with (
        FakeDiscord([guild], heartbeat_interval=5.0) as discord,
        discord.running(pycord.Bot(intents=pycord.Intents.all())) as bot,
    ):
        channel = next(channel for channel in bot.guilds[0].voice_channels if channel.name == "General")
        voice = await asyncio.wait_for(channel.connect(cls=isocord.VoiceClient), CONNECT)

        def join(users: list[str]) -> None:
            for user in users:
                discord.listen("General", user=user, make_member=Bystander)

        # In between the server answers heartbeats.
        for first in range(0, len(CROWD), 20):
            discord.on_server(partial(join, CROWD[first : first + 20]))
        encryption = discord.encryption("General")
        assert encryption is not None
        await discord.wait_for(
            lambda: len(encryption.members) == len(CROWD) + 1 and encryption.settled,
            timeout=60,
            what="one group of all",
        )
        await discord.wait_for(lambda: voice.privacy_code is not None)
        assert voice.is_connected()
        assert (voice.stats.resumes, voice.stats.reconnects) == (0, 0)
