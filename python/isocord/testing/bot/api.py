"""What the REST handlers share: Discord's error form, request bodies, ids in paths."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ..ground.permissions import Permission
from ..ground.world import Channel, World
from .replies import File

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RouteTable = list[tuple[str, str, Handler]]
"""Method, path below ``/api/v10`` and handler."""


_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def respond(data: Any, status: int = 200) -> web.Response:
    """A JSON response; the content type has no charset, for py-cord compares it as a whole."""
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


def api_error(status: int, message: str, code: int = 0) -> web.Response:
    """An error as Discord's API gives it."""
    return respond({"message": message, "code": code}, status)


def rate_limited(seconds: float) -> web.Response:
    """429 as Discord's API gives it: try again in so many seconds (documentation, "Rate Limits")."""
    response = respond(
        {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": False}, 429
    )
    response.headers.update(
        {
            # Without it the libraries take the answer for one of Cloudflare's, which bans.
            "Via": "1.1 google",
            "Retry-After": str(math.ceil(seconds)),
            "X-RateLimit-Limit": "1",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{time.time() + seconds:.3f}",
            "X-RateLimit-Reset-After": f"{seconds:.3f}",
            "X-RateLimit-Bucket": "isocord",
            "X-RateLimit-Scope": "user",
        }
    )
    return response


class ApiError(Exception):
    """Ends a request with an error response."""

    def __init__(self, status: int, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.response: web.Response = api_error(status, message, code)


async def json_body(request: web.Request) -> Any:
    """The request's JSON, whether plain or as ``payload_json`` of a form; an empty object without a body.

    Raises:
        ApiError: 400 if it is no JSON.
    """
    return (await body_and_files(request))[0]


async def body_and_files(request: web.Request) -> tuple[Any, list[File]]:
    """As :func:`json_body`, with the files of the form.

    Raises:
        ApiError: 400 if it is no JSON.
    """
    try:
        if request.content_type in _FORMS:
            form = await request.post()
            parts = [part for part in form.values() if isinstance(part, web.FileField)]
            files = [File(part.filename, part.file.read()) for part in parts]
            return json.loads(str(form.get("payload_json", "{}"))), files
        text = await request.text()
        return (json.loads(text) if text else {}), []
    except ValueError:
        raise ApiError(400, "The request body contains invalid JSON.", 50109) from None


def snowflake(request: web.Request, name: str) -> int:
    """A snowflake in the path; 0, which nothing has, if it is none."""
    value = request.match_info[name]
    return int(value) if value.isascii() and value.isdigit() else 0


def require(world: World, channel: Channel, *needed: Permission) -> None:
    """The bot has these permissions in a channel.

    Raises:
        ApiError: 403, as Discord words it: it does not even see the channel, or lacks a permission.
    """
    has = world.guilds[channel.guild_id].permissions(world.bot.id, channel)
    if not has & Permission.VIEW_CHANNEL:
        raise ApiError(403, "Missing Access", 50001)
    if any(not has & permission for permission in needed):
        raise ApiError(403, "Missing Permissions", 50013)


def find_channel(world: World, request: web.Request) -> Channel:
    """The channel that the path names.

    Raises:
        ApiError: 404 if there is none.
    """
    wanted = snowflake(request, "channel")
    for guild in world.guilds.values():
        if wanted in guild.channels:
            return guild.channels[wanted]
    raise ApiError(404, "Unknown Channel", 10003)
