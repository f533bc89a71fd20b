"""isocord: a voice client for Discord bots whose audio never stutters.

``voice = await channel.connect(cls=isocord.VoiceClient)`` in a bot of py-cord, discord.py, disnake or nextcord.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .hosts.voice_extras import install as _install_voice_extras

if TYPE_CHECKING:
    from . import sinks as sinks
    from . import testing as testing
    from ._native import AudioFile as AudioFile
    from ._native import HeardFrame as HeardFrame
    from ._native import SpeakingChanged as SpeakingChanged
    from .client import VoiceClient as VoiceClient
    from .errors import AudioFileError as AudioFileError
    from .errors import ClientError as ClientError
    from .errors import ClosedError as ClosedError
    from .errors import ConnectError as ConnectError
    from .errors import DaveError as DaveError
    from .errors import IsocordError as IsocordError
    from .errors import NotASinkError as NotASinkError
    from .errors import OpusError as OpusError
    from .errors import RecordingError as RecordingError
    from .errors import SinkError as SinkError
    from .errors import UdpError as UdpError
    from .errors import UnknownHostError as UnknownHostError
    from .errors import UnsupportedModeError as UnsupportedModeError
    from .events import ConnectionState as ConnectionState
    from .events import Phase as Phase
    from .events import Reason as Reason
    from .stats import VoiceStats as VoiceStats

__version__ = "0.1.0"

# Names are imported when first used, so that `import isocord` costs next to nothing.
_HOMES = {
    "_native": ("AudioFile", "HeardFrame", "SpeakingChanged"),
    "client": ("VoiceClient",),
    "errors": (
        "AudioFileError",
        "ClientError",
        "ClosedError",
        "ConnectError",
        "DaveError",
        "IsocordError",
        "NotASinkError",
        "OpusError",
        "RecordingError",
        "SinkError",
        "UdpError",
        "UnknownHostError",
        "UnsupportedModeError",
    ),
    "events": ("ConnectionState", "Phase", "Reason"),
    "stats": ("VoiceStats",),
}
# Modules that are imported when first asked for.
_SUBMODULES = ("sinks", "testing")
_MODULES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    home = _MODULES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})


_install_voice_extras()
