"""isocord for hikari: ``voice = await bot.voice.connect_to(guild, channel, isocord.hikari.VoiceClient)``.

``isocord.VoiceClient`` serves as well there. This one is what that makes for hikari: hikari's ``VoiceConnection`` and
isocord's voice client at once, which type checkers want to see. Importing this module imports hikari.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

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
    from .remote import NodeAddress
else:
    from .client.voice_client import VoiceClient as _VoiceClient

    VoiceClient = load().joined(_VoiceClient)


def voice_client(
    nodes: NodeAddress | Iterable[NodeAddress] | Callable[[], list[NodeAddress]], *, resume: float = 0.0
) -> type[VoiceClient]:
    """A class for ``bot.voice.connect_to`` whose connections are carried by media nodes.

    Args:
        nodes: as for :func:`isocord.remote.voice_client`.
        resume: as there.

    Raises:
        ValueError: ``resume`` is out of its range.
    """
    from .remote import voice_client as carried

    made: Any = load().joined(carried(nodes, resume=resume))
    found: type[VoiceClient] = made
    return found


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
    "voice_client",
]
