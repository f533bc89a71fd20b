"""What others in the bot's call do that goes wrong; lives on the server's thread alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..dave.delivery import EncryptedCall
from ..ground.world import Member
from ..people.participants import Participant, Stage
from ..people.sounds import tone
from ..people.speaker import Speaker
from ..server.backend import Backend
from ..voice.session import VoiceSession
from ..wire.opus import encode_pcm
from .mishaps import Mishap, MishapKind

_PASSER_BY = "passer-by"
_PADDING = 255
_LAST_WORDS = 0.5


class Company:
    """Users who come and go, whose streams change, and whose sound is no sound.

    Args:
        backend: the fake Discord.
        stage: what those who are let in need of it.
        later: calls a function in so many seconds.
    """

    def __init__(self, backend: Backend, stage: Stage, later: Callable[[float, Callable[[], object]], None]) -> None:
        self._backend = backend
        self._stage = stage
        self._later = later

    def happens(self, mishap: Mishap, session: VoiceSession) -> bool:
        """Have a mishap happen in the call of a voice session; False if it is none of these, or cannot."""
        match mishap.kind:
            case MishapKind.KEYS_CHANGED:
                if not isinstance(session.call.delivery, EncryptedCall):
                    return False
                self._let_in(Participant, session, mishap.lasting)
            case MishapKind.SPOKEN_WHILE_JOINING:
                speaker = self._let_in(Speaker, session, mishap.lasting + _LAST_WORDS)
                speaker.play_opus(encode_pcm(tone(440.0, mishap.lasting), "auto"))
                link = session.link
                self._backend.voice.end_session(session)
                if link is not None:
                    link.cut()
            case MishapKind.PACKETS_PADDED:
                before = session.leg.wrapping
                session.leg.wrapping = replace(before, max_padding=_PADDING)
                self._later(mishap.lasting, lambda: setattr(session.leg, "wrapping", before))
            case MishapKind.FRAMES_UNENCRYPTED:
                for participant in self._others(session):
                    participant.is_unencrypted = True
                self._later(mishap.lasting, lambda: self._encrypt_again(session))
            case MishapKind.STREAMS_UNKNOWN:
                session.call.withhold_speaking()
                for participant in self._others(session):
                    participant.ssrc = self._backend.voice.new_ssrc()
                self._later(mishap.lasting, session.call.tell_speaking)
            case _:
                return False
        return True

    def _others(self, session: VoiceSession) -> list[Participant]:
        return [member for member in session.call.members.values() if isinstance(member, Participant)]

    def _encrypt_again(self, session: VoiceSession) -> None:
        for participant in self._others(session):
            participant.is_unencrypted = False

    _P = TypeVar("_P", bound=Participant)

    def _let_in(self, kind: type[_P], session: VoiceSession, seconds: float) -> _P:
        """Somebody comes into the channel and goes after a while."""
        stage, guild = self._stage, self._backend.world.guilds[session.grant.guild_id]
        user = self._backend.world.add_user(_PASSER_BY)
        guild.members.setdefault(user.id, Member(user))
        channel = guild.channels[session.grant.channel_id]
        made = self._backend.admit(lambda ssrc: kind(user, ssrc, stage), user, channel)
        self._later(seconds, lambda: self._backend.withdraw(made))
        return made
