"""World objects as the JSON that Discord's API gives (API version 10)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from .permissions import EVERYONE
from .world import Channel, ChannelKind, Guild, Member, User, VoiceState, World

Json = dict[str, Any]

JOINED_AT = "2020-01-01T00:00:00.000000+00:00"


def user(value: User) -> Json:
    return {
        "id": str(value.id),
        "username": value.name,
        "global_name": None if value.bot else value.name.title(),
        "discriminator": "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "bot": value.bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
    }


def own_user(world: World) -> Json:
    """The bot's own user, as in READY and ``GET /users/@me``."""
    return {**user(world.bot), "email": None, "verified": True, "mfa_enabled": True, "locale": "en-US"}


def member(value: Member) -> Json:
    return {
        "user": user(value.user),
        "nick": value.nick,
        "avatar": None,
        "banner": None,
        "roles": [],
        "joined_at": JOINED_AT,
        "premium_since": None,
        "deaf": value.deaf,
        "mute": value.mute,
        "flags": 0,
        "pending": False,
        "permissions": str(int(EVERYONE)),
        "communication_disabled_until": None,
    }


def channel(value: Channel) -> Json:
    payload: Json = {
        "id": str(value.id),
        "guild_id": str(value.guild_id),
        "name": value.name,
        "type": int(value.kind),
        "position": value.position,
        "permission_overwrites": [
            {"id": str(user_id), "type": 1, "allow": str(int(own.allow)), "deny": str(int(own.deny))}
            for user_id, own in value.overwrites.items()
        ],
        "parent_id": None,
        "nsfw": False,
        "flags": 0,
        "last_message_id": None,
        "rate_limit_per_user": 0,
    }
    if value.kind is ChannelKind.TEXT:
        payload |= {"topic": None, "last_pin_timestamp": None, "default_auto_archive_duration": 1440}
    else:
        payload |= {"bitrate": 64000, "user_limit": value.user_limit, "rtc_region": None, "video_quality_mode": 1}
    return payload


def everyone_role(guild: Guild) -> Json:
    return {
        "id": str(guild.id),
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": 0,
        "permissions": str(int(EVERYONE)),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def voice_state(value: VoiceState, guild: Guild | None = None) -> Json:
    """A voice state; with ``guild``, its member is included, as in the VOICE_STATE_UPDATE event."""
    payload: Json = {
        "channel_id": None if value.channel_id is None else str(value.channel_id),
        "user_id": str(value.user_id),
        "session_id": value.session_id,
        "self_mute": value.self_mute,
        "self_deaf": value.self_deaf,
        "self_video": False,
        "mute": value.mute,
        "deaf": value.deaf,
        "suppress": value.suppress,
        "request_to_speak_timestamp": value.request_to_speak,
    }
    if guild is not None:
        payload["guild_id"] = str(value.guild_id)
        if value.user_id in guild.members:
            payload["member"] = member(guild.members[value.user_id])
    return payload


def guild_core(value: Guild) -> Json:
    """A guild as REST gives it."""
    return {
        "id": str(value.id),
        "name": value.name,
        "icon": None,
        "icon_hash": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "owner_id": str(value.owner_id),
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "max_presences": None,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "features": [],
        "roles": [everyone_role(value)],
        "emojis": [],
        "stickers": [],
        "hub_type": None,
        "incidents_data": None,
        "approximate_member_count": len(value.members),
        "approximate_presence_count": 0,
    }


def guild_create(value: Guild) -> Json:
    """A guild as the GUILD_CREATE event gives it."""
    return {
        **guild_core(value),
        "joined_at": JOINED_AT,
        "large": False,
        "unavailable": False,
        "member_count": len(value.members),
        "members": [member(m) for m in value.members.values()],
        "channels": [channel(c) for c in value.channels.values()],
        "threads": [],
        "presences": [],
        "voice_states": [voice_state(v) for v in value.voice_states.values()],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application(world: World) -> Json:
    """``GET /applications/@me`` and ``GET /oauth2/applications/@me``."""
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "terms_of_service_url": None,
        "privacy_policy_url": None,
        "verify_key": "0" * 64,
        "flags": 0,
        "hook": True,
        "rpc_origins": [],
        "tags": [],
        "team": None,
        "guild_id": None,
        "cover_image": None,
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "integration_types_config": {"0": {}},
        "owner": user(world.owner),
        "bot": own_user(world),
    }


def now() -> str:
    """The time, as Discord writes it."""
    return datetime.now(timezone.utc).isoformat()


def message(message_id: int, author: User, target: Channel, content: str, *, guild: Guild, extra: Json) -> Json:
    """A new message, as REST and the MESSAGE_CREATE event give it; ``extra`` overrides fields."""
    return {
        "id": str(message_id),
        "channel_id": str(target.id),
        "guild_id": str(guild.id),
        "author": user(author),
        "member": {k: v for k, v in member(guild.members[author.id]).items() if k != "user"},
        "content": content,
        "timestamp": now(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "mention_channels": [],
        "attachments": [],
        "embeds": [],
        "reactions": [],
        "components": [],
        "sticker_items": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        **extra,
    }
