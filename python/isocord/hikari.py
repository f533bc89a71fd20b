"""isocord for hikari: ``voice = await bot.voice.connect_to(guild, channel, isocord.hikari.VoiceClient)``.

``isocord.VoiceClient`` serves as well there. This one is what that makes for hikari: hikari's ``VoiceConnection`` and
isocord's voice client at once, which type checkers want to see. Importing this module imports hikari.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .hosts.hikari import AudioSource, load
from .hosts.hikari_events import (
    ConnectionStateEvent,
    MemberConnectEvent,
    MemberDisconnectEvent,
    MemberEvent,
    PrivacyCodeEvent,
    SpeakingStartEvent,
    SpeakingStateEvent,
    SpeakingStopEvent,
    VoiceEvent,
)

if TYPE_CHECKING:
    from .client.typed import HikariVoiceClient as VoiceClient
else:
    from .client.voice_client import VoiceClient as _VoiceClient

    VoiceClient = load().joined(_VoiceClient)

__all__ = [
    "AudioSource",
    "ConnectionStateEvent",
    "MemberConnectEvent",
    "MemberDisconnectEvent",
    "MemberEvent",
    "PrivacyCodeEvent",
    "SpeakingStartEvent",
    "SpeakingStateEvent",
    "SpeakingStopEvent",
    "VoiceClient",
    "VoiceEvent",
]
