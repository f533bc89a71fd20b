"""The half of a voice connection that carries sound: its voice sessions, their encryption, and who speaks.

It belongs to the gateway thread, opens what the driver asks for, and tells the driver, its owner, what became of it.
What it does needs nothing of the bot's: not its gateway, not its loop, not the reasons why.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Callable
from typing import Any

from .. import _native
from ..gateway.protocol.close_codes import CloseAction, CloseVerdict
from ..gateway.protocol.counters import Counters, Latencies
from ..gateway.protocol.messages import ClientDisconnect, ClientsConnect, DaveEvent, Speaking
from ..gateway.protocol.protocol import ABANDONED, Credentials
from ..playing.player import Player
from ..playing.sources.feed import Tracks
from ..runtime.log import GuildLog
from ..runtime.thread import GatewayThread
from ..runtime.worker import Done, Job
from .carrier import MediaOwner
from .decisions.actions import Target
from .decisions.sending import SendWatch, Sent
from .session.encryption import MAX_DAVE_VERSION, Encryption, EncryptionState
from .session.roster import Roster, tell_native
from .session.session import SessionInfo, SocketOpener, VoiceSession
from .session.speaking import VOICE, Speaker
from .states import Reason


class Media:
    """The sessions of one connection, one after the other. The attributes may be read from any thread.

    Args:
        owner: whom it reports to.
        thread: the gateway thread.
        server_id: the guild.
        user_id: the bot.
        native: what sends and receives.
        player: what plays.
        open_socket: opens websockets.
        log: the connection's.
    """

    def __init__(
        self,
        owner: MediaOwner,
        *,
        thread: GatewayThread,
        server_id: int,
        user_id: int,
        native: _native.Connection,
        player: Player,
        open_socket: SocketOpener,
        log: GuildLog,
    ) -> None:
        self.native: _native.Connection = native
        self.session: VoiceSession | None = None
        self.encryption: Encryption | None = None
        self.latencies: Latencies = Latencies()
        self.counters: Counters = Counters()
        self.closed: bool = False
        self._owner = owner
        self._thread = thread
        self._server_id, self._user_id = server_id, user_id
        self._player = player
        self._open_socket = open_socket
        self._log = log
        self._timer: asyncio.TimerHandle | None = None
        self._roster = Roster(native, owner.channel_event, user_id=user_id)
        self._watch = SendWatch()
        self.speaker: Speaker = Speaker(thread, player, self)

    @property
    def info(self) -> SessionInfo | None:
        """What the present session is like, once it was established."""
        return self.session.info if self.session is not None else None

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message of the voice gateway, -1 if none."""
        return self.session.protocol.seq_ack if self.session is not None else -1

    @property
    def speaking(self) -> bool:
        """Whether the server knows that we speak."""
        return self.session is not None and bool(self.session.protocol.speaking_flags & VOICE)

    @property
    def encryption_state(self) -> EncryptionState:
        """What is known of the end-to-end encryption of the present session."""
        return self.encryption.state if self.encryption is not None else EncryptionState()

    def verification_code(self, user_id: int) -> str | None:
        """The digits that the bot and a user compare; it takes a tenth of a second, on any thread."""
        return self.encryption.verification_code(user_id) if self.encryption is not None else None

    @property
    def can_resume(self) -> bool:
        """Whether another websocket would resume the session."""
        return self.session is not None and self.session.can_resume

    # What the driver asks for.

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function`` as its owner does."""
        self._owner.enter(function, *args)

    def open(self, target: Target, *, resume: bool) -> None:
        """Open a websocket, to resume the session if that can be; otherwise a new session takes its place."""
        session = self.session
        if session is None or not (resume and session.can_resume):
            session = self._begin(target)
        session.open()
        self._arm()

    def drop(self, code: int = ABANDONED) -> None:
        """Close the websocket but keep the session."""
        if self.session is not None:
            self.session.drop_socket(code)
            self._arm()

    def end_session(self) -> None:
        """The session is over on the server: sound would go to nobody."""
        tell_native(self.native.end_session)

    def sync(self) -> None:
        """The player wants something else, or the session does not know yet: tell the server, then let it leave."""
        self.speaker.sync()

    def speak(self, flags: int, done: concurrent.futures.Future[None]) -> None:
        """Set the flags that hold while the player is silent; ``done`` is done when the server was told."""
        self.speaker.set_manual(flags, done)

    def announce_packet(self, done: concurrent.futures.Future[None]) -> None:
        """A single packet is about to leave; ``done`` is done when the server was told."""
        self.speaker.announce_packet(done)

    def packet_leaves(self) -> None:
        """A single packet leaves now; from any thread."""
        self.speaker.last_packet = time.monotonic()

    def take_native(self, event: _native.Discovered | _native.DiscoveryFailed) -> None:
        """The native side found our address, or did not."""
        if self.session is None:
            return
        if isinstance(event, _native.Discovered):
            self.session.discovered(event)
        else:
            self.session.discovery_failed(event)

    def look(self, *, established: bool) -> None:
        """See that what plays leaves; it is told as a loss if it does not."""
        stats = self.native.stats
        # What the system does not take is counted, and the native side itself gives the socket up for it.
        sent = Sent(stats.packets_sent + stats.send_errors, stats.withheld)
        playing = established and self._player.has_frames
        wrong = self._watch.look(sent, self._now(), playing=playing, others=self._roster.others)
        if wrong is not None:
            self._lose(wrong, Reason.UNSENT)

    def close(self) -> None:
        """It is over: the server is told, and no key is handed on."""
        self.closed = True
        self.speaker.close()
        if self.session is not None:
            self.session.close(1000)
        if self.encryption is not None:
            self.encryption.close()
        self._arm()

    # Inside.

    def _begin(self, target: Target) -> VoiceSession:
        if self.session is not None:
            self.session.close(1000)
        # The new session tells everything anew, and may do so before it is established.
        self._roster.clear()
        if self.encryption is not None:
            self.encryption.close()
        session = self.session = VoiceSession(
            self,
            thread=self._thread,
            native=self.native,
            credentials=Credentials(self._server_id, self._user_id, target.session_id, target.token),
            endpoint=target.endpoint,
            open_socket=self._open_socket,
            max_dave_version=MAX_DAVE_VERSION,
            latencies=self.latencies,
            log=self._log.child("session"),
        )
        session.protocol.counters = self.counters
        self.encryption = Encryption(
            self.native,
            user_id=self._user_id,
            channel_id=target.channel_id,
            send=session.send,
            changed=self._encryption_changed,
            failed=lambda told: self._thread.call(self.enter, self._encryption_failed, session, told),
            work=self._work,
            log=self._log.child("encryption"),
        )
        return session

    def _now(self) -> float:
        return self._thread.loop.time()

    def _work(self, job: Job, done: Done) -> None:
        self._thread.work(job, lambda error: self.enter(done, error))

    def _lose(self, told: str, reason: Reason) -> None:
        self.drop()
        self._owner.lost(CloseVerdict(CloseAction.REJOIN, None, told), reason, resumable=False)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closed and self.session is not None and self.session.deadline is not None:
            self._timer = self._thread.loop.call_at(self.session.deadline, self.enter, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        if self.session is not None:
            self.session.timeout(self._now())
        self._arm()

    # Reports of the session.

    def session_established(self, *, resumed: bool) -> None:
        session, encryption = self.session, self.encryption
        if not resumed and session is not None and session.info is not None and encryption is not None:
            encryption.start(session.info.dave_version)
        self._owner.established(resumed=resumed)
        self.speaker.sync()

    def session_lost(self, verdict: CloseVerdict, reason: Reason) -> None:
        self._owner.lost(verdict, reason, resumable=self.can_resume)

    def session_channel_event(self, event: Speaking | ClientsConnect | ClientDisconnect) -> None:
        self._roster.take(event, self.encryption)

    def session_dave_event(self, event: DaveEvent) -> None:
        if self.encryption is not None:
            self.encryption.take(event)

    def session_changed(self) -> None:
        self._arm()

    def wanted_flags(self) -> int:
        return self.speaker.wanted_flags

    def _encryption_changed(self) -> None:
        if self.encryption is not None:
            self._owner.encryption_changed(self.encryption.state)

    def _encryption_failed(self, session: VoiceSession, told: str) -> None:
        if session is self.session:
            self._lose(told, Reason.ENCRYPTION_FAILED)


class Here:
    """Sound is carried by this process.

    Args:
        open_socket: makes the opener of websockets for the gateway thread.
    """

    def __init__(self, open_socket: Callable[[GatewayThread], SocketOpener]) -> None:
        self._open_socket = open_socket

    def native(self, on_event: Callable[[_native.Event], None]) -> _native.Connection:
        """What sends and receives."""
        return _native.Connection(on_event)

    def tracks(self, native: _native.Connection) -> Tracks:
        """What makes tracks that it plays."""
        return _native.Track

    def media(self, owner: MediaOwner, thread: GatewayThread, native: _native.Connection, **of: Any) -> Media:
        """What carries it; ``of`` is whose, see :class:`Media`."""
        return Media(owner, thread=thread, native=native, open_socket=self._open_socket(thread), **of)
