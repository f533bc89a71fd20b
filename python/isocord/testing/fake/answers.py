"""What a bot answers, for a test that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import BotError, WaitTimeoutError

if TYPE_CHECKING:
    from ..bot.replies import File, Replies, Reply
    from ..ground.payloads import Json

T = TypeVar("T")

_TIMEOUT = 15.0
_LAST_WORDS = 2.0
"""Seconds that a bot whose command has failed may take to tell the user so."""


class Waiter(Protocol):
    """What an answer needs of the fake Discord."""

    _failures: dict[int, BaseException]
    _asked: set[int]

    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = ..., what: str = ...) -> T: ...

    def wait_until(self, predicate: Callable[[], T], *, timeout: float = ..., what: str = ...) -> T: ...

    def why_silent(self, is_text: bool) -> str:
        """What keeps the bot from hearing of commands, or of text messages; empty if nothing does."""


class Answer:
    """The bot's answer to a command or a text message: ``await`` it, or :meth:`wait` for it; both give it back.

    It tells what is there by now, so it grows while the bot goes on: ``await discord.wait_for(lambda:
    len(answer.messages) == 2)``.

    Attributes:
        id: the id of the interaction, or of the message that was written.

    Raises:
        BotError: when it is waited for: the bot's command failed, and nobody told the user; or there was no answer in
            15 seconds.
    """

    def __init__(self, waiter: Waiter, asked: str, replies: Replies, why_failed: Callable[[], str]) -> None:
        self._waiter, self._asked, self._replies = waiter, asked, replies
        self._why_failed = why_failed
        self._is_text = not asked.startswith("/")
        self.id: int = replies.number
        waiter._asked.add(self.id)

    def __repr__(self) -> str:
        return f"<Answer to {self._asked}: {self.content!r}>"

    def __await__(self) -> Generator[Any, None, Answer]:
        return self._arrive().__await__()

    async def _arrive(self) -> Answer:
        try:
            await self._waiter.wait_for(lambda: self.messages or self._failure, timeout=_TIMEOUT)
            if not self.messages:
                await self._waiter.wait_for(lambda: self.messages, timeout=_LAST_WORDS)
        except WaitTimeoutError:
            raise self._error(_TIMEOUT) from self._failure
        return self

    def wait(self, timeout: float = _TIMEOUT) -> Answer:
        """Block the calling thread until the bot has answered; gives the answer."""
        try:
            self._waiter.wait_until(lambda: self.messages or self._failure, timeout=timeout)
            if not self.messages:
                self._waiter.wait_until(lambda: self.messages, timeout=_LAST_WORDS)
        except WaitTimeoutError:
            raise self._error(timeout) from self._failure
        return self

    @property
    def messages(self) -> list[Reply]:
        """All messages of the answer, oldest first."""
        return self._replies.messages()

    @property
    def content(self) -> str:
        """The text of the first message, as it reads now; empty before there is one."""
        return self.messages[0].content if self.messages else ""

    @property
    def files(self) -> list[File]:
        """The files of all messages."""
        return [file for message in self.messages for file in message.files]

    @property
    def embeds(self) -> list[Json]:
        """The embeds of all messages, as Discord's API gives them."""
        return [embed for message in self.messages for embed in message.embeds]

    @property
    def is_ephemeral(self) -> bool:
        """Whether only the one who asked sees the first message."""
        return bool(self.messages) and self.messages[0].is_ephemeral

    @property
    def is_deferred(self) -> bool:
        """Whether the bot has asked for time, and shows that it thinks."""
        return self._replies.is_deferred

    @property
    def raw(self) -> list[Json]:
        """The bodies with which the bot answered a command, as it sent them."""
        return list(self._replies.raw)

    @property
    def _failure(self) -> BaseException | None:
        return self._waiter._failures.get(self.id)

    def _error(self, timeout: float) -> BotError:
        failure = self._failure
        if failure is not None:
            # What a command looks for is often the voice channel of the one who asks.
            why = self._why_failed() if isinstance(failure, AttributeError) and "NoneType" in str(failure) else ""
            if self._replies.late is not None:
                why = f"it answered after {self._replies.late:.1f} s, which is too late: it has to defer"
            hint = f" ({why})" if why else ""
            return BotError(f"{self._asked} failed: {type(failure).__name__}: {' '.join(str(failure).split())}{hint}")
        why = self._waiter.why_silent(self._is_text)
        if not why and self.is_deferred:
            why = "it deferred, and nothing followed"
        return BotError(f"the bot did not answer {self._asked} within {timeout} s" + (f": {why}" if why else ""))
