"""The voice client that bots see.

``VoiceClient(client, channel)`` makes an instance of a class that is both isocord's and the voice protocol of the
library that ``client`` belongs to; hikari's voice component asks the class itself for one. Its methods belong to the
bot's loop, as the libraries have it; those that play may be called from any thread. Audio and heartbeats never wait for
that loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ..hosts import host_of
from . import registry
from .absent import advice
from .info import InfoSurface
from .moving import MovingSurface
from .stats import VoiceStats
from .utterances import UtteranceSurface

if TYPE_CHECKING:
    from . import typed


class VoiceClient(InfoSurface, MovingSurface, UtteranceSurface):
    """A voice connection; get one with ``await channel.connect(cls=isocord.VoiceClient)``.

    With hikari it is ``await bot.voice.connect_to(guild, channel, isocord.VoiceClient)``.

    Attributes:
        client: the bot.
        channel: the voice channel that the bot is in.
        loop: the bot's event loop.
    """

    @overload
    def __new__(cls, client: typed.DiscordBot, channel: Any) -> typed.DiscordVoiceClient: ...

    @overload
    def __new__(cls, client: typed.DisnakeBot, channel: Any) -> typed.DisnakeVoiceClient: ...

    @overload
    def __new__(cls, client: typed.NextcordBot, channel: Any) -> typed.NextcordVoiceClient: ...

    def __new__(cls, client: Any, channel: Any) -> VoiceClient:
        host = host_of(client)
        made: VoiceClient = object.__new__(host.joined(cls))
        made._host = host
        return made

    if TYPE_CHECKING:
        # The same once more: mypy asks ``__init__``, pyright ``__new__``, what a call of the class gives. It cannot be
        # other than one of these, which is more than type checkers know.
        @overload
        def __init__(self: typed.DiscordVoiceClient, client: typed.DiscordBot, channel: Any) -> None: ...  # type: ignore[misc]

        @overload
        def __init__(self: typed.DisnakeVoiceClient, client: typed.DisnakeBot, channel: Any) -> None: ...  # type: ignore[misc]

        @overload
        def __init__(self: typed.NextcordVoiceClient, client: typed.NextcordBot, channel: Any) -> None: ...  # type: ignore[misc]

        def __init__(self, client: Any, channel: Any) -> None: ...

    else:
        # Type checkers are to find fault with what is missing.
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(advice(type(self), name))

        # Only hikari's connections have it; its voice component calls it of the class that it is given.
        @classmethod
        async def initialize(cls, *, owner: Any, reconnect: bool = True, **told: Any) -> VoiceClient:
            """Connect to a channel that the bot library has joined."""
            joined = await host_of(owner).joined_already(owner=owner, **told)
            voice = cls(joined.client, joined.channel)
            muted, deafened = bool(joined.state.self_mute), bool(joined.state.self_deaf)
            await voice._establish(reconnect=reconnect, self_mute=muted, self_deaf=deafened, joined=joined)
            return voice

    def __repr__(self) -> str:
        return f"<{type(self).__name__} guild={self._guild_id} {self.state}>"


def get(guild: object) -> VoiceClient | None:
    """The voice client of isocord that a guild's bot has there, or None.

    Args:
        guild: a guild of the bot library.

    Raises:
        UnknownHostError: it is none.
    """
    found = guild.voice_client if hasattr(guild, "voice_client") else host_of(guild).voice_of(guild)
    return found if isinstance(found, VoiceClient) else None


def stats() -> dict[VoiceClient, VoiceStats]:
    """The counters of all voice connections of this process that are not over, from any thread.

    Each key is a voice client, each value what its :attr:`VoiceClient.stats` gives: times in seconds, counts since its
    connect. Empty where nothing is connected.
    """
    return {voice: voice.stats for voice in registry.connected() if isinstance(voice, VoiceClient)}
