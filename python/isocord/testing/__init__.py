"""A fake Discord on 127.0.0.1, to test bots with voice offline.

An unmodified bot logs in, joins voice channels, speaks and hears; scripted users listen to it and talk to it, and a
test can moderate, cut connections and lose packets. Calls are encrypted end to end (DAVE) unless ``dave_version=0``.
Needs ``aiohttp`` and ``cryptography``, and PyAV or isocord's native core to decode sound.

Example:
    >>> import asyncio
    >>> from isocord.testing import FakeDiscord
    >>> async def test_my_bot(bot):
    ...     async with FakeDiscord() as discord:
    ...         alice = discord.listen("General", user="alice")
    ...         async with bot:  # so that it runs on this loop
    ...             running = asyncio.create_task(bot.start(discord.token))
    ...             await discord.wait_for(lambda: len(alice.arrivals()) >= 50, timeout=15)
    ...             assert discord.bot_voice_state().channel_id == discord.channel("General").id
    ...             alice.save_wav("heard.wav")
    ...         await asyncio.wait([running], timeout=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    CommandError,
    MissingDependencyError,
    NotFoundError,
    NotRunningError,
    TestingError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from . import faults as faults
    from .dave import DaveVersion as DaveVersion
    from .dave import DeliveryService as DeliveryService
    from .dave import FrameCrypto as FrameCrypto
    from .eventlog import LogEntry as LogEntry
    from .listener import Arrival as Arrival
    from .listener import GapStatistics as GapStatistics
    from .listener import Listener as Listener
    from .listener import gap_statistics as gap_statistics
    from .member import DaveMember as DaveMember
    from .member import NativeMember as NativeMember
    from .mishaps import FINAL_CODES as FINAL_CODES
    from .mishaps import SURVIVABLE as SURVIVABLE
    from .mishaps import Mishap as Mishap
    from .mishaps import MishapKind as MishapKind
    from .mishaps import random_script as random_script
    from .opcodes import GatewayClose as GatewayClose
    from .opcodes import GatewayOp as GatewayOp
    from .opcodes import VoiceClose as VoiceClose
    from .opcodes import VoiceOp as VoiceOp
    from .participants import Participant as Participant
    from .patching import Addresses as Addresses
    from .process import FakeDiscordProcess as FakeDiscordProcess
    from .server import FakeDiscord as FakeDiscord
    from .sfu import Wrapping as Wrapping
    from .sounds import load as load
    from .sounds import tone as tone
    from .sounds import write_wav as write_wav
    from .speaker import Speaker as Speaker
    from .staging import Rehearsal as Rehearsal
    from .views import EncryptionView as EncryptionView
    from .views import GatewayView as GatewayView
    from .views import VoiceSessionView as VoiceSessionView
    from .voice_session import Grant as Grant
    from .voice_session import SessionState as SessionState
    from .world import Channel as Channel
    from .world import ChannelKind as ChannelKind
    from .world import Guild as Guild
    from .world import GuildSpec as GuildSpec
    from .world import Member as Member
    from .world import User as User
    from .world import VoiceState as VoiceState

# Names are imported when first used: the pytest plugin lives in this package, and every pytest run loads it.
_HOMES = {
    "dave": ("DaveVersion", "DeliveryService", "FrameCrypto"),
    "eventlog": ("LogEntry",),
    "listener": ("Arrival", "GapStatistics", "Listener", "gap_statistics"),
    "member": ("DaveMember", "NativeMember"),
    "mishaps": ("FINAL_CODES", "SURVIVABLE", "Mishap", "MishapKind", "random_script"),
    "opcodes": ("GatewayClose", "GatewayOp", "VoiceClose", "VoiceOp"),
    "participants": ("Participant",),
    "patching": ("Addresses",),
    "process": ("FakeDiscordProcess",),
    "server": ("FakeDiscord",),
    "sfu": ("Wrapping",),
    "sounds": ("load", "tone", "write_wav"),
    "speaker": ("Speaker",),
    "staging": ("Rehearsal",),
    "views": ("EncryptionView", "GatewayView", "VoiceSessionView"),
    "voice_session": ("Grant", "SessionState"),
    "world": ("Channel", "ChannelKind", "Guild", "GuildSpec", "Member", "User", "VoiceState"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "FINAL_CODES",
    "SURVIVABLE",
    "Addresses",
    "Arrival",
    "Channel",
    "ChannelKind",
    "CommandError",
    "DaveMember",
    "DaveVersion",
    "DeliveryService",
    "EncryptionView",
    "FakeDiscord",
    "FakeDiscordProcess",
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


def __getattr__(name: str) -> Any:
    if name == "faults":
        return import_module(".faults", __name__)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{home}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in ("aiohttp", "cryptography"):
            raise MissingDependencyError(f"isocord.testing needs {error.name.split('.')[0]}") from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
