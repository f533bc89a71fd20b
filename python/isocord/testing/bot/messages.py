"""Text messages: what the bot sends, and what users say to it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from aiohttp import web

from ..ground import payloads
from ..ground.payloads import Json
from ..ground.world import Channel, User, World
from .api import ApiError, RouteTable, find_channel, json_body, respond, snowflake
from .gateway import GatewayHub

_KEPT = 1000
_FROM_CLIENT = ("embeds", "components", "flags", "message_reference", "tts", "nonce", "poll")


class MessageStore:
    """The messages of all channels; the oldest are forgotten."""

    def __init__(self, world: World, hub: GatewayHub) -> None:
        self._world = world
        self._hub = hub
        self._messages: dict[int, Json] = {}

    def routes(self) -> RouteTable:
        return [
            ("GET", "/channels/{channel}/messages", self._history),
            ("POST", "/channels/{channel}/messages", self._send),
            ("GET", "/channels/{channel}/messages/{message}", self._get),
            ("PATCH", "/channels/{channel}/messages/{message}", self._edit),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
            ("POST", "/channels/{channel}/typing", self._nothing),
            ("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me", self._nothing),
        ]

    def sent_by(self, user: User) -> list[Json]:
        """The messages of a user, oldest first."""
        return [m for m in list(self._messages.values()) if m["author"]["id"] == str(user.id)]

    def post(self, author: User, channel: Channel, body: Json) -> Json:
        """A new message, announced to the bot."""
        extra: dict[str, Any] = {name: body[name] for name in _FROM_CLIENT if body.get(name) is not None}
        message = payloads.message(
            self._world.snowflakes.next(),
            author,
            channel,
            str(body.get("content") or ""),
            timestamp=datetime.now(timezone.utc).isoformat(),
            guild=self._world.guilds[channel.guild_id],
            extra=extra,
        )
        self._messages[int(message["id"])] = message
        if len(self._messages) > _KEPT:
            del self._messages[next(iter(self._messages))]
        self._hub.dispatch("MESSAGE_CREATE", message, channel.guild_id)
        return message

    async def _send(self, request: web.Request) -> web.StreamResponse:
        channel, body = find_channel(self._world, request), await json_body(request)
        has_files = request.content_type.startswith("multipart/")
        if not (
            has_files or any(body.get(name) for name in ("content", "embeds", "components", "poll", "sticker_ids"))
        ):
            raise ApiError(400, "Cannot send an empty message", 50006)
        return respond(self.post(self._world.bot, channel, body))

    async def _history(self, request: web.Request) -> web.StreamResponse:
        channel = find_channel(self._world, request)
        found = [m for m in self._messages.values() if m["channel_id"] == str(channel.id)]
        return respond(found[: -int(request.query.get("limit", "50")) - 1 : -1])

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return respond(self._find(request))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        message, body = self._find(request), await json_body(request)
        message |= {name: body[name] for name in ("content", *_FROM_CLIENT) if name in body}
        message["edited_timestamp"] = datetime.now(timezone.utc).isoformat()
        self._hub.dispatch("MESSAGE_UPDATE", message, int(message["guild_id"]))
        return respond(message)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        message = self._messages.pop(int(self._find(request)["id"]))
        data = {name: message[name] for name in ("id", "channel_id", "guild_id")}
        self._hub.dispatch("MESSAGE_DELETE", data, int(message["guild_id"]))
        return web.Response(status=204)

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        find_channel(self._world, request)
        return web.Response(status=204)

    def _find(self, request: web.Request) -> Json:
        channel = find_channel(self._world, request)
        message = self._messages.get(snowflake(request, "message"))
        if message is None or message["channel_id"] != str(channel.id):
            raise ApiError(404, "Unknown Message", 10008)
        return message
