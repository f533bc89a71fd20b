"""One websocket of the voice gateway, version 8: what a client may say when, and what it is told.

Source: Discord API documentation, "Voice Connections" and "Voice Opcodes".
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any, Protocol

from aiohttp import web

from ..dave.dave import CLIENT_OPCODES
from ..ground.eventlog import EventLog
from ..ground.opcodes import RESUMABLE_CLOSES, VoiceClose, VoiceOp
from ..ground.payloads import Json
from ..ground.watchdog import Watchdog
from ..wire.websocket import Link, MessageFilter
from .session import Grant, SessionState, VoiceSession
from .settings import VoiceSettings
from .sfu import UdpRelay

_VERSIONS = range(4, 9)
_BINARY_OPS = frozenset({VoiceOp.DAVE_KEY_PACKAGE, VoiceOp.DAVE_COMMIT_WELCOME})


class ProtocolError(Exception):
    """A client did something that costs it the connection."""

    def __init__(self, code: VoiceClose, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sessions(Protocol):
    """What one websocket needs of the voice gateway."""

    settings: VoiceSettings
    log: EventLog
    message_filter: MessageFilter | None
    sessions: dict[tuple[int, int], VoiceSession]
    heartbeats_unanswered: set[int]
    silent: set[int]

    def find_grant(self, server_id: int, user_id: int) -> Grant | None:
        """The grant in force for a user in a guild."""

    def open_session(self, grant: Grant, relay: UdpRelay, *, version: int, max_dave_version: int) -> VoiceSession:
        """A new session in the place of the user's older one.

        Raises:
            ProtocolError: the call refuses a client that can do no more than ``max_dave_version``.
        """

    def end_session(self, session: VoiceSession) -> None:
        """End a session; its websocket is the caller's business."""


