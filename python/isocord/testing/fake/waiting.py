"""Waiting for what a bot does, whichever process the fake Discord is in."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import BotError, NotFoundError
from .answers import Answer

if TYPE_CHECKING:
    from ..bot.replies import Replies
    from ..ground.eventlog import LogEntry
    from ..ground.payloads import Json
    from ..ground.world import Guild, Reference
    from ..patching import Addresses
    from .running import Running
    from .views import VoiceSessionView

T = TypeVar("T")


class Waiting(ABC):
    """What waits for a bot: made of :meth:`wait_for` and :meth:`wait_until`."""

    def __init__(self) -> None:
        self._failures: dict[int, BaseException] = {}
        self._asked: set[int] = set()
        self._bots: list[Any] = []

    if TYPE_CHECKING:

        @property
        def addresses(self) -> Addresses: ...

        def patch(self) -> contextlib.AbstractContextManager[None]: ...

        @property
        def token(self) -> str: ...

        @property
        def guilds(self) -> list[Guild]: ...

        @property
        def events(self) -> list[LogEntry]: ...

        def commands(self, guild: Reference | None = None) -> list[Json]: ...

        def ask(self, text: str, channel: Reference, user: Reference) -> Replies: ...

        def interact(self, command: str, channel: Reference, user: Reference, options: dict[str, Any]) -> Replies: ...

        def why_silent(self, is_text: bool) -> str: ...

        def why_failed(self, channel: Reference, user: Reference) -> str: ...

        def voice_session(
            self, guild: Reference | None = None, user: Reference | None = None
        ) -> VoiceSessionView | None: ...

    @abstractmethod
    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """Wait until ``predicate`` gives something true; gives that.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """

    @abstractmethod
    def wait_until(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """As :meth:`wait_for`, for code without an event loop: blocks the calling thread.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """

    def _check_thread(self) -> None:
        """See that a bot can go on while this thread is blocked."""
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if any(getattr(bot, "loop", None) is loop for bot in self._bots):
                raise BotError("this would block the loop that the bot runs on: await the answer, or discord.wait_for")

    def running(self, bot: Any, *, timeout: float = 30.0) -> Running:
        """A context in which a bot runs: logged in, ready, and with its commands registered; closed at its end.

        With ``async with`` it runs on the loop of the test, with ``with`` on a thread of its own. A bot that lives in a
        module may run again and again, each time with another fake: what is loaded into it stays.

        Args:
            bot: a bot or client of py-cord, discord.py, disnake, nextcord or hikari, as it is. hikari's take their
                token from the fake for as long as they run in it.
            timeout: seconds that it may take to be ready.

        Raises:
            BotError: it stopped, or was not ready in time, or did not register its commands. What it raised itself
                when it logged in is raised as it is.
        """
        if any(ancestor.__module__.startswith("hikari.") for ancestor in type(bot).__mro__):
            from .running_hikari import RunningHikari

            return RunningHikari(self, bot, timeout)
        from .running import Running

        return Running(self, bot, timeout)

    def call(
        self,
        command: str,
        options: Mapping[str, Any] | None = None,
        /,
        *,
        user: Reference = "alice",
        channel: Reference = "general",
        **more: Any,
    ) -> Answer:
        """A user invokes an application command: a slash command, ``"group sub"`` for one of a group, or one of a menu.

        Gives the bot's answer, to be awaited: ``answer = await discord.call("play", path="song.mp3")``. In code without
        an event loop ``discord.call(...).wait()`` does it. Nothing need be waited for.

        Args:
            options: the command's options by name, as an alternative to keywords. Where one has choices (those of an
                Enum, for instance), the name of one, as a user picks it, or the Enum's member; a user or channel by
                object, id or name. A command of a user's or message's menu takes its ``target``.

        Raises:
            NotFoundError: the bot has registered no such command, or it has no such subcommand, option or choice.
            TypeError: a value that an option of its type cannot have.
            ValueError: a required option is missing.
        """
        given = {**(options or {}), **more}
        try:
            replies = self.interact(command, channel, user, given)
        except NotFoundError as error:
            if command not in self._unsynced():
                raise
            raise NotFoundError(f"{error}; the bot's tree has it, but nothing has called `await tree.sync()`") from None
        return Answer(self, f"/{command}", replies, lambda: self.why_failed(channel, user))

    def _unsynced(self) -> set[str]:
        """The commands of discord.py's trees that the fake does not know."""
        trees = [getattr(bot._connection, "_command_tree", None) for bot in self._bots]
        declared = {command.name for tree in trees if tree is not None for command in tree.get_commands()}
        return declared - self._command_names()

    def _command_names(self) -> set[str]:
        """The names of the application commands that the bot has registered, for everyone or for some guild."""
        return {command["name"] for guild in self.guilds for command in self.commands(guild)}

    def say(self, text: str, *, user: Reference = "alice", channel: Reference = "general") -> Answer:
        """A user writes a text message, such as a prefix command: ``answer = await discord.say("!play song.mp3")``.

        What the bot writes in that channel from then on is its answer, as that of :meth:`call`.
        """
        return Answer(self, repr(text), self.ask(text, channel, user), lambda: self.why_failed(channel, user))

    async def wait_for_event(self, matches: Callable[[LogEntry], bool], *, timeout: float = 15.0) -> LogEntry:
        """Wait for a gateway message, one that is in the log already included; gives it.

        Raises:
            WaitTimeoutError: there was none within ``timeout`` seconds.
        """

        def found() -> list[LogEntry]:
            return [entry for entry in self.events if matches(entry)][:1]

        return (await self.wait_for(found, timeout=timeout, what="the gateway message"))[0]

    async def wait_for_voice_session(
        self, guild: Reference | None = None, user: Reference | None = None, *, timeout: float = 15.0
    ) -> VoiceSessionView:
        """Wait until a client, the bot without a ``user``, has its Session Description; gives its voice session.

        Raises:
            WaitTimeoutError: it had none within ``timeout`` seconds.
        """
        # Not before it is needed: a process that only waits for another's fake has no use for the rest of it.
        from ..voice.session import SessionState

        def connected() -> VoiceSessionView | None:
            session = self.voice_session(guild, user)
            return session if session is not None and session.state is SessionState.CONNECTED else None

        session = await self.wait_for(connected, timeout=timeout, what="the voice session")
        assert session is not None
        return session
