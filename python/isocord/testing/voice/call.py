"""A call: the members of one voice channel and what passes between them."""

from __future__ import annotations

from collections.abc import Callable

from ..dave.dave import CallMember, DeliveryService
from ..ground.eventlog import EventLog
from ..ground.opcodes import VoiceOp
from ..ground.payloads import Json
from ..ground.world import VoiceState
from ..wire.rtp import MediaPacket


class Call:
    """One voice channel's call.

    Args:
        voice_state: the guild's voice state of a user; mute, deaf and suppress decide what is passed on.
    """

    def __init__(
        self,
        channel_id: int,
        delivery: DeliveryService,
        log: EventLog,
        voice_state: Callable[[int], VoiceState | None],
    ) -> None:
        self.channel_id = channel_id
        self.delivery = delivery
        self.members: dict[int, CallMember] = {}
        self._log = log
        self._voice_state = voice_state
        # Who has begun or ceased to speak while nobody was told; None while everybody is.
        self._untold: set[int] | None = None

    def join(self, member: CallMember) -> None:
        """Add a member, or let it take the place of the same user's older one."""
        previous = self.members.get(member.user_id)
        if previous is member:
            return
        if previous is not None:
            self.leave(previous)
        others = list(self.members.values())
        self.members[member.user_id] = member
        if others:
            member.signal(VoiceOp.CLIENTS_CONNECT, {"user_ids": [str(other.user_id) for other in others]})
        for other in others:
            other.signal(VoiceOp.CLIENTS_CONNECT, {"user_ids": [str(member.user_id)]})
            other.signal(VoiceOp.CLIENT_FLAGS, {"user_id": str(member.user_id), "flags": 2})
            other.signal(VoiceOp.CLIENT_PLATFORM, {"user_id": str(member.user_id), "platform": 0})
            if other.speaking and self._untold is None:
                member.signal(VoiceOp.SPEAKING, _speaking(other))
        self.delivery.joined(member)
        self._log.changed()

    def leave(self, member: CallMember) -> None:
        """Remove a member; nothing happens if it is not one any more."""
        if self.members.get(member.user_id) is not member:
            return
        del self.members[member.user_id]
        for other in self.members.values():
            other.signal(VoiceOp.CLIENT_DISCONNECT, {"user_id": str(member.user_id)})
        self.delivery.left(member)
        self._log.changed()

    def set_speaking(self, member: CallMember, flags: int) -> None:
        """Note a member's speaking flags and tell the others."""
        member.speaking = flags
        if self._untold is not None:
            self._untold.add(member.user_id)
        else:
            for other in self.members.values():
                if other is not member:
                    other.signal(VoiceOp.SPEAKING, _speaking(member))
        self._log.changed()

    def withhold_speaking(self) -> None:
        """Tell nobody who speaks with which SSRC, until :meth:`tell_speaking`."""
        self._untold = {member.user_id for member in self.members.values() if member.speaking}

    def tell_speaking(self) -> None:
        """Tell what was withheld."""
        untold, self._untold = self._untold or set(), None
        for user_id in untold:
            member = self.members.get(user_id)
            if member is not None:
                self.set_speaking(member, member.speaking)

    def relay(self, sender: CallMember, packet: MediaPacket) -> None:
        """Pass sound on to everyone else who may hear it."""
        if self.members.get(sender.user_id) is not sender:
            self._log.count("media_outside_call")
            return
        state = self._voice_state(sender.user_id)
        if state is not None and not state.can_speak:
            self._log.count("media_muted")
            return
        for other in tuple(self.members.values()):
            if other is sender:
                continue
            hearing = self._voice_state(other.user_id)
            if hearing is None or hearing.can_hear:
                other.deliver(packet)
        self._log.changed()


def _speaking(member: CallMember) -> Json:
    return {"user_id": str(member.user_id), "ssrc": member.ssrc, "speaking": member.speaking}
