"""The log of one voice connection: every line names its guild; what servers write can neither forge nor flood it."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from .text import shown

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    # Python 3.10 cannot subscript it.
    _Adapter = logging.LoggerAdapter

_MOST_TEXTS = 256
_NUMBER = re.compile(r"\d+")


class GuildLog(_Adapter):
    """Names the guild in every line; arguments that are text are escaped and cut.

    Args:
        logger: the module's.
        guild_id: whose connection it is; also in the record's ``guild_id``.
    """

    def __init__(self, logger: logging.Logger, guild_id: int) -> None:
        super().__init__(logger, {"guild_id": guild_id})
        self._guild_id = guild_id
        self._times: dict[str, int] = {}
        # It may be interrupted by itself: a signal handler may log, too.
        self._counting = threading.RLock()

    def child(self, name: str) -> GuildLog:
        """The log of a part of the connection."""
        return GuildLog(self.logger.getChild(name), self._guild_id)

    def log(self, level: int, msg: object, *args: Any, **more: Any) -> None:
        """Log a line."""
        if self.isEnabledFor(level):
            fit = tuple(one if isinstance(one, (int, float)) else shown(one) for one in args)
            more["extra"] = {**(more.get("extra") or {}), "guild_id": self._guild_id}
            # The caller is told, and not this room.
            more["stacklevel"] = more.get("stacklevel", 1) + 1
            self.logger.log(level, f"[guild {self._guild_id}] {msg}", *fit, **more)

    def repeated(self, level: int, msg: str, *args: Any) -> None:
        """Log what may come again and again: the first time, and then when it has come 10, 100, 1,000 times.

        What differs only in its numbers is the same.
        """
        kind = _NUMBER.sub("0", shown(msg % args))
        with self._counting:
            times = self._times[kind] = self._times.get(kind, 0) + 1
            if len(self._times) > _MOST_TEXTS:
                del self._times[next(iter(self._times))]
        if times == 1:
            self.log(level, msg, *args, stacklevel=2)
        elif str(times).rstrip("0") == "1":
            self.log(level, f"{msg} (%d times by now)", *args, times, stacklevel=2)
