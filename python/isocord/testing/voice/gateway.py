"""The voice gateway: all voice sessions of a fake Discord, by guild and user."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable

from aiohttp import web

from ..ground.eventlog import EventLog
from ..ground.opcodes import RESUMABLE_CLOSES, VoiceClose
from ..wire.websocket import MessageFilter
from .call import Call
from .connection import ProtocolError, VoiceConnection
from .session import Grant, VoiceSession
from .settings import VoiceSettings
from .sfu import UdpRelay


class VoiceGateway:
    """All voice sessions of a fake Discord, whatever voice server they are on.

    Args:
        find_grant: the grant in force for (guild id, user id).
        find_call: the call of a channel.

    Attributes:
        heartbeats_unanswered: guilds whose clients get no Heartbeat ACK.
        silent: guilds whose clients get no answer at all; their websockets open, and nothing more.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        log: EventLog,
        find_grant: Callable[[int, int], Grant | None],
        find_call: Callable[[int], Call],
    ) -> None:
        self.settings = settings
        self.log = log
        self.message_filter: MessageFilter | None = None
        self.sessions: dict[tuple[int, int], VoiceSession] = {}
        self.heartbeats_unanswered: set[int] = set()
        self.silent: set[int] = set()
        self._find_grant = find_grant
        self._find_call = find_call
        self._ssrcs: set[int] = set()
        self._numbers = itertools.count(1)
        self.connections: set[VoiceConnection] = set()

    def new_ssrc(self) -> int:
        """An SSRC that this fake has never given out before."""
        while (ssrc := secrets.randbelow(0xFFFFFFFE) + 1) in self._ssrcs:
            pass
        self._ssrcs.add(ssrc)
        return ssrc

    def is_live(self, guild_id: int, user_id: int) -> bool:
        """Whether a user has a voice session with an open websocket."""
        session = self.sessions.get((guild_id, user_id))
        return session is not None and session.link is not None and session.link.is_open

    def end(self, guild_id: int, user_id: int, code: VoiceClose | None) -> None:
        """End a user's voice session, and close its websocket with ``code`` unless that is None."""
        session = self.sessions.get((guild_id, user_id))
        if session is not None:
            self.end_session(session)
            if session.link is not None and code is not None:
                session.link.close(code, code.name.replace("_", " ").capitalize())

    def close_session(self, session: VoiceSession, code: int, reason: str = "") -> None:
        """Close a session's websocket with a code, and end the session unless it can be resumed after that code."""
        link = session.link
        if code not in RESUMABLE_CLOSES:
            self.end_session(session)
        if link is not None:
            link.close(code, reason)

    def end_session(self, session: VoiceSession) -> None:
        """End a session; its websocket is the caller's business."""
        key = (session.grant.guild_id, session.user_id)
        if self.sessions.get(key) is session:
            del self.sessions[key]
        session.end()
        self.log.changed()

    def close(self) -> None:
        """End everything at once."""
        for session in list(self.sessions.values()):
            self.end_session(session)
        for connection in list(self.connections):
            connection.link.cut()

    async def handle(self, request: web.Request, relay: UdpRelay, endpoint: str) -> web.StreamResponse:
        """Serve one websocket of the voice server at ``endpoint``."""
        connection = VoiceConnection(self, request, relay, endpoint, next(self._numbers))
        self.connections.add(connection)
        try:
            return await connection.run()
        finally:
            self.connections.discard(connection)

    def open_session(self, grant: Grant, relay: UdpRelay, *, version: int, max_dave_version: int) -> VoiceSession:
        """A new session in the place of the user's older one."""
        call = self._find_call(grant.channel_id)
        if not call.delivery.admits(max_dave_version):
            raise ProtocolError(VoiceClose.DAVE_REQUIRED, "E2EE/DAVE protocol required")
        self.end(grant.guild_id, grant.user_id, VoiceClose.DISCONNECTED)
        session = VoiceSession(
            grant,
            call,
            relay,
            self.new_ssrc(),
            version=version,
            max_dave_version=max_dave_version,
            wrapping=self.settings.wrapping,
            filters=self,
        )
        self.sessions[grant.guild_id, grant.user_id] = session
        return session

    def find_grant(self, server_id: int, user_id: int) -> Grant | None:
        return self._find_grant(server_id, user_id)
