"""isocord: a voice client for Discord bots whose audio never stutters.

``voice = await channel.connect(cls=isocord.VoiceClient)`` in a bot of py-cord, discord.py, disnake or nextcord.
"""

from __future__ import annotations

from ._native import AudioFile
from .client import VoiceClient
from .errors import (
    AudioFileError,
    ClientError,
    ClosedError,
    ConnectError,
    IsocordError,
    OpusError,
    UdpError,
    UnknownHostError,
    UnsupportedModeError,
)
from .events import ConnectionState, Phase, Reason
from .hosts.voice_extras import install as _install_voice_extras
from .stats import VoiceStats

__version__ = "0.1.0"

__all__ = [
    "AudioFile",
    "AudioFileError",
    "ClientError",
    "ClosedError",
    "ConnectError",
    "ConnectionState",
    "IsocordError",
    "OpusError",
    "Phase",
    "Reason",
    "UdpError",
    "UnknownHostError",
    "UnsupportedModeError",
    "VoiceClient",
    "VoiceStats",
]

_install_voice_extras()
