"""The bot's main gateway: Hello, Identify, Ready, guilds, heartbeats, Resume, voice states.

Source: Discord API documentation, "Gateway" and "Gateway Events".
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..ground import payloads
from ..ground.eventlog import EventLog
from ..ground.intents import Intent, seen
from ..ground.opcodes import GatewayClose, GatewayOp
from ..ground.payloads import Json
from ..ground.watchdog import Watchdog
from ..ground.world import Guild, World
from ..wire.compression import Compressor, compressor_for
from ..wire.websocket import Link, MessageFilter

_BUFFERED_EVENTS = 4096
_RESUMABLE = frozenset({None, 1006, 4000, 4001, 4002, 4003, 4005, 4008, 4009})


class GatewaySession:
    """A session that outlives its websockets until it is closed on purpose or not resumed in time."""

    def __init__(self, shard: tuple[int, int], intents: Intent, bot_id: int) -> None:
        self.session_id: str = secrets.token_hex(16)
        self.shard = shard
        self.intents = intents
        self._bot_id = bot_id
        self.seq: int = 0
        self.connection: GatewayConnection | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.resumes = 0
        self.buffer: deque[tuple[int, str, Json]] = deque(maxlen=_BUFFERED_EVENTS)

    def has_guild(self, guild_id: int) -> bool:
        return (guild_id >> 22) % self.shard[1] == self.shard[0]

    def dispatch(self, event: str, data: Json) -> None:
        """A numbered event, if the session's intents are for it; kept for a Resume while no websocket is there."""
        shown = seen(event, data, self.intents, self._bot_id)
        if shown is None:
            return
        self.seq += 1
        self.buffer.append((self.seq, event, shown))
        if self.connection is not None:
            self.connection.send(GatewayOp.DISPATCH, shown, event, self.seq)


