"""Text messages: what the bot sends, and what users say to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from ..errors import NotFoundError
from ..ground import payloads
from ..ground.payloads import Json
from ..ground.permissions import Permission
from ..ground.world import Channel, User, World
from .api import ApiError, RouteTable, body_and_files, find_channel, require, respond, snowflake
from .gateway import GatewayHub
from .replies import File, Replies, Reply, Uploads

_KEPT = 1000
_REPLY = 19
"""The type of a message that answers another one."""
_MENTION = re.compile(r"<@!?(\d+)>")
_FROM_CLIENT = ("embeds", "components", "flags", "message_reference", "tts", "nonce", "poll")


class MessageStore:
    """The messages of all channels; the oldest are forgotten."""

    def __init__(self, world: World, hub: GatewayHub, uploads: Uploads) -> None:
        self._world = world
        self._hub = hub
        self._uploads = uploads
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

    def named(self, reference: Any) -> Json:
        """A message by id, or by whatever has its id.

        Raises:
            NotFoundError: there is none.
        """
        number = reference if isinstance(reference, int) else getattr(reference, "id", None)
        message = self._messages.get(int(number)) if number is not None else None
        if message is None:
            raise NotFoundError(f"no message {reference!r}")
        return message

    def sent_by(self, user: User) -> list[Json]:
        """The messages of a user, oldest first."""
        return [m for m in list(self._messages.values()) if m["author"]["id"] == str(user.id)]

    def ask(self, author: User, channel: Channel, text: str) -> Replies:
        """A user writes something; gives what the bot writes in that channel from then on."""
        number = int(self.post(author, channel, {"content": text})["id"])

        def find() -> list[Reply]:
            written = [m for m in self.sent_by(self._world.bot) if m["channel_id"] == str(channel.id)]
            return [self._uploads.reply(m) for m in written if int(m["id"]) > number]

        return Replies(number, find)

    def post(self, author: User, channel: Channel, body: Json, files: Sequence[File] = ()) -> Json:
        """A new message, announced to the bot."""
        mentioned = [int(number) for number in _MENTION.findall(str(body.get("content") or ""))]
        users = [self._world.users[number] for number in mentioned if number in self._world.users]
        extra: Json = {"mentions": [payloads.user(user) for user in users], "attachments": self._uploads.keep(files)}
        if isinstance(body.get("message_reference"), dict):
            extra |= self._reply_to(body["message_reference"], channel)
        message = compose(self._world, author, channel, body, extra)
        self._messages[int(message["id"])] = message
        if len(self._messages) > _KEPT:
            del self._messages[next(iter(self._messages))]
        self._hub.dispatch("MESSAGE_CREATE", message, channel.guild_id)
        return message

    def _reply_to(self, reference: Json, channel: Channel) -> Json:
        """What makes a message a reply; one to a message that is gone is none, or is refused."""
        number = str(reference.get("message_id"))
        answered = self._messages.get(int(number)) if number.isdecimal() else None
        if answered is None or answered["channel_id"] != str(channel.id):
            if reference.get("fail_if_not_exists", True):
                raise ApiError(400, "Invalid Form Body: Unknown message", 50035)
            return {"message_reference": None}
        place = {"type": 0, "channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        return {
            "type": _REPLY,
            "message_reference": {**place, "message_id": answered["id"]},
            "referenced_message": answered,
        }

    async def _send(self, request: web.Request) -> web.StreamResponse:
        channel = find_channel(self._world, request)
        body, files = await body_and_files(request)
        if not (files or any(body.get(name) for name in ("content", "embeds", "components", "poll", "sticker_ids"))):
            raise ApiError(400, "Cannot send an empty message", 50006)
        require(self._world, channel, Permission.SEND_MESSAGES, *([Permission.ATTACH_FILES] if files else []))
        return respond(self.post(self._world.bot, channel, body, files))

    async def _history(self, request: web.Request) -> web.StreamResponse:
        channel = find_channel(self._world, request)
        found = [m for m in self._messages.values() if m["channel_id"] == str(channel.id)]
        return respond(found[: -int(request.query.get("limit", "50")) - 1 : -1])

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return respond(self._find(request))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        message, (body, files) = self._find(request), await body_and_files(request)
        edit(message, body, files, self._uploads)
        message["edited_timestamp"] = payloads.now()
        self._hub.dispatch("MESSAGE_UPDATE", message, int(message["guild_id"]))
        return respond(message)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request)
        if found["author"]["id"] != str(self._world.bot.id):
            require(self._world, find_channel(self._world, request), Permission.MANAGE_MESSAGES)
        message = self._messages.pop(int(found["id"]))
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


def compose(world: World, author: User, channel: Channel, body: Json, extra: Json) -> Json:
    """A new message with what its ``body`` names; ``extra`` overrides fields."""
    named = {name: body[name] for name in _FROM_CLIENT if body.get(name) is not None}
    number, guild = world.snowflakes.next(), world.guilds[channel.guild_id]
    return payloads.message(number, author, channel, str(body.get("content") or ""), guild=guild, extra=named | extra)


def edit(message: Json, body: Json, files: Sequence[File], uploads: Uploads) -> None:
    """Change what an edit names: its ``attachments`` are those that stay, and new files come behind them."""
    message |= {name: body[name] for name in ("content", *_FROM_CLIENT) if name in body}
    message["content"] = str(message["content"] or "")
    message["embeds"] = message["embeds"] or []
    if "attachments" in body:
        staying = {str(attachment.get("id")) for attachment in body["attachments"] or ()}
        message["attachments"] = [a for a in message["attachments"] if a["id"] in staying]
    message["attachments"] = [*message["attachments"], *uploads.keep(files)]
