"""Who is in which voice channel: the one place where voice states and grants change."""

from __future__ import annotations

import dataclasses
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from ..dave.dave import DeliveryService
from ..ground import payloads
from ..ground.eventlog import EventLog
from ..ground.opcodes import VoiceClose
from ..ground.permissions import Permission
from ..ground.world import Channel, ChannelKind, Guild, VoiceState, World
from .call import Call
from .session import Grant


class Announcer(Protocol):
    """The bot's gateway, as far as the switchboard needs it."""

    def dispatch(self, event: str, data: dict[str, Any], guild_id: int | None = None) -> None: ...


class SessionKeeper(Protocol):
    """The voice gateway, as far as the switchboard needs it."""

    def is_live(self, guild_id: int, user_id: int) -> bool: ...

    def end(self, guild_id: int, user_id: int, code: VoiceClose | None) -> None: ...


class Switchboard:
    """Voice states, grants and calls.

    Args:
        make_delivery: makes the delivery service of a new call.

    Attributes:
        endpoints: the voice server's ``host:port`` for each guild id.
        withheld: how many of a guild's next VOICE_SERVER_UPDATEs come with endpoint null.
        server_update_first: send VOICE_SERVER_UPDATE before VOICE_STATE_UPDATE.
    """

    def __init__(
        self,
        world: World,
        log: EventLog,
        announcer: Announcer,
        make_delivery: Callable[[int], DeliveryService],
        default_endpoint: Callable[[], str],
    ) -> None:
        self._world = world
        self._log = log
        self._announcer = announcer
        self._make_delivery = make_delivery
        self._default_endpoint = default_endpoint
        self._grants: dict[tuple[int, int], Grant] = {}
        self._calls: dict[int, Call] = {}
        self.keeper: SessionKeeper | None = None
        self.endpoints: dict[int, str] = {}
        self.withheld: Counter[int] = Counter()
        self.server_update_first = False

    def call(self, channel_id: int) -> Call:
        """The call of a channel, made when first asked for."""
        call = self._calls.get(channel_id)
        if call is None:
            guild = self._world.guild(self._world.channel(channel_id).guild_id)
            call = Call(channel_id, self._make_delivery(channel_id), self._log, guild.voice_states.get)
            self._calls[channel_id] = call
        return call

    def endpoint(self, guild_id: int) -> str:
        """The voice server in force for a guild."""
        return self.endpoints.get(guild_id) or self._default_endpoint()

    def grant(self, guild_id: int, user_id: int) -> Grant | None:
        return self._grants.get((guild_id, user_id))

    def request(self, user_id: int, session_id: str, fields: dict[str, Any]) -> None:
        """Opcode 4 of the main gateway; what makes no sense is counted and ignored, as Discord does."""
        try:
            guild = self._world.guilds[int(fields["guild_id"])]
            channel_id = None if fields.get("channel_id") is None else int(fields["channel_id"])
        except (KeyError, TypeError, ValueError):
            return self._log.count("voice_request_malformed")
        if channel_id is None:
            return self.leave(guild, user_id)
        channel = guild.channels.get(channel_id)
        if channel is None or not channel.has_voice:
            return self._log.count("voice_request_bad_channel")
        needed = Permission.VIEW_CHANNEL | Permission.CONNECT
        if guild.permissions(user_id, channel) & needed != needed:
            return self._log.count("voice_request_forbidden")
        state = guild.voice_states.get(user_id)
        if (state is None or state.channel_id != channel.id) and guild.is_full(user_id, channel):
            return self._log.count("voice_request_full")
        flags = {name: bool(fields.get(name)) for name in ("self_mute", "self_deaf")}
        self.join(guild, user_id, channel, session_id, **flags)

    def join(
        self,
        guild: Guild,
        user_id: int,
        channel: Channel,
        session_id: str,
        *,
        self_mute: bool = False,
        self_deaf: bool = False,
        suppress: bool | None = None,
    ) -> None:
        """Put a user into a channel, or change the flags of one who is there already."""
        old = guild.voice_states.get(user_id)
        moved = old is None or old.channel_id != channel.id or old.session_id != session_id
        if suppress is None:
            # Everyone enters a stage as audience.
            audience = channel.kind is ChannelKind.STAGE or not self._may_speak(guild, user_id, channel)
            suppress = audience if moved or old is None else old.suppress
        member = guild.members[user_id]
        state = VoiceState(
            guild.id,
            channel.id,
            user_id,
            session_id,
            self_mute,
            self_deaf,
            member.mute,
            member.deaf,
            suppress,
            None if moved or old is None else old.request_to_speak,
        )
        # A client without a live session asks because it wants a new token, even if it is in the channel already.
        renew = moved or not self._is_live(guild, user_id)
        if moved and old is not None:
            self._end(guild, user_id, VoiceClose.DISCONNECTED)
        guild.voice_states[user_id] = state
        if renew and self.server_update_first:
            self.renew_grant(guild, user_id)
        self._announce(guild, state)
        if renew and not self.server_update_first:
            self.renew_grant(guild, user_id)

    def renew_grant(self, guild: Guild, user_id: int, *, endpoint_known: bool = True) -> None:
        """A new token and VOICE_SERVER_UPDATE for a user in voice."""
        state = guild.voice_states[user_id]
        assert state.channel_id is not None
        known = endpoint_known and self.withheld[guild.id] <= 0
        if endpoint_known and not known:
            self.withheld[guild.id] -= 1
        endpoint = self.endpoint(guild.id)
        grant = Grant(guild.id, state.channel_id, user_id, state.session_id, secrets.token_hex(16), endpoint)
        self._grants[guild.id, user_id] = grant
        if user_id == self._world.bot.id:
            data = {"token": grant.token, "guild_id": str(guild.id), "endpoint": endpoint if known else None}
            self._announcer.dispatch("VOICE_SERVER_UPDATE", data, guild.id)

    def leave(self, guild: Guild, user_id: int, code: VoiceClose | None = VoiceClose.DISCONNECTED) -> None:
        """Take a user out of voice; nothing happens if they are not in it."""
        state = guild.voice_states.pop(user_id, None)
        if state is None:
            return
        self._grants.pop((guild.id, user_id), None)
        self._announce(guild, dataclasses.replace(state, channel_id=None))
        self._end(guild, user_id, code)

    def update(self, guild: Guild, user_id: int, **changes: Any) -> None:
        """Change flags of a user's voice state: mute, deaf, suppress, request_to_speak."""
        state = guild.voice_states.get(user_id)
        if state is not None:
            state = guild.voice_states[user_id] = dataclasses.replace(state, **changes)
            self._announce(guild, state)

    def edit_channel(self, channel: Channel) -> None:
        """A channel has been changed: everybody is told, and who may speak in it is looked at anew."""
        guild = self._world.guilds[channel.guild_id]
        self._announcer.dispatch("CHANNEL_UPDATE", payloads.channel(channel), guild.id)
        for state in list(guild.voice_states.values()):
            suppress = not self._may_speak(guild, state.user_id, channel)
            if channel.kind is ChannelKind.VOICE and state.channel_id == channel.id and state.suppress != suppress:
                self.update(guild, state.user_id, suppress=suppress)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel; whoever is in it is thrown out."""
        guild = self._world.guilds[channel.guild_id]
        guild.channels.pop(channel.id, None)
        self._announcer.dispatch("CHANNEL_DELETE", payloads.channel(channel), guild.id)
        for state in list(guild.voice_states.values()):
            if state.channel_id == channel.id:
                self.leave(guild, state.user_id, VoiceClose.CALL_TERMINATED)
        self._calls.pop(channel.id, None)

    def drop_gateway_session(self, user_id: int, session_id: str) -> None:
        """A main gateway session is gone: so is every voice state that belonged to it."""
        for guild in self._world.guilds.values():
            state = guild.voice_states.get(user_id)
            if state is not None and state.session_id == session_id:
                self.leave(guild, user_id)

    @staticmethod
    def _may_speak(guild: Guild, user_id: int, channel: Channel) -> bool:
        return bool(guild.permissions(user_id, channel) & Permission.SPEAK)

    def _announce(self, guild: Guild, state: VoiceState) -> None:
        self._announcer.dispatch("VOICE_STATE_UPDATE", payloads.voice_state(state, guild), guild.id)
        self._log.changed()

    def _is_live(self, guild: Guild, user_id: int) -> bool:
        return self.keeper is not None and self.keeper.is_live(guild.id, user_id)

    def _end(self, guild: Guild, user_id: int, code: VoiceClose | None) -> None:
        if self.keeper is not None:
            self.keeper.end(guild.id, user_id, code)