class GatewayHub:
    """All gateway sessions of the bot.

    Args:
        on_voice_request: takes (session id, body) of opcode 4.
        on_session_end: takes the id of a session that can no longer be resumed.
        heartbeat_interval: seconds, told in Hello.
        resume_window: seconds that a session without websocket can be resumed.
    """

    def __init__(
        self,
        world: World,
        log: EventLog,
        *,
        heartbeat_interval: float = 41.25,
        resume_window: float = 60.0,
    ) -> None:
        self.world = world
        self.log = log
        self.heartbeat_interval = heartbeat_interval
        self.resume_window = resume_window
        self.message_filter: MessageFilter | None = None
        self.sessions: dict[str, GatewaySession] = {}
        self.connections: set[GatewayConnection] = set()
        self.url = ""
        self.on_voice_request: Callable[[str, Json], None] = lambda session_id, body: None
        self.on_session_end: Callable[[str], None] = lambda session_id: None
        self._numbers = itertools.count(1)

    def dispatch(self, event: str, data: Json, guild_id: int | None = None) -> None:
        """Send an event to every session that sees the guild."""
        for session in list(self.sessions.values()):
            if guild_id is None or session.has_guild(guild_id):
                session.dispatch(event, data)

    def end_session(self, session: GatewaySession) -> None:
        """Forget a session: it can not be resumed, and its voice states go."""
        if self.sessions.pop(session.session_id, None) is None:
            return
        if session.expiry is not None:
            session.expiry.cancel()
        self.on_session_end(session.session_id)
        self.log.changed()

    def invalidate(self) -> None:
        """Opcode 9, not resumable, to every session: each of them is over."""
        for session in list(self.sessions.values()):
            connection, session.connection = session.connection, None
            self.end_session(session)
            if connection is not None:
                connection.session = None
                connection.send(GatewayOp.INVALID_SESSION, False)

    def close(self) -> None:
        """End everything at once."""
        for session in list(self.sessions.values()):
            if session.expiry is not None:
                session.expiry.cancel()
        self.sessions.clear()
        for connection in list(self.connections):
            connection.link.cut()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket."""
        try:
            compressor = compressor_for(request.query.get("compress"))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if request.query.get("encoding", "json") != "json":
            raise web.HTTPBadRequest(text="only encoding=json is served")
        connection = GatewayConnection(self, request, compressor, next(self._numbers))
        self.connections.add(connection)
        try:
            return await connection.link.run(connection.message, connection.open)
        finally:
            self.connections.discard(connection)
            connection.lost()


class GatewayConnection:
    """One websocket of a session."""

    def __init__(self, hub: GatewayHub, request: web.Request, compressor: Compressor, number: int) -> None:
        self._hub = hub
        self._compress = compressor
        self._watchdog = Watchdog(hub.heartbeat_interval * 1.5, self._timed_out)
        self.session: GatewaySession | None = None
        self.link: Link = Link(request, hub.log, "gateway", number)

    def open(self) -> None:
        self._watchdog.feed()
        self.send(GatewayOp.HELLO, {"heartbeat_interval": int(self._hub.heartbeat_interval * 1000), "_trace": []})

    def lost(self) -> None:
        """The websocket is over: the session ends with it, or waits for a Resume."""
        self._watchdog.cancel()
        session = self.session
        if session is None or session.connection is not self:
            return
        session.connection = None
        code = self.link.close_code
        self._hub.log.add("gateway", "received", self.link.number, -1, name="CLOSED", data={"code": code})
        if session.session_id not in self._hub.sessions:
            return
        if code in _RESUMABLE:
            loop = asyncio.get_running_loop()
            session.expiry = loop.call_later(self._hub.resume_window, self._hub.end_session, session)
        else:
            self._hub.end_session(session)

    def send(self, op: GatewayOp, data: Any, event: str | None = None, seq: int | None = None) -> None:
        message_filter = self._hub.message_filter
        if message_filter is not None and not message_filter("sent", op, data):
            return
        self._hub.log.add("gateway", "sent", self.link.number, op, name=event or op.name, data=data, seq=seq)
        self.link.send(self._compress(json.dumps({"op": op, "d": data, "s": seq, "t": event})))

    def message(self, frame: str | bytes) -> None:
        """One message of the bot."""
        try:
            message = json.loads(frame)
            number, body = message["op"], message.get("d")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self.link.close(GatewayClose.DECODE_ERROR, "Error while decoding payload.")
        try:
            op = GatewayOp(number)
        except ValueError:
            return self.link.close(GatewayClose.UNKNOWN_OPCODE, "Unknown opcode.")
        self._hub.log.add("gateway", "received", self.link.number, op, name=op.name, data=body)
        message_filter = self._hub.message_filter
        if message_filter is None or message_filter("received", op, body):
            self._dispatch(op, body)

    def _dispatch(self, op: GatewayOp, body: Any) -> None:
        if op is GatewayOp.HEARTBEAT:
            self._watchdog.feed()
            self.send(GatewayOp.HEARTBEAT_ACK, None)
        elif op in (GatewayOp.IDENTIFY, GatewayOp.RESUME):
            self._authenticate(op, body)
        elif self.session is None:
            self.link.close(GatewayClose.NOT_AUTHENTICATED, "Not authenticated.")
        elif not isinstance(body, dict):
            self.link.close(GatewayClose.DECODE_ERROR, "Error while decoding payload.")
        else:
            self._serve(self.session, op, body)

    def _authenticate(self, op: GatewayOp, body: Any) -> None:
        if self.session is not None:
            self.link.close(GatewayClose.ALREADY_AUTHENTICATED, "Already authenticated.")
        elif not isinstance(body, dict) or not self._knows(body.get("token")):
            self.link.close(GatewayClose.AUTHENTICATION_FAILED, "Authentication failed.")
        elif op is GatewayOp.IDENTIFY:
            self._identify(body)
        else:
            self._resume(body)

    def _serve(self, session: GatewaySession, op: GatewayOp, body: Json) -> None:
        if op is GatewayOp.VOICE_STATE_UPDATE:
            self._hub.on_voice_request(session.session_id, body)
        elif op is GatewayOp.REQUEST_GUILD_MEMBERS:
            self._members(session, body)
        elif op is GatewayOp.REQUEST_SOUNDBOARD_SOUNDS:
            for guild_id in body.get("guild_ids") or ():
                session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": str(guild_id), "soundboard_sounds": []})
        elif op is not GatewayOp.PRESENCE_UPDATE:
            self.link.close(GatewayClose.UNKNOWN_OPCODE, "Unknown opcode.")

    def _knows(self, token: Any) -> bool:
        if not isinstance(token, str):
            return False
        token = token.removeprefix("Bot ")
        return secrets.compare_digest(token.encode("utf-8", "replace"), self._hub.world.token.encode())

    def _identify(self, body: Json) -> None:
        shard = body.get("shard") or (0, 1)
        try:
            number, count = int(shard[0]), int(shard[1])
        except (TypeError, ValueError, IndexError):
            number, count = -1, 0
        if not 0 <= number < count:
            return self.link.close(GatewayClose.INVALID_SHARD, "Invalid shard.")
        intents = body.get("intents")
        if not isinstance(intents, int) or intents < 0:
            return self.link.close(GatewayClose.INVALID_INTENTS, "Invalid intent(s).")
        session = GatewaySession((number, count), Intent(intents), self._hub.world.bot.id)
        self._hub.sessions[session.session_id] = session
        self._adopt(session)
        guilds = [g for g in self._hub.world.guilds.values() if session.has_guild(g.id)]
        session.dispatch("READY", self._ready(session, guilds))
        for guild in guilds:
            session.dispatch("GUILD_CREATE", payloads.guild_create(guild))

    def _ready(self, session: GatewaySession, guilds: list[Guild]) -> Json:
        world = self._hub.world
        return {
            "v": 10,
            "user": payloads.own_user(world),
            "guilds": [{"id": str(g.id), "unavailable": True} for g in guilds],
            "session_id": session.session_id,
            "session_type": "normal",
            "resume_gateway_url": self._hub.url,
            "shard": list(session.shard),
            "application": {"id": str(world.application_id), "flags": 0},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "user_settings": {},
            "_trace": ["isocord.testing"],
        }

    def _resume(self, body: Json) -> None:
        session = self._hub.sessions.get(str(body.get("session_id")))
        seq = body.get("seq")
        first_kept = session.buffer[0][0] if session is not None and session.buffer else 1
        if session is None or not isinstance(seq, int) or not first_kept - 1 <= seq <= session.seq:
            if session is not None:
                self._hub.end_session(session)
            return self.send(GatewayOp.INVALID_SESSION, False)
        if session.connection is not None:
            session.connection.link.cut()
        self._adopt(session)
        session.resumes += 1
        for number, event, data in list(session.buffer):
            if number > seq:
                self.send(GatewayOp.DISPATCH, data, event, number)
        session.dispatch("RESUMED", {"_trace": ["isocord.testing"]})

    def _adopt(self, session: GatewaySession) -> None:
        self.session = session
        session.connection = self
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None

    def _members(self, session: GatewaySession, body: Json) -> None:
        """Answer opcode 8 in one chunk."""
        try:
            raw = body.get("guild_id")
            guild = self._hub.world.guilds[int(raw[0] if isinstance(raw, list) else raw or 0)]
            wanted = body.get("user_ids")
            ids = None if wanted is None else {int(i) for i in (wanted if isinstance(wanted, list) else [wanted])}
        except (KeyError, TypeError, ValueError, IndexError):
            return self._hub.log.count("members_request_malformed")
        query = str(body.get("query") or "").lower()
        if ids is None and not query and not session.intents & Intent.GUILD_MEMBERS:
            return self._hub.log.count("members_request_without_intent")
        members = [
            m
            for m in guild.members.values()
            if (m.id in ids if ids is not None else m.user.name.lower().startswith(query))
        ]
        chunk = {
            "guild_id": str(guild.id),
            "members": [payloads.member(m) for m in members],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [str(i) for i in sorted(ids - set(guild.members))] if ids is not None else [],
            "presences": [],
            "nonce": body.get("nonce"),
        }
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _timed_out(self) -> None:
        self.link.close(GatewayClose.SESSION_TIMED_OUT, "Session timed out.")
