"""A fake Discord on 127.0.0.1, to test bots with voice offline.

An unmodified bot logs in, joins voice channels, speaks and hears; scripted users listen to it and talk to it, and a
test can moderate, cut connections and lose packets. Needs ``aiohttp`` and ``cryptography``, and PyAV or isocord's
native core to decode sound.

Example:
    >>> import asyncio
    >>> from isocord.testing import FakeDiscord
    >>> async def test_my_bot(bot):
    ...     async with FakeDiscord() as discord:
    ...         alice = discord.listen("General", user="alice")
    ...         running = asyncio.create_task(bot.start(discord.token))
    ...         await discord.wait_for(lambda: len(alice.arrivals()) >= 50, timeout=15)
    ...         assert discord.bot_voice_state().channel_id == discord.channel("General").id
    ...         alice.save_wav("heard.wav")
    ...         await bot.close()
    ...         await running
"""

from __future__ import annotations

from . import faults
from .dave import DeliveryService, FrameCrypto
from .errors import (
    CommandError,
    MissingDependencyError,
    NotFoundError,
    NotRunningError,
    TestingError,
    WaitTimeoutError,
)
from .eventlog import LogEntry
from .listener import Arrival, GapStatistics, Listener, gap_statistics
from .opcodes import GatewayClose, GatewayOp, VoiceClose, VoiceOp
from .participants import Participant
from .patching import Addresses
from .server import FakeDiscord
from .sfu import Wrapping
from .sounds import load, tone, write_wav
from .speaker import Speaker
from .views import GatewayView, VoiceSessionView
from .voice_session import Grant, SessionState
from .world import Channel, ChannelKind, Guild, GuildSpec, Member, User, VoiceState

__all__ = [
    "Addresses",
    "Arrival",
    "Channel",
    "ChannelKind",
    "CommandError",
    "DeliveryService",
    "FakeDiscord",
    "FrameCrypto",
    "GapStatistics",
    "GatewayClose",
    "GatewayOp",
    "GatewayView",
    "Grant",
    "Guild",
    "GuildSpec",
    "Listener",
    "LogEntry",
    "Member",
    "MissingDependencyError",
    "NotFoundError",
    "NotRunningError",
    "Participant",
    "SessionState",
    "Speaker",
    "TestingError",
    "User",
    "VoiceClose",
    "VoiceOp",
    "VoiceSessionView",
    "VoiceState",
    "WaitTimeoutError",
    "Wrapping",
    "faults",
    "gap_statistics",
    "load",
    "tone",
    "write_wav",
]
