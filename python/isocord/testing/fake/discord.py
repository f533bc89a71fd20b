"""The fake Discord as a test sees it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..dave.dave import DaveVersion, DeliveryService
from ..errors import NotRunningError, WaitTimeoutError
from ..ground.world import GuildSpec
from ..patching import Addresses, patched
from ..server.backend import Backend
from ..server.thread import ServerThread
from ..voice.settings import VoiceSettings
from ..voice.sfu import Wrapping
from ..wire.ciphers import NEWER_MODES
from .control import Control
from .waiting import Waiting

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

_START_TIMEOUT = 10.0


class FakeDiscord(Control, Waiting):
    """A Discord of one's own on 127.0.0.1: REST, main gateway, voice gateway and voice server.

    The server runs on a thread of its own, so a bot whose loop is blocked does not freeze it. Inside the ``with``
    or ``async with`` block the installed bot libraries talk to it; the bot's code stays as it is.

    Every method may be called from any thread, and has taken effect when it returns.

    Args:
        guilds: how many guilds, or what each is to contain.
        modes: transport modes offered to clients, preferred first.
        patch: point the bot libraries of this process at the fake while it runs.
        bot_name: the bot's user name.
        heartbeat_interval: of the voice gateway, seconds. A client silent for one and a half of it is closed (4009).
        resume_window: seconds that a cut voice session can be resumed.
        gateway_heartbeat_interval: of the main gateway, seconds.
        gateway_resume_window: seconds that a cut main gateway session can be resumed.
        wrapping: RTP header extension and padding added on the way to clients.
        voice_host: ``"127.0.0.1"`` or ``"localhost"``.
        dave_version: end-to-end encryption: 1, on in every call whose members all can do it; 0, none;
            ``"required"``, on always: clients without it are closed with 4017.
        answer_within: seconds in which the bot has to answer a command, or to defer; Discord refuses what comes later
            than 3. Without it the bot may take its time, as tests on busy machines do.
        make_delivery: makes the end-to-end encryption's delivery service for the call of a channel id, in the place
            of the one that ``dave_version`` names.

    Raises:
        ValueError: an unknown mode or host.
        MissingDependencyError: a legacy mode without PyNaCl.

    Example:
        >>> async def test_my_bot():
        ...     async with FakeDiscord() as discord, discord.running(my_bot):
        ...         listener = discord.listen("General", user="alice")
        ...         await discord.call("play", user="alice", path="song.mp3")
        ...         await discord.wait_for(lambda: len(listener.arrivals()) >= 50, timeout=10)
    """

    def __init__(
        self,
        guilds: int | Sequence[GuildSpec] = 1,
        *,
        modes: Sequence[str] = NEWER_MODES,
        patch: bool = True,
        bot_name: str = "isocord-bot",
        heartbeat_interval: float = 13.75,
        resume_window: float = 30.0,
        gateway_heartbeat_interval: float = 41.25,
        gateway_resume_window: float = 60.0,
        wrapping: Wrapping | None = None,
        voice_host: str = "127.0.0.1",
        dave_version: DaveVersion = 1,
        answer_within: float | None = None,
        make_delivery: Callable[[int], DeliveryService] | None = None,
    ) -> None:
        settings = VoiceSettings(tuple(modes), heartbeat_interval, resume_window, wrapping or Wrapping())
        super().__init__(
            Backend(
                guilds,
                settings,
                bot_name=bot_name,
                voice_host=voice_host,
                gateway_heartbeat=gateway_heartbeat_interval,
                gateway_resume_window=gateway_resume_window,
                dave_version=dave_version,
                answer_within=answer_within,
                make_delivery=make_delivery,
            )
        )
        Waiting.__init__(self)
        self._patch = patch
        self._stack = ExitStack()
        self._thread: ServerThread | None = None

    def __repr__(self) -> str:
        state = "running" if self._thread is not None else "stopped"
        return f"<FakeDiscord {state} guilds={len(self.guilds)}>"

    def __enter__(self) -> Self:
        thread = self._new_thread()
        try:
            thread.wait(self._backend.start())
            self._started()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        thread = self._new_thread()
        try:
            starting = asyncio.wrap_future(thread.submit(self._backend.start()))
            # No asyncio.wait_for: before Python 3.12 it may swallow the cancellation of the task that waits.
            if not (await asyncio.wait([starting], timeout=_START_TIMEOUT))[0]:
                raise WaitTimeoutError(f"the fake Discord did not start within {_START_TIMEOUT} s")
            await starting
            self._started()
        except BaseException:
            self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Put the bot libraries back and stop the server; idempotent. Connected bots are cut off."""
        self._stack.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.wait(self._backend.stop())
            finally:
                thread.stop()

    def patch(self) -> AbstractContextManager[None]:
        """A context that points the bot libraries of this process at the fake.

        Needed only with ``patch=False``.
        """
        return patched(self.addresses)

    @property
    def addresses(self) -> Addresses:
        """Where the fake listens.

        Raises:
            NotRunningError: outside the ``with`` block.
        """
        if self._thread is None:
            raise NotRunningError("the fake Discord is not running")
        return self._backend.addresses

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """A new client context that trusts the voice gateway's certificate."""
        return self.addresses.ssl_context()

    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """Wait until ``predicate`` gives something true; gives that.

        It is asked anew whenever something happens in the fake.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        return await self._backend.log.wait_for(predicate, timeout, what or "the condition")

    def wait_until(self, predicate: Callable[[], T], *, timeout: float = 15.0, what: str = "") -> T:
        """As :meth:`wait_for`, for code without an event loop: blocks the calling thread.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
            BotError: a bot of :meth:`running` runs on this thread, and could not go on.
        """
        self._check_thread()
        return self._backend.log.wait_until(predicate, timeout, what or "the condition")

    def on_server(self, function: Callable[[], Any]) -> Any:
        if self._thread is None:
            raise NotRunningError("the fake Discord is not running")
        return self._thread.call(function)

    def _await_on_server(self, coroutine: Any) -> Any:
        if self._thread is None:
            coroutine.close()
            raise NotRunningError("the fake Discord is not running")
        return self._thread.wait(coroutine)

    def _new_thread(self) -> ServerThread:
        if self._thread is not None:
            raise RuntimeError("the fake Discord runs already")
        self._thread = ServerThread()
        self._thread.start()
        return self._thread

    def _started(self) -> None:
        if self._patch:
            self._stack.enter_context(self.patch())
