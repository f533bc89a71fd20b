"""Interactions: what a bot answers to the commands that users invoke.

Source: Discord API documentation, "Receiving and Responding to Interactions".
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import IntEnum

from aiohttp import web

from ..ground.payloads import Json
from ..ground.world import Channel, World
from .api import ApiError, RouteTable, body_and_files, respond
from .messages import compose, edit
from .replies import File, Replies, Reply, Uploads

_KEPT = 1000
_LOADING = 1 << 7
"""The flag of a message that shows nothing yet: the bot has asked for time."""
_FROM_BOT = ("content", "embeds", "components", "flags")


class CallbackType(IntEnum):
    """How a bot answers an interaction with a command."""

    MESSAGE = 4
    DEFERRED = 5


class _Interaction:
    """One interaction: its token is the bot's right to answer it."""

    def __init__(self, data: Json, channel: Channel, uploads: Uploads) -> None:
        self.id: str = data["id"]
        self.channel = channel
        self.messages: dict[str, Json] = {}
        self.original: str | None = None
        self.began = time.monotonic()
        self.replies: Replies = Replies(int(self.id), self._shown)
        self._uploads = uploads

    def _shown(self) -> list[Reply]:
        there = list(self.messages.values())
        return [self._uploads.reply(message) for message in there if not message["flags"] & _LOADING]


class InteractionStore:
    """The interactions of all users; the oldest are forgotten."""

    def __init__(self, world: World, uploads: Uploads, answer_within: float | None = None) -> None:
        self._world = world
        self._answer_within = answer_within
        self._uploads = uploads
        self._interactions: dict[str, _Interaction] = {}

    def routes(self) -> RouteTable:
        hook = "/webhooks/{application}/{interaction_token}"
        return [
            ("POST", "/interactions/{interaction}/{interaction_token}/callback", self._callback),
            ("POST", hook, self._follow_up),
            ("GET", hook + "/messages/{message}", self._get),
            ("PATCH", hook + "/messages/{message}", self._edit),
            ("DELETE", hook + "/messages/{message}", self._delete),
        ]

    def expect(self, interaction: Json, channel: Channel) -> Replies:
        """Let the bot answer an interaction; gives what it answers."""
        made = self._interactions[interaction["token"]] = _Interaction(interaction, channel, self._uploads)
        if len(self._interactions) > _KEPT:
            del self._interactions[next(iter(self._interactions))]
        return made.replies

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        interaction = self._interaction(request)
        body, files = await body_and_files(request)
        waited = time.monotonic() - interaction.began
        if self._answer_within is not None and waited > self._answer_within:
            interaction.replies.late = waited
            raise ApiError(404, "Unknown interaction", 10062)
        if interaction.replies.raw:
            raise ApiError(400, "Interaction has already been acknowledged.", 40060)
        interaction.replies.raw.append(body)
        kind, data = body.get("type"), body.get("data") or {}
        resource: Json = {"type": kind}
        if kind == CallbackType.MESSAGE:
            resource["message"] = self._new(interaction, data, files)
        elif kind == CallbackType.DEFERRED:
            interaction.replies.is_deferred = True
            self._write(interaction, {"flags": int(data.get("flags") or 0) | _LOADING})
        if request.query.get("with_response") in ("true", "1", "True"):
            about = {"id": interaction.id, "type": 2, "response_message_id": interaction.original}
            return respond({"interaction": about, "resource": resource})
        return web.Response(status=204)

    async def _follow_up(self, request: web.Request) -> web.StreamResponse:
        interaction = self._answered(request)
        body, files = await body_and_files(request)
        interaction.replies.raw.append({"type": CallbackType.MESSAGE, "data": body})
        waiting = interaction.messages.get(str(interaction.original))
        if waiting is not None and waiting["flags"] & _LOADING:
            # What was deferred is shown by the first message that follows.
            return respond(self._change(waiting, body, files))
        return respond(self._new(interaction, body, files))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        interaction = self._answered(request)
        body, files = await body_and_files(request)
        interaction.replies.raw.append({"type": CallbackType.MESSAGE, "data": body})
        return respond(self._change(self._message(interaction, request), body, files))

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return respond(self._message(self._answered(request), request))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        interaction = self._answered(request)
        del interaction.messages[self._message(interaction, request)["id"]]
        return web.Response(status=204)

    def _change(self, message: Json, body: Json, files: Sequence[File]) -> Json:
        """An edit; of a message that was deferred, the one that shows it."""
        if message["flags"] & _LOADING:
            body = {**body, "flags": message["flags"] & ~_LOADING}
        edit(message, body, files, self._uploads)
        return message

    def _new(self, interaction: _Interaction, body: Json, files: Sequence[File]) -> Json:
        if not (files or any(body.get(name) for name in ("content", "embeds", "components"))):
            raise ApiError(400, "Cannot send an empty message", 50006)
        return self._write(interaction, body, files)

    def _write(self, interaction: _Interaction, body: Json, files: Sequence[File] = ()) -> Json:
        world, said = self._world, {name: body.get(name) for name in _FROM_BOT}
        extra = {"webhook_id": str(world.application_id), "attachments": self._uploads.keep(files)}
        message = compose(world, world.bot, interaction.channel, said, extra)
        interaction.messages[message["id"]] = message
        interaction.original = interaction.original or message["id"]
        return message

    def _interaction(self, request: web.Request) -> _Interaction:
        found = self._interactions.get(request.match_info["interaction_token"])
        if found is None:
            raise ApiError(404, "Unknown interaction", 10062)
        return found

    def _answered(self, request: web.Request) -> _Interaction:
        """An interaction that the bot has answered, or deferred: only then there is a webhook for more."""
        found = self._interaction(request)
        if not found.replies.raw:
            raise ApiError(404, "Unknown Webhook", 10015)
        return found

    def _message(self, interaction: _Interaction, request: web.Request) -> Json:
        name = request.match_info["message"]
        message = interaction.messages.get(str(interaction.original) if name == "@original" else name)
        if message is None:
            raise ApiError(404, "Unknown Message", 10008)
        return message
