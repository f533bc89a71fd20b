"""What keeps a bot out of a voice channel, or from being heard in it: in words for people, before anything waits.

Discord does not answer a join that it does not allow, and sends sound of a silenced bot to nobody.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ..connection.states import VoiceStateUpdate

_INTENTS = ("guilds", "voice_states")
_PERMISSIONS = {"view_channel": "View Channel", "connect": "Connect"}


def obstacle(client: Any, guild: Any, channel: Any) -> str:
    """Why a join would not be answered; empty if nothing is known to be in its way."""
    intents = getattr(client, "intents", None)
    missing = [name for name in _INTENTS if getattr(intents, name, True) is False]
    if missing:
        cure = " and ".join(f"`intents.{name} = True`" for name in missing)
        return f"The bot's intents lack {' and '.join(missing)}: Discord tells it nothing of voice. Set {cure}."
    if hasattr(channel, "permissions_for") and not hasattr(channel, "connect"):
        return f"{channel.name} is no voice channel, but a {type(channel).__name__}."
    me = getattr(guild, "me", None)
    if me is None:
        return ""
    # A channel may be a stand-in that knows its id and no more.
    with contextlib.suppress(AttributeError, TypeError):
        permissions = channel.permissions_for(me)
        lacking = [words for name, words in _PERMISSIONS.items() if getattr(permissions, name, True) is False]
        if lacking:
            return f"The bot may not enter {channel.name}: it lacks {_listed('permission', lacking)} there."
        return _crowded(channel, me, permissions)
    return ""


def unheard(update: VoiceStateUpdate, channel: Any, ask: str) -> str:
    """Why nobody hears the bot; empty if its sound is passed on. ``ask`` is how it asks for that on a stage."""
    name = getattr(channel, "name", "the channel")
    if update.suppress:
        if getattr(getattr(channel, "type", None), "name", "") in ("stage_voice", "GUILD_STAGE"):
            return f"the bot is in the audience of {name}: a moderator has to let it speak, it may ask with `{ask}`"
        return f"the bot lacks the permission Speak in {name}"
    return "a moderator has muted the bot on the server" if update.mute else ""


def _crowded(channel: Any, me: Any, permissions: Any) -> str:
    limit = channel.user_limit or 0
    there = channel.voice_states
    if not 0 < limit <= len(there) or me.id in there or permissions.move_members:
        return ""
    count = f"{len(there)} of {limit} users are in it"
    return f"{channel.name} is full: {count}. With the permission Move Members the bot would be let in."


def _listed(noun: str, names: list[str]) -> str:
    return f"the {noun}{'s' if len(names) > 1 else ''} {' and '.join(names)}"
