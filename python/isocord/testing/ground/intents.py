"""Gateway intents: which events a bot is sent, and what is left out of them.

Source: Discord API documentation, "Gateway Intents".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

from .payloads import Json


class Intent(IntFlag):
    """Intents that decide over what the fake sends."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    MESSAGE_CONTENT = 1 << 15


_NEEDED: Mapping[str, Intent] = {
    "GUILD_CREATE": Intent.GUILDS,
    "CHANNEL_CREATE": Intent.GUILDS,
    "CHANNEL_UPDATE": Intent.GUILDS,
    "CHANNEL_DELETE": Intent.GUILDS,
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "VOICE_STATE_UPDATE": Intent.GUILD_VOICE_STATES,
    "MESSAGE_CREATE": Intent.GUILD_MESSAGES,
    "MESSAGE_UPDATE": Intent.GUILD_MESSAGES,
    "MESSAGE_DELETE": Intent.GUILD_MESSAGES,
}
"""Events that are not here, VOICE_SERVER_UPDATE and interactions among them, are sent to everyone."""
_CONTENT: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def seen(event: str, data: Json, intents: Intent, bot_id: int) -> Json | None:
    """What of an event a bot with these intents is sent; None for nothing."""
    needed = _NEEDED.get(event)
    if needed is not None and not intents & needed:
        return None
    if event == "GUILD_CREATE":
        return _guild(data, intents, bot_id)
    if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and not intents & Intent.MESSAGE_CONTENT:
        to_whom = [data["author"]["id"], *(user["id"] for user in data["mentions"])]
        return data if str(bot_id) in to_whom else {**data, **_CONTENT}
    return data


def _guild(data: Json, intents: Intent, bot_id: int) -> Json:
    """Without ``presences``, members are only the bot and who is in a voice channel."""
    shown = data
    if not intents & Intent.GUILD_PRESENCES:
        ids = {str(bot_id), *(state["user_id"] for state in data["voice_states"])}
        shown = {**shown, "members": [member for member in data["members"] if member["user"]["id"] in ids]}
    if not intents & Intent.GUILD_VOICE_STATES:
        shown = {**shown, "voice_states": []}
    return shown
