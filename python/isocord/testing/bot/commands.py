"""Application commands that the bot registers, and interactions with them."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from ..errors import NotFoundError
from ..ground import payloads
from ..ground.payloads import Json
from ..ground.world import Channel, User, World
from .api import ApiError, RouteTable, json_body, respond, snowflake
from .options import interaction_data

_KEPT = 1000


class Answers(list[Json]):
    """What a bot has answered to one interaction so far, oldest first."""


class CommandStore:
    """Registered commands (global under guild id 0) and what the bot answered to interactions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[int, dict[int, Json]] = {}
        self.responses: dict[str, Answers] = {}

    def routes(self) -> RouteTable:
        table: RouteTable = []
        for base in ("/applications/{application}", "/applications/{application}/guilds/{guild}"):
            table += [
                ("GET", base + "/commands", self._list),
                ("PUT", base + "/commands", self._overwrite),
                ("POST", base + "/commands", self._create),
                ("GET", base + "/commands/{command}", self._get),
                ("PATCH", base + "/commands/{command}", self._edit),
                ("DELETE", base + "/commands/{command}", self._delete),
            ]
        table += [
            ("GET", "/applications/{application}/guilds/{guild}/commands/permissions", self._permissions),
            ("PUT", "/applications/{application}/guilds/{guild}/commands/permissions", self._permissions),
            ("POST", "/interactions/{interaction}/{interaction_token}/callback", self._callback),
            ("POST", "/webhooks/{application}/{interaction_token}", self._follow_up),
            ("GET", "/webhooks/{application}/{interaction_token}/messages/{message}", self._response_message),
            ("PATCH", "/webhooks/{application}/{interaction_token}/messages/{message}", self._follow_up),
            ("DELETE", "/webhooks/{application}/{interaction_token}/messages/{message}", self._gone),
        ]
        # The fixed path must be asked before the one with a command id in it.
        return sorted(table, key=lambda row: "{command}" in row[1])

    def all(self, guild_id: int) -> list[Json]:
        """The commands that a guild's members see."""
        return [*self._commands.get(0, {}).values(), *self._commands.get(guild_id, {}).values()]

    def interaction(self, name: str, channel: Channel, user: User, options: dict[str, Any]) -> Json:
        """INTERACTION_CREATE for a slash command.

        Raises:
            NotFoundError: the bot has registered no such command, or it has no such subcommand, option or choice.
            TypeError: a value that an option of its type cannot have.
            ValueError: a required option is missing.
        """
        words = name.split()
        command = next((c for c in self.all(channel.guild_id) if c["name"] == words[0]), None)
        if command is None:
            raise NotFoundError(f"the bot has registered no command {words[0]!r}")
        guild = self._world.guilds[channel.guild_id]
        data = interaction_data(command, words[1:], options, self._world, guild)
        token = secrets.token_urlsafe(16)
        self.responses[token] = Answers()
        if len(self.responses) > _KEPT:
            del self.responses[next(iter(self.responses))]
        return {
            "id": str(self._world.snowflakes.next()),
            "application_id": str(self._world.application_id),
            "type": 2,
            "data": data,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "channel_id": str(channel.id),
            "channel": payloads.channel(channel),
            "member": payloads.member(guild.members[user.id]),
            "token": token,
            "version": 1,
            "app_permissions": payloads.member(guild.members[user.id])["permissions"],
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": 10_485_760,
        }

    def _store(self, request: web.Request) -> dict[int, Json]:
        guild_id = snowflake(request, "guild") if "guild" in request.match_info else 0
        if guild_id and guild_id not in self._world.guilds:
            raise ApiError(404, "Unknown Guild", 10004)
        return self._commands.setdefault(guild_id, {})

    def _register(self, store: dict[int, Json], body: Json, guild_id: str | None) -> Json:
        if not isinstance(body, dict) or not isinstance(body.get("name"), str):
            raise ApiError(400, "Invalid Form Body", 50035)
        kind = body.get("type") or 1
        existing = next((c for c in store.values() if (c["name"], c["type"]) == (body["name"], kind)), None)
        command_id = existing["id"] if existing else str(self._world.snowflakes.next())
        command = {
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "nsfw": False,
            "name_localizations": None,
            "description_localizations": None,
            **body,
            "id": command_id,
            "type": kind,
            "application_id": str(self._world.application_id),
            "version": str(self._world.snowflakes.next()),
            **({"guild_id": guild_id} if guild_id else {"contexts": body.get("contexts"), "dm_permission": True}),
        }
        store[int(command_id)] = command
        return command

    def _command(self, request: web.Request) -> Json:
        command = self._store(request).get(snowflake(request, "command"))
        if command is None:
            raise ApiError(404, "Unknown application command", 10063)
        return command

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return respond(list(self._store(request).values()))

    async def _overwrite(self, request: web.Request) -> web.StreamResponse:
        store, body = self._store(request), await json_body(request)
        if not isinstance(body, list):
            raise ApiError(400, "Invalid Form Body", 50035)
        kept = [self._register(store, command, request.match_info.get("guild")) for command in body]
        ids = {int(command["id"]) for command in kept}
        for command_id in [i for i in store if i not in ids]:
            del store[command_id]
        return respond(kept)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        command = self._register(self._store(request), await json_body(request), request.match_info.get("guild"))
        return respond(command, status=201)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return respond(self._command(request))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        command, body = self._command(request), await json_body(request)
        command |= {key: value for key, value in body.items() if key not in ("id", "application_id")}
        return respond(command)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        del self._store(request)[int(self._command(request)["id"])]
        return web.Response(status=204)

    async def _permissions(self, request: web.Request) -> web.StreamResponse:
        self._store(request)
        return respond([])

    def _respond(self, request: web.Request, body: Json) -> None:
        answers = self.responses.get(request.match_info["interaction_token"])
        if answers is None:
            raise ApiError(404, "Unknown interaction", 10062)
        answers.append(body)

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        body = await json_body(request)
        self._respond(request, body)
        if request.query.get("with_response") in ("true", "1", "True"):
            interaction = {"id": request.match_info["interaction"], "type": 2, "response_message_id": None}
            return respond({"interaction": interaction, "resource": {"type": body.get("type")}})
        return web.Response(status=204)

    async def _follow_up(self, request: web.Request) -> web.StreamResponse:
        body = await json_body(request)
        self._respond(request, {"type": 4, "data": body})
        return respond(self._as_message(body))

    async def _response_message(self, request: web.Request) -> web.StreamResponse:
        answers = self.responses.get(request.match_info["interaction_token"])
        if not answers:
            raise ApiError(404, "Unknown interaction", 10062)
        return respond(self._as_message(answers[-1].get("data") or {}))

    async def _gone(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    def _as_message(self, body: Json) -> Json:
        guild = self._world.guild()
        target = next(iter(guild.channels.values()))
        extra = {"embeds": body.get("embeds") or [], "webhook_id": str(self._world.application_id)}
        return payloads.message(
            self._world.snowflakes.next(),
            self._world.bot,
            target,
            str(body.get("content") or ""),
            timestamp=payloads.JOINED_AT,
            guild=guild,
            extra=extra,
        )
