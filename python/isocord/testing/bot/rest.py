"""The REST API, as far as bots with voice use it; every other route answers 404 in Discord's form.

Source: Discord API documentation, version 10.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from aiohttp import web

from ..ground import payloads
from ..ground.eventlog import EventLog
from ..ground.payloads import Json
from ..ground.permissions import Permission
from ..ground.world import Channel, ChannelKind, Guild, Member, World
from ..voice.switchboard import Switchboard
from .api import (
    ApiError,
    Handler,
    RouteTable,
    api_error,
    find_channel,
    json_body,
    rate_limited,
    require,
    respond,
    snowflake,
)
from .commands import CommandStore
from .gateway import GatewayHub
from .interactions import InteractionStore
from .messages import MessageStore
from .replies import Uploads

_MODERATION = {
    "mute": Permission.MUTE_MEMBERS,
    "deaf": Permission.DEAFEN_MEMBERS,
    "channel_id": Permission.MOVE_MEMBERS,
}
"""What the bot needs to change which field of a member in voice."""


class RestApi:
    """The routes below ``/api/v10``.

    Args:
        gateway_url: ``ws://`` address of the main gateway.
        answer_within: seconds in which the bot has to answer an interaction, or to defer; None for any time.
    """

    def __init__(
        self,
        world: World,
        hub: GatewayHub,
        switchboard: Switchboard,
        log: EventLog,
        gateway_url: Callable[[], str],
        *,
        answer_within: float | None = None,
    ) -> None:
        self._world = world
        self._hub = hub
        self._switchboard = switchboard
        self._log = log
        self._gateway_url = gateway_url
        self._limited_until = 0.0
        self._uploads = Uploads(
            world.snowflakes, lambda: self._gateway_url().replace("ws://", "http://").removesuffix("/gateway")
        )
        self.messages: MessageStore = MessageStore(world, hub, self._uploads)
        self.commands: CommandStore = CommandStore(world, self.messages.named)
        self.interactions: InteractionStore = InteractionStore(world, self._uploads, answer_within)

    def add_routes(self, app: web.Application) -> None:
        """Register all routes, and the 404 for the rest."""
        base = "/api/v{version:\\d+}"
        table: RouteTable = [
            ("GET", "/gateway", self._gateway),
            ("GET", "/gateway/bot", self._gateway_bot),
            ("GET", "/users/@me", self._me),
            ("PATCH", "/users/@me", self._me),
            ("GET", "/users/@me/guilds", self._my_guilds),
            ("GET", "/users/{user}", self._user),
            ("GET", "/applications/@me", self._application),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/applications/{application}/emojis", self._application_emojis),
            ("GET", "/soundboard-default-sounds", self._empty_list),
            ("GET", "/sticker-packs", self._sticker_packs),
            ("GET", "/voice/regions", self._empty_list),
            ("POST", "/auth/logout", self._no_content),
            ("GET", "/guilds/{guild}", self._guild),
            ("GET", "/guilds/{guild}/channels", self._channels),
            ("GET", "/guilds/{guild}/roles", self._roles),
            ("GET", "/guilds/{guild}/emojis", self._empty_list),
            ("GET", "/guilds/{guild}/members", self._members),
            ("GET", "/guilds/{guild}/members/{user}", self._member),
            ("PATCH", "/guilds/{guild}/members/@me", self._no_nick),
            ("PATCH", "/guilds/{guild}/members/{user}", self._edit_member),
            ("GET", "/guilds/{guild}/voice-states/{user}", self._voice_state),
            ("PATCH", "/guilds/{guild}/voice-states/{user}", self._edit_voice_state),
            ("GET", "/channels/{channel}", self._channel),
            ("PATCH", "/channels/{channel}", self._edit_channel),
            ("DELETE", "/channels/{channel}", self._delete_channel),
            ("PUT", "/channels/{channel}/voice-status", self._no_content),
        ]
        table += self.messages.routes() + self.commands.routes() + self.interactions.routes()
        for method, path, handler in table:
            app.router.add_route(method, base + path, handler)
        app.router.add_route("GET", "/attachments/{attachment}/{name}", self._attachment)
        app.router.add_route("*", "/api/{rest:.*}", self._unknown)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Authorization, errors in Discord's form, and the log's counters."""
        if not request.path.startswith("/api/"):
            return await handler(request)
        self._log.count("rest_requests")
        if not self._authorized(request):
            return api_error(401, "401: Unauthorized")
        wait = self._limited_until - time.monotonic()
        if wait > 0:
            self._log.count("rest_rate_limited")
            return rate_limited(wait)
        try:
            return await handler(request)
        except ApiError as error:
            return error.response
        except web.HTTPMethodNotAllowed:
            return api_error(405, "405: Method Not Allowed")

    def limit(self, seconds: float) -> None:
        """Answer every request with 429 for so long."""
        self._limited_until = time.monotonic() + seconds

    def _authorized(self, request: web.Request) -> bool:
        # The secret in an interaction's or webhook's address is its authorization.
        if request.match_info.get("interaction_token") is not None:
            return True
        given = request.headers.get("Authorization", "")
        return secrets.compare_digest(given.encode("utf-8", "replace"), f"Bot {self._world.token}".encode())

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        self._log.count("rest_unknown_routes")
        return api_error(404, "404: Not Found")

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        file = self._uploads.find(snowflake(request, "attachment"))
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.data)

    async def _no_content(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def _empty_list(self, request: web.Request) -> web.StreamResponse:
        return respond([])

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        return respond({"url": self._gateway_url()})

    async def _gateway_bot(self, request: web.Request) -> web.StreamResponse:
        limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return respond({"url": self._gateway_url(), "shards": 1, "session_start_limit": limits})

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return respond(payloads.own_user(self._world))

    async def _my_guilds(self, request: web.Request) -> web.StreamResponse:
        return respond([payloads.guild_core(g) for g in self._world.guilds.values()])

    async def _application(self, request: web.Request) -> web.StreamResponse:
        return respond(payloads.application(self._world))

    async def _application_emojis(self, request: web.Request) -> web.StreamResponse:
        return respond({"items": []})

    async def _sticker_packs(self, request: web.Request) -> web.StreamResponse:
        return respond({"sticker_packs": []})

    async def _user(self, request: web.Request) -> web.StreamResponse:
        user = self._world.users.get(snowflake(request, "user"))
        if user is None:
            raise ApiError(404, "Unknown User", 10013)
        return respond(payloads.user(user))

    async def _guild(self, request: web.Request) -> web.StreamResponse:
        return respond(payloads.guild_core(self._find_guild(request)))

    async def _channels(self, request: web.Request) -> web.StreamResponse:
        return respond([payloads.channel(c) for c in self._find_guild(request).channels.values()])

    async def _roles(self, request: web.Request) -> web.StreamResponse:
        return respond([payloads.everyone_role(self._find_guild(request))])

    async def _members(self, request: web.Request) -> web.StreamResponse:
        after = int(request.query.get("after", "0") or 0)
        limit = int(request.query.get("limit", "1") or 1)
        found = sorted((m for m in self._find_guild(request).members.values() if m.id > after), key=lambda m: m.id)
        return respond([payloads.member(m) for m in found[:limit]])

    async def _member(self, request: web.Request) -> web.StreamResponse:
        return respond(payloads.member(self._find_member(request)))

    async def _no_nick(self, request: web.Request) -> web.StreamResponse:
        guild = self._find_guild(request)
        return respond(payloads.member(guild.members[self._world.bot.id]))

    async def _edit_member(self, request: web.Request) -> web.StreamResponse:
        """Moderation by the bot: move, disconnect, mute, deafen."""
        guild, member = self._find_guild(request), self._find_member(request)
        body = await json_body(request)
        state = guild.voice_states.get(member.id)
        if state is not None and state.channel_id is not None:
            needed = [permission for name, permission in _MODERATION.items() if name in body]
            require(self._world, guild.channels[state.channel_id], *needed)
        for name in ("mute", "deaf"):
            if isinstance(body.get(name), bool):
                setattr(member, name, body[name])
                self._switchboard.update(guild, member.id, **{name: body[name]})
        if "channel_id" in body:
            if state is None:
                raise ApiError(400, "Target user is not connected to voice.", 40032)
            if body["channel_id"] is None:
                self._switchboard.leave(guild, member.id)
            else:
                channel = guild.channels.get(int(body["channel_id"]))
                if channel is None or not channel.has_voice:
                    raise ApiError(404, "Unknown Channel", 10003)
                flags = {"self_mute": state.self_mute, "self_deaf": state.self_deaf}
                self._switchboard.join(guild, member.id, channel, state.session_id, **flags)
        return respond(payloads.member(member))

    async def _voice_state(self, request: web.Request) -> web.StreamResponse:
        guild = self._find_guild(request)
        state = guild.voice_states.get(self._user_id(request))
        if state is None:
            raise ApiError(404, "Unknown Voice State", 10065)
        return respond(payloads.voice_state(state, guild))

    async def _edit_voice_state(self, request: web.Request) -> web.StreamResponse:
        """Stage channels: step up, step down, ask to speak."""
        guild, user_id = self._find_guild(request), self._user_id(request)
        state = guild.voice_states.get(user_id)
        if state is None or state.channel_id is None:
            raise ApiError(404, "Unknown Voice State", 10065)
        body, channel = await json_body(request), guild.channels[state.channel_id]
        if channel.kind is not ChannelKind.STAGE:
            raise ApiError(400, "Cannot execute action on this channel type", 50024)
        is_self = user_id == self._world.bot.id
        if body.get("suppress") is False or not is_self:
            # A member of the audience may go back there, and ask to speak; the rest is up to moderators.
            require(self._world, channel, Permission.MUTE_MEMBERS)
        if body.get("request_to_speak_timestamp") is not None:
            require(self._world, channel, Permission.REQUEST_TO_SPEAK)
        changes: Json = {}
        if isinstance(body.get("suppress"), bool):
            changes["suppress"] = body["suppress"]
        if "request_to_speak_timestamp" in body:
            changes["request_to_speak"] = body["request_to_speak_timestamp"]
        self._switchboard.update(guild, user_id, **changes)
        return web.Response(status=204)

    async def _channel(self, request: web.Request) -> web.StreamResponse:
        return respond(payloads.channel(self._find_channel(request)))

    async def _edit_channel(self, request: web.Request) -> web.StreamResponse:
        channel, body = self._find_channel(request), await json_body(request)
        require(self._world, channel, Permission.MANAGE_CHANNELS)
        if isinstance(body.get("name"), str):
            channel.name = body["name"]
        if isinstance(body.get("user_limit"), int):
            channel.user_limit = body["user_limit"]
        self._switchboard.edit_channel(channel)
        return respond(payloads.channel(channel))

    async def _delete_channel(self, request: web.Request) -> web.StreamResponse:
        channel = self._find_channel(request)
        require(self._world, channel, Permission.MANAGE_CHANNELS)
        payload = payloads.channel(channel)
        self._switchboard.delete_channel(channel)
        return respond(payload)

    def _find_guild(self, request: web.Request) -> Guild:
        guild = self._world.guilds.get(snowflake(request, "guild"))
        if guild is None:
            raise ApiError(404, "Unknown Guild", 10004)
        return guild

    def _find_member(self, request: web.Request) -> Member:
        member = self._find_guild(request).members.get(self._user_id(request))
        if member is None:
            raise ApiError(404, "Unknown Member", 10007)
        return member

    def _find_channel(self, request: web.Request) -> Channel:
        return find_channel(self._world, request)

    def _user_id(self, request: web.Request) -> int:
        return self._world.bot.id if request.match_info["user"] == "@me" else snowflake(request, "user")
