"""Reads the voice events of the bot libraries, which come as dicts or as objects with attributes."""

from __future__ import annotations

from typing import Any

from ..connection.states import VoiceServerUpdate, VoiceStateUpdate


def voice_state(data: Any) -> VoiceStateUpdate:
    """Read the data of ``on_voice_state_update``.

    Raises:
        ValueError: it carries no session or no channel.
    """
    session_id = _get(data, "session_id")
    if not isinstance(session_id, str):
        raise ValueError("a voice state update without a session")
    return VoiceStateUpdate(
        session_id=session_id,
        channel_id=_snowflake(_get(data, "channel_id")),
        self_mute=_flag(_get(data, "self_mute")),
        self_deaf=_flag(_get(data, "self_deaf")),
        mute=_flag(_get(data, "mute")),
        suppress=_flag(_get(data, "suppress")),
    )


def voice_server(data: Any) -> VoiceServerUpdate:
    """Read the data of ``on_voice_server_update``.

    Raises:
        ValueError: it carries no token.
    """
    token, endpoint = _get(data, "token"), _get(data, "endpoint")
    if not isinstance(token, str):
        raise ValueError("a voice server update without a token")
    if not isinstance(endpoint, str) or not endpoint:
        return VoiceServerUpdate(token, None)
    return VoiceServerUpdate(token, endpoint.removeprefix("wss://").rstrip("/"))


def _get(data: Any, name: str) -> Any:
    # Indexing the objects is deprecated and warns, so only real dicts are indexed.
    return data.get(name) if isinstance(data, dict) else getattr(data, name, None)


def _snowflake(value: Any) -> int | None:
    return None if value is None else int(value)


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)
