"""A bot under test, as its test runs it: logged in, ready, and with its commands registered."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import BotError, WaitTimeoutError
from ..patching import Addresses, in_use, is_pointed_at
from ..server.thread import ServerThread
from .answers import Waiter
from .renewal import Loaded, renew

if TYPE_CHECKING:
    from ..ground.world import Guild

END_TIMEOUT = 15.0
GUILDS_TIMEOUT = 2.0
_HASTE = 0.01


class Fake(Waiter, Protocol):
    """What a bot that runs needs of the fake Discord."""

    _bots: list[Any]

    @property
    def token(self) -> str: ...

    @property
    def addresses(self) -> Addresses: ...

    def patch(self) -> contextlib.AbstractContextManager[None]: ...

    @property
    def guilds(self) -> list[Guild]: ...

    def _command_names(self) -> set[str]: ...


class Running:
    """The context of :meth:`FakeDiscord.running`.

    Args:
        discord: the fake that it runs with.
        bot: of whichever bot library.
        timeout: seconds until it has to be ready.
    """

    def __init__(self, discord: Fake, bot: Any, timeout: float) -> None:
        self._discord, self._bot, self._timeout = discord, bot, timeout
        self._task: asyncio.Task[None] | None = None
        self._thread: ServerThread | None = None
        self._loaded: Loaded | None = None
        self._changed: list[tuple[Any, str, bool, Any]] = []
        self._others: list[threading.Thread] = []
        self._stack = contextlib.ExitStack()
        self._handlers: list[tuple[int | None, str, BaseException]] = []

    async def __aenter__(self) -> Any:
        self._check()
        self._hold()
        try:
            await self._begin()
        except BaseException:
            await self._end()
            raise
        return self._bot

    def _hold(self) -> None:
        """Keep the bot libraries pointed at the fake, lest a bot talks to Discord itself."""
        if not is_pointed_at(self._discord.addresses):
            self._stack.enter_context(self._discord.patch())
        self._stack.enter_context(in_use())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = await self._end()
        if failed is not None and error is None:
            raise failed

    def __enter__(self) -> Any:
        self._thread = ServerThread("isocord-testing-bot")
        self._thread.start()
        try:
            return self._thread.wait(self.__aenter__(), self._timeout + END_TIMEOUT)
        except BaseException:
            self._thread.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        try:
            self._thread.wait(self.__aexit__(kind, error, trace), 2 * END_TIMEOUT)
        finally:
            self._thread.stop()

    # Its beginning.

    def _check(self) -> None:
        if not hasattr(self._bot, "_connection"):
            raise TypeError(f"bot must be a bot or client of a bot library, made already, not {self._bot!r}")

    async def _begin(self) -> None:
        """Start the bot, and wait until it is ready; what fails here is ended by :meth:`_end`."""
        self._others = threading.enumerate()
        self._discord._bots.append(self._bot)
        self._loaded = await renew(self._bot)
        self._watch()
        self._task = asyncio.ensure_future(self._bot.start(self._discord.token))
        await self._ready()
        await self._registered()

    async def _ready(self) -> None:
        assert self._task is not None
        ready = asyncio.ensure_future(self._bot.wait_until_ready())
        try:
            # No asyncio.wait_for: before Python 3.12 it may swallow the cancellation of the task that waits.
            await asyncio.wait([self._task, ready], timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                # What it raised is raised here.
                self._task.result()
                raise BotError("the bot stopped before it was ready")
            if not ready.done():
                raise BotError(f"the bot was not ready within {self._timeout} s")
        finally:
            ready.cancel()

    async def _registered(self) -> None:
        """Wait for the commands that the library registers of itself."""

        def missing() -> set[str]:
            return _declared(self._bot) - self._discord._command_names()

        try:
            await self._discord.wait_for(lambda: not missing(), timeout=self._timeout)
        except WaitTimeoutError:
            names = ", ".join(sorted(missing()))
            raise BotError(
                f"the bot has not registered its commands: {names}. An on_connect of its own has to call what "
                "registers them; commands of a guild need that guild, GuildSpec(id=...)"
            ) from None

    def _watch(self) -> None:
        """Note what fails in the bot, and let it be ready as soon as its guilds are there."""
        bot, connection = self._bot, self._bot._connection
        on_error, delay_ready = bot.on_error, connection._delay_ready
        tree = getattr(connection, "_command_tree", None)

        def noting(dispatch: Callable[..., Any]) -> Callable[..., Any]:
            def dispatched(event: str, *args: Any, **options: Any) -> Any:
                if event.endswith("command_error"):
                    self._failed(*args[:2])
                return dispatch(event, *args, **options)

            return dispatched

        async def failed(event: str, *args: Any, **options: Any) -> None:
            self._failed(args[0] if args else None, sys.exc_info()[1], event)
            await on_error(event, *args, **options)

        async def ready_with_guilds() -> None:
            # The libraries wait until no guild has come for two seconds, for Discord does not say how many will.
            with contextlib.suppress(WaitTimeoutError):
                await self._discord.wait_for(
                    lambda: not any(guild.unavailable for guild in connection.guilds), timeout=GUILDS_TIMEOUT
                )
                connection.guild_ready_timeout = _HASTE
            await delay_ready()

        for owner in (bot, connection):
            self._replace(owner, "dispatch", noting(owner.dispatch))
        self._replace(bot, "on_error", failed)
        self._replace(connection, "_delay_ready", ready_with_guilds)
        self._replace(connection, "guild_ready_timeout", getattr(connection, "guild_ready_timeout", GUILDS_TIMEOUT))
        if tree is not None:
            on_tree_error = tree.on_error

            async def tree_failed(interaction: Any, error: BaseException) -> None:
                self._failed(interaction, error)
                await on_tree_error(interaction, error)

            self._replace(tree, "on_error", tree_failed)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._changed.append((owner, name, name in vars(owner), getattr(owner, name, None)))
        setattr(owner, name, value)

    def _failed(self, about: Any, error: BaseException | None, handler: str = "a handler") -> None:
        if error is None:
            return
        number, error = _number(about), getattr(error, "original", error)
        self._handlers.append((number, handler, error))
        if number is not None:
            self._discord._failures[number] = error

    def _unasked(self) -> BotError | None:
        """What failed in the bot and was no answer to anybody, who would have been told."""
        for number, handler, error in self._handlers:
            if number not in self._discord._asked:
                failure = BotError(f"{handler} of the bot failed: {type(error).__name__}: {error}")
                failure.__cause__ = error
                return failure
        return None

    # Its end.

    async def _end(self) -> BaseException | None:
        """Close the bot and put everything back; gives what it failed with."""
        task, self._task = self._task, None
        # What fails while it is closed is no fault of the bot's.
        failed = (_failure(task) if not self._bot.is_closed() else None) or self._unasked()
        try:
            closing = asyncio.ensure_future(self._bot.close())
            done, late = await asyncio.wait([closing, *filter(None, [task])], timeout=END_TIMEOUT)
            for waited in late:
                waited.cancel()
            if closing in done:
                closing.result()
        finally:
            for owner, name, own, value in reversed(self._changed):
                if own:
                    setattr(owner, name, value)
                else:
                    delattr(owner, name)
            self._changed.clear()
            self._stack.close()
            self._discord._bots.remove(self._bot)
            if self._loaded is not None:
                await self._loaded.restore(self._bot)
            await self._end_heartbeats()
        _failure(task)
        return failed

    async def _end_heartbeats(self) -> None:
        """The libraries' threads that send heartbeats may outlive a bot, and would fail when the loop is closed."""
        beating: list[Any] = [
            thread
            for thread in threading.enumerate()
            if thread not in self._others and type(thread).__name__.endswith("KeepAliveHandler")
        ]
        for thread in beating:
            thread.stop()
        with contextlib.suppress(WaitTimeoutError):
            await self._discord.wait_for(lambda: not any(thread.is_alive() for thread in beating), timeout=END_TIMEOUT)


def _declared(bot: Any) -> set[str]:
    """The names of the application commands that the bot's library registers without being asked."""
    if getattr(bot, "auto_sync_commands", False):
        found: Any = bot.pending_application_commands
    elif getattr(getattr(bot, "_command_sync_flags", None), "sync_commands", False):
        found = bot.application_commands
    elif getattr(bot, "_rollout_register_new", False):
        found = bot.get_all_application_commands()
    else:
        return set()
    return {command.name for command in found if getattr(command, "parent", None) is None}


def _failure(task: asyncio.Task[None] | None) -> BaseException | None:
    """What a task has failed with, so that nobody misses it."""
    return task.exception() if task is not None and task.done() and not task.cancelled() else None


def _number(about: Any) -> int | None:
    """The id of the interaction or message that a failure is about."""
    for owner in (getattr(about, "interaction", None), getattr(about, "message", None), about):
        number = getattr(owner, "id", None)
        if isinstance(number, int):
            return number
    return None
