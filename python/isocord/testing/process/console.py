"""Commands for a stand-alone fake Discord: one JSON object a line in, one out."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from .. import faults
from ..errors import NotFoundError
from ..fake.discord import FakeDiscord
from ..fake.views import EncryptionView, VoiceSessionView
from ..ground.eventlog import Direction
from ..ground.payloads import Json
from ..ground.world import Guild
from ..mishaps.mishaps import Mishap, MishapKind
from ..people import sounds
from ..people.listener import Arrival, Listener
from ..people.speaker import Speaker


class Console:
    """Answers commands about one running fake Discord.

    A command is ``{"id": any, "call": name, "args": {...}}``, its answer ``{"id": the same, "result": ...}`` or
    ``{"id": the same, "error": text, "kind": class name}``. Ids of users and channels are integers; everything that
    takes one takes a name as well.
    """

    def __init__(self, discord: FakeDiscord) -> None:
        self._discord = discord
        self._participants: dict[int, Listener] = {}
        # Methods of the fake itself, whose arguments and results are plain JSON.
        plain = (
            "move",
            "move_bot",
            "kick",
            "kick_bot",
            "moderate",
            "delete_channel",
            "server_update",
            "endpoint_gone",
            "withhold_endpoint",
            "say",
            "invoke",
            "commands",
        )
        self._table: dict[str, Callable[..., Any]] = {name: getattr(discord, name) for name in plain}
        self._table |= {
            "listen": self._listen,
            "speak": self._speak,
            "leave": self._leave,
            "play": self._play,
            "is_playing": lambda participant: self._speaker(participant).is_playing,
            "arrivals": self._arrivals,
            "take": self._take,
            "clear": lambda participant: self._listener(participant).clear(),
            "gaps": lambda participant, user=None: dataclasses.asdict(self._listener(participant).gaps(user)),
            "heard_users": lambda participant: self._listener(participant).heard_users,
            "pcm": lambda participant, user=None: _text(self._listener(participant).pcm(user)),
            "privacy_code": lambda participant: self._listener(participant).privacy_code,
            "early": lambda participant: self._listener(participant).early,
            "encryption": self._encryption,
            "recreate_encryption": lambda channel: self._encrypted(channel).recreate(),
            "repeat_external_sender": lambda channel: self._encrypted(channel).repeat_external_sender(),
            "save_wav": lambda participant, path, user=None: self._listener(participant).save_wav(path, user),
            "voice_state": lambda user, guild=None: _state(discord.voice_state(user, guild)),
            "bot_voice_state": lambda guild=None: _state(discord.bot_voice_state(guild)),
            "voice_session": lambda guild=None, user=None: _session(discord.voice_session(guild, user)),
            "close_voice": self._close_voice,
            "cut_voice": lambda guild=None, user=None: self._session(guild, user).cut(),
            "forget_voice": lambda guild=None, user=None: self._session(guild, user).forget(),
            "gateway": lambda: {"connected": discord.gateway.is_connected, "resumes": discord.gateway.resumes},
            "gateway_cut": discord.gateway.cut,
            "gateway_close": lambda code=4000: discord.gateway.close(code),
            "gateway_reconnect": discord.gateway.reconnect,
            "gateway_invalidate": discord.gateway.invalidate,
            "udp_faults": self._udp_faults,
            "stage": self._stage,
            "stage_everywhere": lambda kind, **options: self._discord.stage_everywhere(_mishap(kind, options)),
            "rehearse": self._rehearse,
            "lose_voice_messages": self._lose_voice_messages,
            "counters": lambda: dict(discord.counters),
            "messages": lambda: discord.messages,
            "events": lambda: [dataclasses.asdict(entry) for entry in discord.events],
        }

    @property
    def calls(self) -> list[str]:
        """The names of all commands."""
        return sorted(self._table)

    def greeting(self) -> Json:
        """The first line: addresses, token, authority, guilds."""
        discord = self._discord
        return {
            **dataclasses.asdict(discord.addresses),
            "token": discord.token,
            "bot": dataclasses.asdict(discord.bot),
            "guilds": [_guild(guild) for guild in discord.guilds],
        }

    def answer(self, line: str) -> str:
        """Carry one command out; errors become answers."""
        identity: Any = None
        try:
            command = json.loads(line)
            identity = command.get("id")
            call = self._table.get(command["call"])
            if call is None:
                raise NotFoundError(f"no command {command['call']!r}; there are {', '.join(self.calls)}")
            return json.dumps({"id": identity, "result": call(**command.get("args", {}))})
        except Exception as error:
            # Whatever a command does wrong is the answer to it; the server goes on.
            return json.dumps({"id": identity, "error": str(error), "kind": type(error).__name__})

    def _listen(
        self,
        channel: int | str,
        user: int | str = "alice",
        only: int | str | None = None,
        max_dave_version: int = 1,
    ) -> int:
        return self._keep(self._discord.listen(channel, user=user, only=only, max_dave_version=max_dave_version))

    def _speak(
        self,
        channel: int | str,
        user: int | str = "bob",
        announce: bool = True,
        max_dave_version: int = 1,
    ) -> int:
        return self._keep(self._discord.speak(channel, user=user, announce=announce, max_dave_version=max_dave_version))

    def _keep(self, participant: Listener) -> int:
        self._participants[participant.ssrc] = participant
        return participant.ssrc

    def _leave(self, participant: int) -> None:
        self._listener(participant).leave()

    def _play(self, participant: int, pcm: str | None = None, file: str | None = None) -> None:
        if (pcm is None) == (file is None):
            raise ValueError("play needs either pcm (base64) or file")
        sound = base64.b64decode(pcm, validate=True) if pcm is not None else sounds.load(file or "")
        self._speaker(participant).play(sound)

    def _arrivals(self, participant: int, user: int | str | None = None, opus: bool = False) -> list[list[Any]]:
        return [arrival_row(a, opus) for a in self._listener(participant).arrivals(user)]

    def _take(self, participant: int, user: int | str | None = None, opus: bool = False) -> list[list[Any]]:
        return [arrival_row(a, opus) for a in self._listener(participant).take(user)]

    def _close_voice(self, code: int, guild: int | str | None = None, user: int | str | None = None) -> None:
        self._session(guild, user).close(code)

    def _udp_faults(
        self,
        uplink: faults.FaultSpec | None = None,
        downlink: faults.FaultSpec | None = None,
        guild: int | str | None = None,
        user: int | str | None = None,
        everyone: bool = False,
    ) -> None:
        up = None if uplink is None else faults.from_spec(uplink)
        down = None if downlink is None else faults.from_spec(downlink)
        if everyone:
            self._discord.set_udp_faults(uplink=up, downlink=down)
        else:
            self._session(guild, user).set_udp_faults(uplink=up, downlink=down)

    def _stage(self, kind: str, guild: int | str | None = None, **options: Any) -> bool:
        return self._discord.stage(_mishap(kind, options), guild)

    def _rehearse(self, script: list[list[Any]], guild: int | str | None = None) -> None:
        """A script of ``[seconds, kind, {options}]``."""
        self._discord.rehearse([(when, _mishap(kind, options)) for when, kind, options in script], guild)

    def _lose_voice_messages(self, received: list[int] | None = None, sent: list[int] | None = None) -> None:
        lost: dict[Direction, set[int]] = {"received": set(received or ()), "sent": set(sent or ())}
        if not (received or sent):
            return self._discord.set_voice_filter(None)
        self._discord.set_voice_filter(lambda direction, op, body: op not in lost[direction])

    def _encryption(self, channel: int | str) -> Json | None:
        view = self._discord.encryption(channel)
        if view is None:
            return None
        return {"version": view.version, "epoch": view.epoch, "members": view.members, "settled": view.settled}

    def _encrypted(self, channel: int | str) -> EncryptionView:
        view = self._discord.encryption(channel)
        if view is None:
            raise NotFoundError("this fake Discord has no end-to-end encryption")
        return view

    def _listener(self, participant: int) -> Listener:
        try:
            return self._participants[participant]
        except KeyError:
            raise NotFoundError(f"no participant {participant!r}") from None

    def _speaker(self, participant: int) -> Speaker:
        found = self._listener(participant)
        if not isinstance(found, Speaker):
            raise NotFoundError(f"participant {participant} does not speak")
        return found

    def _session(self, guild: int | str | None, user: int | str | None) -> VoiceSessionView:
        session = self._discord.voice_session(guild, user)
        if session is None:
            raise NotFoundError("there is no such voice session")
        return session


def arrival_row(arrival: Arrival, opus: bool) -> list[Any]:
    """``[time_ns, seq, timestamp, ssrc, size, opus in base64 or null, encrypted]``."""
    frame = _text(arrival.opus) if opus and arrival.opus is not None else None
    return [arrival.time_ns, arrival.seq, arrival.timestamp, arrival.ssrc, arrival.size, frame, arrival.encrypted]


def _mishap(kind: str, options: Json) -> Mishap:
    if kind not in MishapKind.__members__:
        raise NotFoundError(f"no mishap {kind!r}; there are {', '.join(MishapKind.__members__)}")
    return Mishap(MishapKind[kind], **options)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _state(state: Any) -> Json | None:
    return None if state is None else dataclasses.asdict(state)


def _session(session: VoiceSessionView | None) -> Json | None:
    if session is None:
        return None
    names = (
        "user_id",
        "channel_id",
        "endpoint",
        "ssrc",
        "mode",
        "has_websocket",
        "speaking",
        "max_dave_version",
        "resumes",
        "address",
        "packets_received",
        "packets_sent",
    )
    return {"state": session.state.name, **{name: getattr(session, name) for name in names}}


def _guild(guild: Guild) -> Json:
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner_id,
        "channels": [dataclasses.asdict(channel) for channel in guild.channels.values()],
        "members": [dataclasses.asdict(member) for member in guild.members.values()],
    }
