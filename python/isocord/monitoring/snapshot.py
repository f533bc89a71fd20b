"""What is told of the connections of a process, as plain values that JSON can carry.

Ids are strings, for not every reader of JSON has integers of 64 bits. Nothing that Discord keeps secret is among it:
no token, no key, no session. Names and titles are the words of strangers and come as one printable line.
"""

from __future__ import annotations

import logging
import math
import os
import time
from typing import TYPE_CHECKING, Any

from .. import _native
from ..client import registry
from ..client.stats import VoiceStats
from ..client.voice_client import VoiceClient
from ..playing.sources.native import NativeSource
from ..runtime.text import shown

if TYPE_CHECKING:
    from .speakers import Speakers

_log = logging.getLogger(__name__)

MOST_CONNECTIONS = 1_000
"""That are told one by one; ``total`` counts all."""
MOST_USERS = 25
"""Of one connection: those who speak first, then those who were heard most."""
_NAME = 100
_RATE = 48_000
RECEIVED = ("rtp", "rtcp", "unheard", "unknown_dropped", "forged", "malformed", "padding", "ignored")
HEARD = ("received", "lost", "late", "duplicate", "concealed", "recovered", "failed_to_open", "malformed", "restarts")


def snapshot(speakers: Speakers) -> dict[str, Any]:
    """What is to be told now of all connections; :func:`tell` has the fields of one."""
    from .._door.version import __version__

    voices = [voice for voice in registry.connected() if isinstance(voice, VoiceClient)]
    speakers.keep(voices)
    told = [told for voice in voices[:MOST_CONNECTIONS] if (told := _tell_if_it_stands(voice, speakers)) is not None]
    return {"isocord": __version__, "pid": os.getpid(), "time": time.time(), "total": len(voices), "connections": told}


def _tell_if_it_stands(voice: VoiceClient, speakers: Speakers) -> dict[str, Any] | None:
    try:
        return tell(voice, speakers.of(voice))
    except Exception as error:
        # It may end meanwhile, and its bot library's objects with it; the others are to be told all the same.
        _log.debug("A connection cannot be told: %r", error)
        return None


def tell(voice: VoiceClient, speaking: frozenset[int]) -> dict[str, Any]:
    """One connection.

    Args:
        voice: its client.
        speaking: ids of users who speak.

    Returns:
        Ids and names of guild, channel and bot; ``phase``, ``reason``, ``code`` and ``detail`` of its state; ``stats``
        with the fields of :class:`isocord.VoiceStats`; ``receive`` and, for each of ``users``, the counters of
        :attr:`VoiceClient.receive_stats`, ``jitter`` and ``delay`` in seconds; ``playing``, or None.
    """
    state, stats, received, guild = voice.state, voice.stats, voice.receive_stats, voice.guild
    members = received.users
    order = sorted(members, key=lambda user: (user not in speaking, -members[user].received))
    return {
        "guild_id": str(voice.server_id),
        "guild": _name(guild),
        "channel_id": _id(voice.channel),
        "channel": _name(voice.channel),
        "bot_id": _id(voice.user),
        "bot": _name(voice.user),
        "phase": state.phase.value,
        "reason": state.reason.value,
        "code": state.code,
        "detail": state.detail,
        "endpoint": voice.endpoint,
        "encrypted": voice.is_dave_connection(),
        "stats": {name: _finite(getattr(stats, name)) for name in VoiceStats.__match_args__},
        "receive": {name: getattr(received, name) for name in RECEIVED},
        "users": [
            {
                "id": str(user),
                "name": _name(voice._member(user)),
                "speaking": user in speaking,
                **{name: getattr(members[user], name) for name in HEARD},
                "jitter": members[user].jitter / _RATE,
                "delay": members[user].delay / _RATE,
            }
            for user in order[:MOST_USERS]
        ],
        "playing": _playing(voice),
    }


def _playing(voice: VoiceClient) -> dict[str, Any] | None:
    source = voice.source
    if source is None:
        return None
    native = NativeSource.of(source, voice._host.volume_transformer)
    shows = native.source if native is not None else None
    title = getattr(shows.now, "title", None) if isinstance(shows, _native.Queue) else getattr(shows, "title", None)
    return {
        "source": type(shows if shows is not None else source).__name__,
        "title": shown(title) if isinstance(title, str) else None,
        "paused": voice.is_paused(),
        "elapsed": voice.elapsed().total_seconds(),
        "position": getattr(shows, "position", None),
        "duration": getattr(shows, "duration", None),
    }


def _id(thing: object) -> str | None:
    found = getattr(thing, "id", None)
    return str(found) if isinstance(found, int) else None


def _name(thing: object) -> str | None:
    found = getattr(thing, "display_name", None) or getattr(thing, "name", None)
    return shown(found, _NAME) if isinstance(found, str) else None


def _finite(value: Any) -> Any:
    """JSON knows no infinity: a latency that is not known yet is None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
