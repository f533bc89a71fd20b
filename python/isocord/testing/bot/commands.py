"""Application commands that the bot registers, and interactions with them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..errors import NotFoundError
from ..ground import payloads
from ..ground.payloads import Json
from ..ground.world import Channel, User, World
from .api import ApiError, RouteTable, json_body, respond, snowflake
from .options import CommandType, interaction_data


class CommandStore:
    """The commands that the bot has registered (global under guild id 0), and what users make of them.

    Args:
        find_message: gives the message that a test names.
    """

    def __init__(self, world: World, find_message: Callable[[Any], Json]) -> None:
        self._world = world
        self._find_message = find_message
        self._commands: dict[int, dict[int, Json]] = {}

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
        ]
        # The fixed path must be asked before the one with a command id in it.
        return sorted(table, key=lambda row: "{command}" in row[1])

    def all(self, guild_id: int) -> list[Json]:
        """The commands that a guild's members see."""
        return [*self._commands.get(0, {}).values(), *self._commands.get(guild_id, {}).values()]

    def interaction(self, name: str, channel: Channel, user: User, options: dict[str, Any]) -> Json:
        """INTERACTION_CREATE for a slash command, or for one of the menu of a user or a message.

        Raises:
            NotFoundError: the bot has registered no such command, or it has no such subcommand, option or choice.
            TypeError: a value that an option of its type cannot have.
            ValueError: a required option is missing.
        """
        command, path = self._named(name, channel, "target" in options)
        if command["type"] == CommandType.MESSAGE and "target" in options:
            options = {**options, "target": self._find_message(options["target"])}
        guild = self._world.guilds[channel.guild_id]
        data = interaction_data(command, path, options, self._world, guild)
        return {
            "id": str(self._world.snowflakes.next()),
            "application_id": str(self._world.application_id),
            "type": 2,
            "data": data,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "channel_id": str(channel.id),
            "channel": payloads.channel(channel),
            "member": {
                **payloads.member(guild.members[user.id]),
                "permissions": str(int(guild.permissions(user.id, channel))),
            },
            "token": secrets.token_urlsafe(16),
            "version": 1,
            "app_permissions": str(int(guild.permissions(self._world.bot.id, channel))),
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": 10_485_760,
        }

    def _named(self, name: str, channel: Channel, has_target: bool) -> tuple[Json, list[str]]:
        """The command of that name, and the names of its subcommand; one of a menu, whose name may have blanks."""
        words, commands = name.split(), self.all(channel.guild_id)
        menu = [c for c in commands if c["name"] == name and c["type"] != CommandType.CHAT_INPUT]
        slash = [c for c in commands if c["name"] == words[0] and c["type"] == CommandType.CHAT_INPUT] if words else []
        if menu and (has_target or not slash):
            return menu[0], []
        if slash:
            return slash[0], words[1:]
        there = ", ".join(sorted({repr(c["name"]) for c in commands})) or "none"
        raise NotFoundError(f"the bot has registered no command {name!r}; there are: {there}")

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
