"""The client's end of a connection: hands over from the gateway thread to the bot's loop.

Every method may be called from any thread, returns at once, and puts up with a loop that is closed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..connection.connection import VoiceConnection
from ..connection.session.encryption import EncryptionState
from ..connection.states import ChannelEvent, ConnectionState, Phase, Reason
from . import departures

if TYPE_CHECKING:
    from .voice_client import VoiceClient

_log = logging.getLogger(__name__)


class ClientLink:
    """Joins one :class:`VoiceConnection` to the voice client that made it."""

    def __init__(self, client: VoiceClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self._outbox: deque[tuple[int | None, Callable[[], object]]] = deque()
        # The loop itself holds tasks only weakly.
        self._writer: asyncio.Task[None] | None = None
        self.connection: VoiceConnection | None = None
        self.settled = threading.Event()
        """Set while the connection is connected or over."""

    def send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        """Send opcode 4 on the bot's gateway, and call ``sent`` when it was written or could not be."""
        self._post(self._send_voice_state, channel_id, sent)

    def state_changed(self, state: ConnectionState) -> None:
        """Tell the client."""
        if state.is_connected or state.phase is Phase.DISCONNECTED:
            self.settled.set()
        else:
            self.settled.clear()
        posted = self._post(self._client._take_state, self.connection, state)
        if not posted and state.phase is Phase.DISCONNECTED:
            # Nobody is left to do it on the bot's loop.
            self._client.cleanup()

    def channel_event(self, event: ChannelEvent) -> None:
        """Have the bot dispatch it."""
        self._post(self._client._take_channel_event, event)

    def encryption_changed(self, state: EncryptionState) -> None:
        """Tell the client."""
        self._post(self._client._take_encryption, self.connection, state)

    def check(self) -> None:
        """Have the client look into the bot's registry."""
        self._post(self._client._check_registry, self.connection)

    def _post(self, function: Callable[..., object], *args: Any) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            connection = self.connection
            if connection is not None and connection.state.phase is not Phase.DISCONNECTED:
                _log.warning("The bot's event loop is closed: ending its voice connection")
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
                await (self._client._change_voice_state(channel_id) if channel_id is not None else self._leave())
            except Exception as error:
                # A bot that is being closed leaves by closing its gateway.
                level = logging.DEBUG if self._client._host.is_closing(self._client.client) else logging.WARNING
                kind = type(error).__name__
                _log.log(level, "The voice state could not be sent on the bot's gateway: %s: %s", kind, error)
            finally:
                sent()

    async def written(self) -> None:
        """What was asked for so far has been written, or could not be."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _leave(self) -> None:
        client = self._client
        leave = departures.begin(client.client, client._key, client)
        try:
            await client._change_voice_state(None)
        except BaseException:
            departures.forget(client.client, client._key, leave)
            client._left.set()
            raise
        leave.written(self._loop.time())
