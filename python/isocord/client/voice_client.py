"""The voice client that bots see.

``VoiceClient(client, channel)`` makes an instance of a class that is both isocord's and the voice protocol of the
library that ``client`` belongs to. Its methods belong to the bot's loop, as the libraries have it; those that play may
be called from any thread. Audio and heartbeats never wait for that loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hosts import host_of
from .hearing import ListeningSurface
from .info import InfoSurface
from .moving import MovingSurface

if TYPE_CHECKING:
    # Type checkers of bots are to take it for the voice protocol of their library, whichever that is.
    _AnyProtocol = Any
else:
    _AnyProtocol = object


class VoiceClient(InfoSurface, MovingSurface, ListeningSurface, _AnyProtocol):  # type: ignore[misc]
    """A voice connection; get one with ``await channel.connect(cls=isocord.VoiceClient)``.

    Attributes:
        client: the bot.
        channel: the voice channel that the bot is in.
        loop: the bot's event loop.
    """

    def __new__(cls, client: Any, channel: Any, *args: Any, **kwargs: Any) -> VoiceClient:
        host = host_of(client)
        made: VoiceClient = object.__new__(host.joined(cls))
        made._host = host
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} guild={self._guild_id} {self.state}>"