class VoiceConnection:
    """One websocket: from Hello to its end."""

    def __init__(self, gateway: Sessions, request: web.Request, relay: UdpRelay, endpoint: str, number: int) -> None:
        self._gateway = gateway
        self._request = request
        self._relay = relay
        self._endpoint = endpoint
        self._session: VoiceSession | None = None
        self._watchdog = Watchdog(gateway.settings.heartbeat_interval * 1.5, self._timed_out)
        self._version = 0
        self.link: Link = Link(request, gateway.log, "voice", number)

    async def run(self) -> web.StreamResponse:
        try:
            return await self.link.run(self._message, self._open)
        finally:
            self._watchdog.cancel()
            self._lost()

    def _open(self) -> None:
        version = self._request.query.get("v", "")
        self._version = int(version) if version.isdecimal() else 0
        if self._version not in _VERSIONS:
            self.link.close(VoiceClose.UNKNOWN_PROTOCOL, "unknown voice gateway version")
            return
        self._watchdog.feed()
        interval = int(self._gateway.settings.heartbeat_interval * 1000)
        self._send(VoiceOp.HELLO, {"v": self._version, "heartbeat_interval": interval})

    def _lost(self) -> None:
        """The websocket is over: the session ends with it, or waits for a Resume."""
        session = self._session
        if session is None or session.link is not self.link:
            return
        session.link = None
        code = self.link.close_code
        self.link.log.add("voice", "received", self.link.number, -1, name="CLOSED", data={"code": code})
        # What this server closes for good has ended the session already; a client that closes with a code of its own
        # may come back, unless it says goodbye.
        resumable = (code is None or code in RESUMABLE_CLOSES or code >= 4000) and session.version >= 7
        if session.state is SessionState.ENDED or not resumable:
            self._gateway.end_session(session)
            return
        loop = asyncio.get_running_loop()
        window = self._gateway.settings.resume_window
        session.expiry = loop.call_later(window, self._gateway.end_session, session)

    def _timed_out(self) -> None:
        if self._session is not None:
            self._gateway.end_session(self._session)
        self.link.close(VoiceClose.SESSION_TIMEOUT, "Session timed out")

    def _send(self, op: VoiceOp, data: Json | int | None) -> None:
        """An unnumbered message, with or without a session."""
        message_filter = self._gateway.message_filter
        if message_filter is not None and not message_filter("sent", op, data):
            return
        self.link.log.add("voice", "sent", self.link.number, op, name=op.name, data=data)
        self.link.send(json.dumps({"op": op, "d": data}))

    def _message(self, frame: str | bytes) -> None:
        try:
            op, body = self._parse(frame)
            self._note(op, body)
            message_filter = self._gateway.message_filter
            if self._is_silent(op, body):
                self._watchdog.feed()
            elif message_filter is None or message_filter("received", op, body):
                self._dispatch(op, body)
        except ProtocolError as error:
            if self._session is not None:
                self._gateway.end_session(self._session)
            self.link.close(error.code, error.reason)

    def _is_silent(self, op: VoiceOp, body: Any) -> bool:
        """Whether the server plays dead for this client."""
        if not self._gateway.silent:
            return False
        if self._session is not None:
            return self._session.grant.guild_id in self._gateway.silent
        first = op in (VoiceOp.IDENTIFY, VoiceOp.RESUME)
        return first and _integer(_object(body), "server_id") in self._gateway.silent

    def _parse(self, frame: str | bytes) -> tuple[VoiceOp, Any]:
        try:
            if isinstance(frame, bytes):
                number, body = frame[0], frame[1:]
            else:
                message = json.loads(frame)
                number, body = message["op"], message.get("d")
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Failed to decode payload") from None
        try:
            op = VoiceOp(number)
        except ValueError:
            raise ProtocolError(VoiceClose.UNKNOWN_OPCODE, "Unknown opcode") from None
        if isinstance(frame, bytes) != (op in _BINARY_OPS):
            raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Wrong kind of message for this opcode")
        return op, body

    def _note(self, op: VoiceOp, body: Any) -> None:
        data = {"bytes": len(body)} if isinstance(body, bytes) else body
        self.link.log.add("voice", "received", self.link.number, op, name=op.name, data=data)

    def _dispatch(self, op: VoiceOp, body: Any) -> None:
        if op is VoiceOp.HEARTBEAT:
            return self._heartbeat(body)
        if op in (VoiceOp.IDENTIFY, VoiceOp.RESUME):
            if self._session is not None:
                raise ProtocolError(VoiceClose.ALREADY_AUTHENTICATED, "Already authenticated")
            fields = _object(body)
            return self._identify(fields) if op is VoiceOp.IDENTIFY else self._resume(fields)
        session = self._session
        if session is None:
            raise ProtocolError(VoiceClose.NOT_AUTHENTICATED, "Not authenticated")
        if op is VoiceOp.SELECT_PROTOCOL:
            self._select(session, _object(body))
        elif op is VoiceOp.SPEAKING:
            self._speaking(session, _object(body))
        elif op in CLIENT_OPCODES:
            try:
                session.call.delivery.received(session, op, body)
            except ValueError as error:
                raise ProtocolError(VoiceClose.BAD_PAYLOAD, str(error)) from None
        elif op not in (VoiceOp.SESSION_UPDATE, VoiceOp.MEDIA_SINK_WANTS):
            raise ProtocolError(VoiceClose.UNKNOWN_OPCODE, "Unknown opcode")

    def _heartbeat(self, body: Any) -> None:
        self._watchdog.feed()
        if self._version < 8:
            return self._send(VoiceOp.HEARTBEAT_ACK, body)
        fields = _object(body)
        if self._session is not None and (seq_ack := fields.get("seq_ack")) is not None:
            self._session.acknowledge(_integer({"seq_ack": seq_ack}, "seq_ack"))
        if self._session is not None and self._session.grant.guild_id in self._gateway.heartbeats_unanswered:
            return
        self._send(VoiceOp.HEARTBEAT_ACK, {"t": fields.get("t")})

    def _identify(self, fields: Json) -> None:
        server_id, user_id = _integer(fields, "server_id"), _integer(fields, "user_id")
        grant = self._check(server_id, user_id, fields)
        version = _integer(fields, "max_dave_protocol_version") if "max_dave_protocol_version" in fields else 0
        session = self._gateway.open_session(grant, self._relay, version=self._version, max_dave_version=version)
        self._adopt(session)
        session.signal(
            VoiceOp.READY,
            {
                "ssrc": session.ssrc,
                "ip": "127.0.0.1",
                "port": self._relay.port,
                "modes": list(self._gateway.settings.modes),
                # The real server sends this wrong interval as well; Hello's is the one that counts.
                "heartbeat_interval": 1,
                "experiments": ["fixed_keyframe_interval"],
                "streams": [],
            },
        )

    def _resume(self, fields: Json) -> None:
        server_id = _integer(fields, "server_id")
        session = next(
            (
                s
                for s in self._gateway.sessions.values()
                if s.grant.guild_id == server_id and s.grant.session_id == fields.get("session_id")
            ),
            None,
        )
        if session is None or session.leg.relay is not self._relay:
            raise ProtocolError(VoiceClose.SESSION_INVALID, "Session is no longer valid")
        self._check(server_id, session.user_id, fields)
        seq_ack = _integer(fields, "seq_ack") if self._version >= 8 else session.seq
        if not session.can_replay(seq_ack):
            self._gateway.end_session(session)
            raise ProtocolError(VoiceClose.SESSION_INVALID, "Session is no longer valid")
        if session.link is not None:
            # The client gave the old websocket up before this server noticed that it is dead.
            session.link.cut()
        session.cancel_expiry()
        self._adopt(session)
        session.resumes += 1
        session.send(VoiceOp.RESUMED, None)
        session.replay(seq_ack)

    def _check(self, server_id: int, user_id: int, fields: Json) -> Grant:
        grant = self._gateway.find_grant(server_id, user_id)
        if grant is None:
            raise ProtocolError(VoiceClose.SESSION_INVALID, "Session is no longer valid")
        if grant.endpoint != self._endpoint:
            raise ProtocolError(VoiceClose.SERVER_NOT_FOUND, "Server not found")
        if grant.session_id != fields.get("session_id"):
            raise ProtocolError(VoiceClose.SESSION_INVALID, "Session is no longer valid")
        if not isinstance(fields.get("token"), str) or not secrets.compare_digest(
            grant.token.encode(), fields["token"].encode("utf-8", "replace")
        ):
            raise ProtocolError(VoiceClose.AUTHENTICATION_FAILED, "Authentication failed")
        return grant

    def _adopt(self, session: VoiceSession) -> None:
        self._session = session
        session.link = self.link
        self.link.log.changed()

    def _select(self, session: VoiceSession, fields: Json) -> None:
        if fields.get("protocol") != "udp":
            raise ProtocolError(VoiceClose.UNKNOWN_PROTOCOL, "Unknown protocol")
        data = _object(fields.get("data"))
        mode = data.get("mode")
        if not isinstance(data.get("address"), str) or not 0 <= _integer(data, "port") <= 0xFFFF:
            raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Failed to decode payload")
        if mode not in self._gateway.settings.modes:
            raise ProtocolError(VoiceClose.UNKNOWN_MODE, "Unknown encryption mode")
        key = session.select(mode)
        session.signal(
            VoiceOp.SESSION_DESCRIPTION,
            {
                "mode": mode,
                "secret_key": list(key),
                "dave_protocol_version": session.call.delivery.version_for(session.max_dave_version),
                "audio_codec": "opus",
                "video_codec": None,
                "media_session_id": secrets.token_hex(16),
            },
        )
        session.call.join(session)

    def _speaking(self, session: VoiceSession, fields: Json) -> None:
        flags = fields.get("speaking")
        if isinstance(flags, bool):
            flags = int(flags)
        if not isinstance(flags, int) or not 0 <= flags <= 7:
            raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Failed to decode payload")
        # Some clients leave their own SSRC out, which the real server tolerates.
        if fields.get("ssrc") not in (None, session.ssrc):
            raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Invalid SSRC")
        session.has_spoken = True
        session.call.set_speaking(session, flags)


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ProtocolError(VoiceClose.BAD_PAYLOAD, "Failed to decode payload")
    return value


def _integer(fields: Json, name: str) -> int:
    """An integer field; ids may come as strings."""
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ProtocolError(VoiceClose.BAD_PAYLOAD, f"Failed to decode payload: {name}")
