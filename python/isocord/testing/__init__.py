"""A fake Discord on 127.0.0.1, to test bots with voice offline.

An unmodified bot logs in, joins voice channels, speaks and hears; scripted users listen to it and talk to it, and a
test can moderate, cut connections and lose packets. Calls are encrypted end to end (DAVE) unless ``dave_version=0``.
Needs ``aiohttp``, ``cryptography`` and ``trustme``, and PyAV or isocord's native core to decode sound.

Example:
    >>> from isocord.testing import FakeDiscord
    >>> async def test_my_bot(bot):
    ...     async with FakeDiscord() as discord, discord.running(bot):
    ...         alice = discord.listen("General", user="alice")
    ...         answer = await discord.call("play", user="alice", path="song.mp3")
    ...         assert answer.content == "Playing song.mp3"
    ...         await discord.wait_for(lambda: len(alice.arrivals()) >= 50, timeout=15)
    ...         alice.save_wav("heard.wav")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._door.lazy import lazy
from .errors import (
    BotError,
    CommandError,
    MissingDependencyError,
    NotFoundError,
    NotRunningError,
    TestingError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from . import faults as faults
    from .bot.replies import File as File
    from .bot.replies import Reply as Reply
    from .dave.dave import DaveVersion as DaveVersion
    from .dave.dave import DeliveryService as DeliveryService
    from .dave.dave import FrameCrypto as FrameCrypto
    from .dave.member import DaveMember as DaveMember
    from .dave.member import NativeMember as NativeMember
    from .fake.answers import Answer as Answer
    from .fake.discord import FakeDiscord as FakeDiscord
    from .fake.views import EncryptionView as EncryptionView
    from .fake.views import GatewayView as GatewayView
    from .fake.views import VoiceSessionView as VoiceSessionView
    from .ground.eventlog import LogEntry as LogEntry
    from .ground.opcodes import GatewayClose as GatewayClose
    from .ground.opcodes import GatewayOp as GatewayOp
    from .ground.opcodes import VoiceClose as VoiceClose
    from .ground.opcodes import VoiceOp as VoiceOp
    from .ground.world import Channel as Channel
    from .ground.world import ChannelKind as ChannelKind
    from .ground.world import Guild as Guild
    from .ground.world import GuildSpec as GuildSpec
    from .ground.world import Member as Member
    from .ground.world import User as User
    from .ground.world import VoiceState as VoiceState
    from .mishaps.mishaps import FINAL_CODES as FINAL_CODES
    from .mishaps.mishaps import SURVIVABLE as SURVIVABLE
    from .mishaps.mishaps import Mishap as Mishap
    from .mishaps.mishaps import MishapKind as MishapKind
    from .mishaps.mishaps import random_script as random_script
    from .mishaps.staging import Rehearsal as Rehearsal
    from .patching import Addresses as Addresses
    from .people.listener import Arrival as Arrival
    from .people.listener import GapStatistics as GapStatistics
    from .people.listener import Listener as Listener
    from .people.listener import gap_statistics as gap_statistics
    from .people.participants import Participant as Participant
    from .people.sounds import load as load
    from .people.sounds import tone as tone
    from .people.sounds import write_wav as write_wav
    from .people.speaker import Speaker as Speaker
    from .process.process import FakeDiscordProcess as FakeDiscordProcess
    from .voice.session import Grant as Grant
    from .voice.session import SessionState as SessionState
    from .voice.sfu import Wrapping as Wrapping

# Names are imported when first used: the pytest plugin lives in this package, and every pytest run loads it.
_HOMES = {
    "bot.replies": ("File", "Reply"),
    "fake.answers": ("Answer",),
    "dave.dave": ("DaveVersion", "DeliveryService", "FrameCrypto"),
    "ground.eventlog": ("LogEntry",),
    "people.listener": ("Arrival", "GapStatistics", "Listener", "gap_statistics"),
    "dave.member": ("DaveMember", "NativeMember"),
    "mishaps.mishaps": ("FINAL_CODES", "SURVIVABLE", "Mishap", "MishapKind", "random_script"),
    "ground.opcodes": ("GatewayClose", "GatewayOp", "VoiceClose", "VoiceOp"),
    "people.participants": ("Participant",),
    "patching": ("Addresses",),
    "process.process": ("FakeDiscordProcess",),
    "fake.discord": ("FakeDiscord",),
    "voice.sfu": ("Wrapping",),
    "people.sounds": ("load", "tone", "write_wav"),
    "people.speaker": ("Speaker",),
    "mishaps.staging": ("Rehearsal",),
    "fake.views": ("EncryptionView", "GatewayView", "VoiceSessionView"),
    "voice.session": ("Grant", "SessionState"),
    "ground.world": ("Channel", "ChannelKind", "Guild", "GuildSpec", "Member", "User", "VoiceState"),
}

__all__ = [
    "FINAL_CODES",
    "SURVIVABLE",
    "Addresses",
    "Answer",
    "Arrival",
    "BotError",
    "Channel",
    "ChannelKind",
    "CommandError",
    "DaveMember",
    "DaveVersion",
    "DeliveryService",
    "EncryptionView",
    "FakeDiscord",
    "FakeDiscordProcess",
    "File",
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
    "Mishap",
    "MishapKind",
    "MissingDependencyError",
    "NativeMember",
    "NotFoundError",
    "NotRunningError",
    "Participant",
    "Rehearsal",
    "Reply",
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
    "random_script",
    "tone",
    "write_wav",
]


if not TYPE_CHECKING:
    _find, _ = lazy(__name__, _HOMES, ("faults",))

    # Unseen by type checkers, to which every name would then be one of this package.
    def __getattr__(name: str) -> Any:
        try:
            return _find(name)
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0] in ("aiohttp", "cryptography", "trustme"):
                raise MissingDependencyError(f"isocord.testing needs {error.name.split('.')[0]}") from error
            raise


def __dir__() -> list[str]:
    return __all__
