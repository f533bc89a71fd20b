"""What a test can make go wrong; the part of :class:`Control` that breaks things."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..faults import Fault
from ..ground.world import Guild, Reference, User, VoiceState
from ..people.participants import Participant
from ..server.backend import Backend
from ..wire.websocket import MessageFilter
from .mishaps import Mishap, Script, checked, checked_script
from .stagehand import Stagehand


class Rehearsal:
    """A script that runs, on the server's thread.

    Attributes:
        happened: what has happened so far: the time in seconds from the start, the mishap, and whether it could
            happen (there was a voice session, for instance).
    """

    def __init__(self) -> None:
        self.happened: list[tuple[float, Mishap, bool]] = []
        self._over = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether everything has happened; what lasts may still last."""
        return self._over.is_set()

    async def _run(self, script: Script, happen: Callable[[Mishap], Coroutine[Any, Any, bool]]) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            for when, mishap in sorted(script, key=lambda entry: entry[0]):
                await asyncio.sleep(max(0.0, start + when - loop.time()))
                self.happened.append((loop.time() - start, mishap, await happen(mishap)))
        finally:
            self._over.set()


class Staging(ABC):
    """Breaking things, one by one or by a script; the :class:`Stage` of everybody in a call."""

    _backend: Backend

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stagehand = Stagehand(backend, self)
        backend.on_stop.append(self._stagehand.close)

    @abstractmethod
    def on_server(self, function: Callable[[], Any]) -> Any:
        """Run ``function`` on the server's thread and give its result."""

    @abstractmethod
    def _await_on_server(self, coroutine: Coroutine[Any, Any, Any]) -> Any: ...

    @abstractmethod
    def _guild(self, reference: Reference | None) -> Guild: ...

    # For participants

    def find_user(self, reference: Reference) -> User:
        return self._backend.world.user(reference)

    def bot_user(self) -> User:
        return self._backend.world.bot

    def leave_call(self, participant: Participant) -> None:
        self.on_server(lambda: self._backend.withdraw(participant))

    def voice_state_of(self, participant: Participant) -> VoiceState | None:
        place = self._backend.place_of(participant)
        return None if place is None else self._backend.world.guilds[place[0]].voice_states.get(place[1])

    # What goes wrong

    def stage(self, mishap: Mishap, guild: Reference | None = None) -> bool:
        """Make one thing go wrong for the bot in a guild (the first one without an argument), now.

        Returns:
            Whether it could happen: False where the bot has no voice session that it could happen to.

        Raises:
            NotFoundError: no such guild or channel.
            TypeError: ``mishap`` is no :class:`Mishap`.
            ValueError: there is no other channel to move the bot to.
        """
        checked(mishap)
        guild_id = self._guild(guild).id
        happened: bool = self._await_on_server(self._stagehand.make_happen(mishap, guild_id))
        return happened

    def stage_everywhere(self, mishap: Mishap, *, spared: Iterable[Reference] = ()) -> int:
        """Make the same thing go wrong for the bot in every guild at once; gives to how many guilds it happened.

        Args:
            spared: guilds to which it does not happen.

        Raises:
            NotFoundError: no such guild.
            TypeError: ``mishap`` is no :class:`Mishap`.
        """
        checked(mishap)
        others = {self._guild(guild).id for guild in spared}

        async def everywhere() -> int:
            guilds = [guild for guild in self._backend.world.guilds if guild not in others]
            return sum([await self._stagehand.make_happen(mishap, guild) for guild in guilds])

        happened: int = self._await_on_server(everywhere())
        return happened

    def rehearse(self, script: Script, guild: Reference | None = None) -> Rehearsal:
        """Let a script of mishaps run for the bot in a guild; it goes on by itself.

        Args:
            script: pairs of a time in seconds from now and a :class:`Mishap`, in any order.
            guild: the first one if None.

        Raises:
            NotFoundError: no such guild.
            TypeError: an entry of ``script`` is no such pair.
        """
        script = checked_script(script)
        guild_id, rehearsal = self._guild(guild).id, Rehearsal()

        def start() -> None:
            running = rehearsal._run(script, lambda mishap: self._stagehand.make_happen(mishap, guild_id))
            rehearsal._task = self._stagehand.spawn(running)

        self.on_server(start)
        return rehearsal

    def server_update(self, guild: Reference | None = None, *, migrate: bool = True, close: bool = True) -> str:
        """Discord moves the guild's voice to another server: VOICE_SERVER_UPDATE while connected.

        Args:
            migrate: to a new endpoint; False renews the token on the same one.
            close: close the old voice websocket with 4022, as Discord does.

        Returns:
            The endpoint in force.
        """
        guild_id = self._guild(guild).id
        server = self._await_on_server(self._backend.add_voice_server()) if migrate else None
        self.on_server(lambda: self._backend.server_update(guild_id, server, close=close))
        return server.endpoint if server is not None else self._backend.addresses.voice

    def endpoint_gone(self, guild: Reference | None = None, *, close: bool = True) -> None:
        """Discord's voice server for the guild is gone: VOICE_SERVER_UPDATE with endpoint null.

        :meth:`server_update` gives a new one.
        """
        self.withhold_endpoint(guild, times=1)
        self.server_update(guild, migrate=False, close=close)

    def withhold_endpoint(self, guild: Reference | None = None, *, times: int = 1) -> None:
        """The next ``times`` VOICE_SERVER_UPDATEs of a guild come with endpoint null."""
        guild_id = self._guild(guild).id

        def withhold() -> None:
            self._backend.switchboard.withheld[guild_id] += times

        self.on_server(withhold)

    def set_voice_filter(self, message_filter: MessageFilter | None) -> None:
        """Lose voice gateway messages that ``message_filter(direction, op, body)`` gives False for."""
        self._backend.voice.message_filter = message_filter

    def set_gateway_filter(self, message_filter: MessageFilter | None) -> None:
        """Lose main gateway messages that ``message_filter(direction, op, body)`` gives False for."""
        self._backend.hub.message_filter = message_filter

    def set_udp_faults(self, *, uplink: Fault[bytes] | None = None, downlink: Fault[bytes] | None = None) -> None:
        """Faults for every UDP datagram of every voice server, IP discovery included; None takes them away."""
        for server in self._backend.voice_servers:
            server.relay.uplink, server.relay.downlink = uplink, downlink
