"""What a bot answers to a command or to a text message, as the one who asked sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ground.payloads import Json
from ..ground.world import Snowflakes

_EPHEMERAL = 1 << 6


@dataclass(frozen=True, slots=True)
class File:
    """A file that a bot has sent.

    Attributes:
        name: as the bot called it.
        data: what is in it.
    """

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of a bot, as it reads now: what was edited is edited.

    Attributes:
        id: the message's id.
        content: its text.
        files: what is attached to it, oldest first.
        embeds: its embeds, as Discord's API gives them.
        is_ephemeral: whether only the one who asked sees it.
    """

    id: int
    content: str
    files: tuple[File, ...] = ()
    embeds: tuple[Json, ...] = ()
    is_ephemeral: bool = False


class Uploads:
    """The files that were sent to the fake, by the id of their attachment; the oldest are forgotten."""

    _KEPT = 200

    def __init__(self, snowflakes: Snowflakes, address: Callable[[], str]) -> None:
        self._snowflakes = snowflakes
        self._address = address
        self._files: dict[int, File] = {}

    def keep(self, files: Sequence[File]) -> list[Json]:
        """Keep files; gives their attachments, as Discord's API does."""
        return [self._keep(self._snowflakes.next(), file) for file in files]

    def _keep(self, attachment_id: int, file: File) -> Json:
        self._files[attachment_id] = file
        if len(self._files) > self._KEPT:
            del self._files[next(iter(self._files))]
        url = f"{self._address()}/attachments/{attachment_id}/{file.name}"
        size = len(file.data)
        return {"id": str(attachment_id), "filename": file.name, "size": size, "url": url, "proxy_url": url, "flags": 0}

    def find(self, attachment_id: int) -> File | None:
        return self._files.get(attachment_id)

    def reply(self, message: Json) -> Reply:
        """A message as the one who asked sees it."""
        files = [self.find(int(attachment["id"])) for attachment in message["attachments"]]
        return Reply(
            int(message["id"]),
            str(message["content"]),
            tuple(file for file in files if file is not None),
            tuple(message["embeds"]),
            bool(int(message.get("flags") or 0) & _EPHEMERAL),
        )


class Replies:
    """The messages with which the bot answers one command or text message.

    Args:
        number: the id of the interaction or message.
        find: gives the messages that are there now, oldest first.

    Attributes:
        is_deferred: whether the bot has asked for time and shows that it thinks.
        late: seconds after which the bot answered, if that was too late.
        raw: the bodies with which the bot answered an interaction, as it sent them; modals and choices are only here.
    """

    def __init__(self, number: int, find: Callable[[], list[Reply]]) -> None:
        self.number: int = number
        self.is_deferred: bool = False
        self.late: float | None = None
        self.raw: list[Any] = []
        self._find = find

    def messages(self) -> list[Reply]:
        return self._find()
