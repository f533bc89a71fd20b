"""The client's end of a connection: hands over from the gateway thread to the bot's loop.

Every method may be called from any thread, returns at once, and puts up with a loop that is closed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ..connection.connection import VoiceConnection
from ..connection.session.encryption import EncryptionState
from ..connection.states import ChannelEvent, ConnectionState, Phase, Reason
from ..runtime.callbacks import remember
from ..runtime.log import GuildLog
from .news import ChannelNews

_log = logging.getLogger(__name__)


class LinkOwner(Protocol):
    """What a link needs of the client. All of it runs on the bot's loop; ``end`` must not need one."""

    async def join(self, channel_id: int) -> None:
        """Ask for a channel on the bot's gateway."""

    async def leave(self) -> None:
        """Leave the channel on the bot's gateway."""

    def is_closing(self) -> bool:
        """Whether the bot is being closed, so that its gateway takes nothing any more."""

    def take_state(self, connection: VoiceConnection | None, state: ConnectionState) -> None:
        """The connection has another state."""

    def take_channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""

    def take_encryption(self, connection: VoiceConnection | None, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""

    def check_registry(self, connection: VoiceConnection | None) -> None:
        """See that the bot still knows this client."""

    def end(self) -> None:
        """The connection is over, and so is the loop."""


class ClientLink:
    """Joins one :class:`VoiceConnection` to the voice client that made it.

    Args:
        owner: the client.
        loop: the bot's loop.
        guild_id: the guild, for the log.
        connected: kept set for as long as sound can leave.
    """

    def __init__(
        self, owner: LinkOwner, loop: asyncio.AbstractEventLoop, guild_id: int, connected: threading.Event
    ) -> None:
        self._owner = owner
        self._loop = loop
        remember(loop)
        self._log = GuildLog(_log, guild_id)
        self._connected = connected
        self._outbox: deque[tuple[int | None, Callable[[], object]]] = deque()
        # The loop itself holds tasks only weakly.
        self._writer: asyncio.Task[None] | None = None
        self._encryption: EncryptionState | None = None
        self._posted: set[Callable[[], object]] = set()
        self.news: ChannelNews = ChannelNews()
        self.connection: VoiceConnection | None = None
        self.settled: threading.Event = threading.Event()
        """Set while the connection is connected or over."""

    def send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        """Send opcode 4 on the bot's gateway, and call ``sent`` when it was written or could not be."""
        self._post(self._send_voice_state, channel_id, sent)

    def state_changed(self, state: ConnectionState) -> None:
        """Tell the client."""
        if state.is_connected:
            self._connected.set()
        else:
            self._connected.clear()
        if state.is_connected or state.phase is Phase.DISCONNECTED:
            self.settled.set()
        else:
            self.settled.clear()
        posted = self._post(self._owner.take_state, self.connection, state)
        if not posted and state.phase is Phase.DISCONNECTED:
            # Nobody is left to do it on the bot's loop.
            self._owner.end()

    def channel_event(self, event: ChannelEvent) -> None:
        """Have the bot dispatch it."""
        if self.news.put(event):
            self._post(self._tell_news)

    def encryption_changed(self, state: EncryptionState) -> None:
        """Tell the client."""
        self._encryption = state
        self._post_once(self._tell_encryption)

    def check(self) -> None:
        """Have the client look into the bot's registry."""
        self._post_once(self._check)

    # On the bot's loop.

    def _tell_news(self) -> None:
        for event in self.news.take():
            self._owner.take_channel_event(event)

    def _tell_encryption(self) -> None:
        if self._encryption is not None:
            self._owner.take_encryption(self.connection, self._encryption)

    def _check(self) -> None:
        self._owner.check_registry(self.connection)

    def _post_once(self, function: Callable[[], object]) -> None:
        """Post it, unless it waits already: a loop that is blocked for long is not to find it a thousand times."""
        if function not in self._posted:
            self._posted.add(function)
            self._post(self._run_posted, function)

    def _run_posted(self, function: Callable[[], object]) -> None:
        # Taken out first: what comes while it runs is told anew.
        self._posted.discard(function)
        function()

    def _post(self, function: Callable[..., object], *args: Any) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            connection = self.connection
            if connection is not None and connection.state.phase is not Phase.DISCONNECTED:
                self._log.warning("The bot's event loop is closed: ending its voice connection")
                connection.stop(Reason.LOOP_CLOSED, leave=False)
            return False
        return True

    def _send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        if channel_id is None:
            # What would only be undone need not leave.
            for _, never in self._outbox:
                never()
            self._outbox.clear()
        self._outbox.append((channel_id, sent))
        if self._writer is None or self._writer.done():
            self._writer = self._loop.create_task(self._write(), name="isocord-voice-state")

    async def _write(self) -> None:
        """One message after the other: the bot's library may hold each back, and a leave must not overtake a join."""
        while self._outbox:
            channel_id, sent = self._outbox.popleft()
            try:
                await (self._owner.join(channel_id) if channel_id is not None else self._owner.leave())
            except Exception as error:
                # A bot that is being closed leaves by closing its gateway.
                level = logging.DEBUG if self._owner.is_closing() else logging.WARNING
                kind = type(error).__name__
                self._log.log(level, "The voice state could not be sent on the bot's gateway: %s: %s", kind, error)
            finally:
                sent()

    async def written(self) -> None:
        """What was asked for so far has been written, or could not be."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
