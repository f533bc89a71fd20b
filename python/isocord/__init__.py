"""isocord: a voice client for Discord bots whose audio never stutters.

``voice = await channel.connect(cls=isocord.VoiceClient)`` in a bot of py-cord, discord.py, disnake or nextcord.
"""

from __future__ import annotations

from ._door.lazy import lazy as _lazy
from ._door.voice_extras import install as _install_voice_extras

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import filters as filters
    from . import metrics as metrics
    from . import ray as ray
    from . import remote as remote
    from . import sinks as sinks
    from . import testing as testing
    from ._native import AudioFile as AudioFile
    from ._native import AudioInfo as AudioInfo
    from ._native import Filtered as Filtered
    from ._native import HeardFrame as HeardFrame
    from ._native import Layer as Layer
    from ._native import Mixer as Mixer
    from ._native import SpeakingChanged as SpeakingChanged
    from ._native import Utterance as Utterance
    from ._native import probe as probe
    from .client.install import install as install
    from .client.install import uninstall as uninstall
    from .client.stats import VoiceStats as VoiceStats
    from .client.voice_client import VoiceClient as VoiceClient
    from .client.voice_client import get as get
    from .client.voice_client import stats as stats
    from .connection.states import ConnectionState as ConnectionState
    from .connection.states import Phase as Phase
    from .connection.states import Reason as Reason
    from .desk.broadcast import Broadcast as Broadcast
    from .desk.queue.entry import QueueEntry as QueueEntry
    from .desk.queue.events import QueueEvent as QueueEvent
    from .desk.queue.queue import Queue as Queue
    from .desk.stream_source import StreamSource as StreamSource
    from .errors import AudioFileError as AudioFileError
    from .errors import ClientError as ClientError
    from .errors import ClosedError as ClosedError
    from .errors import ConnectError as ConnectError
    from .errors import DaveError as DaveError
    from .errors import FFmpegError as FFmpegError
    from .errors import Interrupted as Interrupted
    from .errors import IsocordError as IsocordError
    from .errors import NotASinkError as NotASinkError
    from .errors import OpusError as OpusError
    from .errors import RecordingError as RecordingError
    from .errors import SinkError as SinkError
    from .errors import StreamError as StreamError
    from .errors import StreamFullError as StreamFullError
    from .errors import UdpError as UdpError
    from .errors import UnknownHostError as UnknownHostError
    from .errors import UnsupportedModeError as UnsupportedModeError
    from .errors import VoiceTimeoutError as VoiceTimeoutError
    from .hearing.recording.picture import plot as plot
    from .hearing.recording.recording import Recording as Recording
    from .hearing.recording.report import Mark as Mark
    from .hearing.recording.report import Report as Report
    from .hearing.recording.speakers import Moment as Moment
    from .hearing.recording.speakers import Segment as Segment
    from .hearing.recording.speakers import Speaker as Speaker
    from .hearing.recording.speakers import SpeakerTimeline as SpeakerTimeline
    from .hearing.transcribing.transcript import Caption as Caption
    from .hearing.transcribing.transcript import Transcript as Transcript
    from .hearing.transcribing.transcript import TranscriptError as TranscriptError
    from .hearing.transcribing.transcript import transcribe as transcribe
    from .hearing.utterances import PartialUtterance as PartialUtterance
    from .monitoring.monitor import Monitor as Monitor
    from .monitoring.monitor import monitor as monitor
    from .playing.barge_in import BargeIn as BargeIn

    __version__: str

# `import isocord` costs next to nothing: what a name needs is loaded when the name is first used.
_HOMES = {
    "_native": (
        "AudioFile",
        "AudioInfo",
        "Filtered",
        "HeardFrame",
        "Layer",
        "Mixer",
        "SpeakingChanged",
        "Utterance",
        "probe",
    ),
    "client.install": ("install", "uninstall"),
    "client.stats": ("VoiceStats",),
    "client.voice_client": ("VoiceClient", "get", "stats"),
    "connection.states": ("ConnectionState", "Phase", "Reason"),
    "desk.broadcast": ("Broadcast",),
    "desk.queue.entry": ("QueueEntry",),
    "desk.queue.events": ("QueueEvent",),
    "desk.queue.queue": ("Queue",),
    "desk.stream_source": ("StreamSource",),
    "errors": (
        "AudioFileError",
        "ClientError",
        "ClosedError",
        "ConnectError",
        "DaveError",
        "FFmpegError",
        "Interrupted",
        "IsocordError",
        "NotASinkError",
        "OpusError",
        "RecordingError",
        "SinkError",
        "StreamError",
        "StreamFullError",
        "UdpError",
        "UnknownHostError",
        "UnsupportedModeError",
        "VoiceTimeoutError",
    ),
    "hearing.recording.recording": ("Recording",),
    "hearing.recording.picture": ("plot",),
    "hearing.recording.report": ("Mark", "Report"),
    "hearing.recording.speakers": ("Moment", "Segment", "Speaker", "SpeakerTimeline"),
    "hearing.transcribing.transcript": ("Caption", "Transcript", "TranscriptError", "transcribe"),
    "hearing.utterances": ("PartialUtterance",),
    "monitoring.monitor": ("Monitor", "monitor"),
    "playing.barge_in": ("BargeIn",),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)  # noqa: PLE0605

if not TYPE_CHECKING:
    # Unseen by type checkers, to which every name would then be one of isocord's.
    _MODULES = ("filters", "metrics", "ray", "remote", "sinks", "testing")
    __getattr__, __dir__ = _lazy(__name__, {**_HOMES, "_door.version": ("__version__",)}, _MODULES)

_install_voice_extras()
