"""The bot's place in a voice channel: what its own gateway says of it, and what it is told of the connection.

All of it runs on the bot's loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ..connection.connection import VoiceConnection
from ..connection.session.encryption import EncryptionState
from ..connection.states import (
    ChannelEvent,
    ConnectionState,
    Phase,
    Reason,
    UsersConnected,
    UserSpeaking,
    VoiceServerUpdate,
    VoiceStateUpdate,
)
from ..hosts import Joined
from ..runtime.log import GuildLog
from . import departures
from .base import ClientBase
from .info import displayed

_log = logging.getLogger(__name__)


class Membership:
    """The :class:`~isocord.client.link.LinkOwner` of a voice client.

    Args:
        client: the voice client.
        end: ends everything that it does and takes it out of the bot's registry.

    Attributes:
        left: set when Discord has confirmed that the bot is in no channel.
        joined: what is known of the channel, if the bot's library has joined it before it asked for the client.
        leaving: whether the client waits for that, and ends by itself afterwards.
        ended: whether the client has left the registry for good, though its connection may not know yet.
    """

    def __init__(self, client: ClientBase, end: Callable[[], None]) -> None:
        self._client = client
        self._bot, self._host, self._guild_id = client.client, client._host, client._guild_id
        self._log = GuildLog(_log, self._guild_id)
        self.end = end
        self.left: asyncio.Event = asyncio.Event()
        self.joined: Joined | None = None
        self.leaving = False
        self.ended = False
        self._privacy_code: str | None = None

    # What the bot says on its gateway.

    async def join(self, channel_id: int) -> None:
        """Ask for a channel, or tell of it at once what is known already."""
        joined, self.joined = self.joined, None
        if joined is not None and joined.state.channel_id == channel_id:
            self._client.loop.call_soon(self._tell_joined, joined)
        else:
            await self._change(channel_id)

    async def leave(self) -> None:
        """Leave the channel, and note that the word of it is still to come."""
        loop = self._client.loop
        leave = departures.begin(loop, self._bot, self._guild_id, self.left)
        try:
            await self._change(None)
        except BaseException:
            departures.forget(loop, self._bot, self._guild_id, leave)
            self.left.set()
            raise
        leave.written(loop.time())

    def is_closing(self) -> bool:
        """Whether the bot is being closed."""
        return self._host.is_closing(self._bot)

    async def _change(self, channel_id: int | None) -> None:
        client = self._client
        mute, deaf = client._self_mute, client._self_deaf
        await self._host.change_voice_state(client._place, channel_id, self_mute=mute, self_deaf=deaf)

    # What the bot's gateway says.

    def voice_state(self, update: VoiceStateUpdate) -> None:
        """The bot's own voice state changed."""
        connection = self._client._connection
        if update.channel_id is None:
            leave = departures.confirmed(self._client.loop, self._bot, self._guild_id)
            if leave is not None and not leave.is_of(self.left):
                # Most likely the word of an earlier client's leave, and no kick.
                leave.confirm()
                if connection is not None:
                    connection.maybe_left()
                return
            self.left.set()
        else:
            if update.channel_id != self._host.channel_id(self._client.channel):
                self._refresh_channel(update.channel_id)
            if update.self_mute is not None:
                self._client._self_mute = update.self_mute
            if update.self_deaf is not None:
                self._client._self_deaf = update.self_deaf
            self._note_silence(update)
            self._note_others(update)
        if connection is not None:
            connection.voice_state(update)
            if connection.state.phase is Phase.DISCONNECTED and not self.leaving:
                # The bot's own handler of this event, which comes next, finds no client that is gone.
                self.end()
        self._client._waiters.wake()

    def _note_others(self, update: VoiceStateUpdate) -> None:
        connection = self._client._connection
        before = connection.flow.session_id if connection is not None else None
        is_new = before is not None and before != update.session_id
        if is_new and self._host.is_of_others(self._bot, self._guild_id, update.session_id):
            self._log.warning(
                "Another client of this bot, with the same token, has joined voice in this guild: only one can be there"
            )

    def _note_silence(self, update: VoiceStateUpdate) -> None:
        before, self._client._unheard = self._client._unheard, self._host.unheard(update, self._client.channel)
        connection = self._client._connection
        if self._client._unheard not in ("", before) and connection is not None and connection.player.sounding:
            self._log.warning("Nobody hears what plays: %s", self._client._unheard)

    def voice_server(self, update: VoiceServerUpdate) -> None:
        """The guild has another voice server."""
        if self._client._connection is not None:
            self._client._connection.voice_server(update)

    def _tell_joined(self, joined: Joined) -> None:
        self.voice_state(joined.state)
        self.voice_server(joined.server)

    def _refresh_channel(self, channel_id: int | None) -> None:
        found = self._host.channel(self._client._place, channel_id) if channel_id is not None else None
        if found is not None:
            self._client.channel = found

    # What the connection says.

    def take_state(self, connection: VoiceConnection | None, state: ConnectionState) -> None:
        """The connection has another state."""
        if connection is not self._client._connection:
            return
        if state.phase in (Phase.RECONNECTING, Phase.DISCONNECTED):
            self._client._streams.clear()
        if state.phase is Phase.DISCONNECTED and not self.leaving:
            self.end()
        self._client._waiters.wake()
        self._dispatch("voice_connection_state_update", self._client, state)

    def take_encryption(self, connection: VoiceConnection | None, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""
        if connection is self._client._connection and state.privacy_code != self._privacy_code:
            self._privacy_code = state.privacy_code
            self._dispatch("voice_privacy_code_update", self._client, displayed(state.privacy_code))

    def take_channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""
        names, member = self._host.events, self._client._member
        if isinstance(event, UserSpeaking):
            self._client._streams.tell(event.user_id, event.ssrc, event.flags)
            state = self._host.speaking_state(event.flags)
            self._dispatch(names.speaking, member(event.user_id), event.ssrc, state)
        elif isinstance(event, UsersConnected):
            for found in filter(None, map(member, event.user_ids)):
                self._dispatch(names.connect, found)
        else:
            self._client._streams.forget(event.user_id)
            self._dispatch(names.disconnect, member(event.user_id), event.ssrc)

    def check_registry(self, connection: VoiceConnection | None) -> None:
        """See that the library still knows this client: a new session of the bot's gateway empties its registry."""
        client = self._client
        if self.ended or connection is None or connection is not client._connection:
            return
        if connection.state.phase is Phase.DISCONNECTED:
            return
        holder = self._host.registered(self._bot, self._guild_id)
        if holder is client:
            if not connection.state.is_connected and self._host.gateway_is_away(self._bot, self._guild_id):
                connection.hold()
        elif holder is not None:
            connection.stop(Reason.SUPERSEDED, leave=False)
        elif not self.is_closing():
            self._log.info("The bot's gateway has a new session: joining the voice channel again")
            self._host.register(self._bot, self._guild_id, client)
            self._refresh_channel(self._host.channel_id(client.channel))
            connection.rejoin()

    def _dispatch(self, event: str, *args: Any) -> None:
        self._host.dispatch(self._bot, event, *args)
