"""Waiting for what a bot does, whichever process the fake Discord is in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..ground.eventlog import LogEntry
    from ..ground.world import Reference
    from .views import VoiceSessionView

T = TypeVar("T")


class Waiting(ABC):
    """The waits that are made of :meth:`wait_for`."""

    if TYPE_CHECKING:

        @property
        def events(self) -> list[LogEntry]: ...

        def voice_session(
            self, guild: Reference | None = None, user: Reference | None = None
        ) -> VoiceSessionView | None: ...

    @abstractmethod
    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = 5.0, what: str = "") -> T:
        """Wait until ``predicate`` gives something true; gives that.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """

    async def wait_for_event(self, matches: Callable[[LogEntry], bool], *, timeout: float = 5.0) -> LogEntry:
        """Wait for a gateway message, one that is in the log already included; gives it.

        Raises:
            WaitTimeoutError: there was none within ``timeout`` seconds.
        """

        def found() -> list[LogEntry]:
            return [entry for entry in self.events if matches(entry)][:1]

        return (await self.wait_for(found, timeout=timeout, what="the gateway message"))[0]

    async def wait_for_voice_session(
        self, guild: Reference | None = None, user: Reference | None = None, *, timeout: float = 10.0
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
