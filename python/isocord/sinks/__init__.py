"""Where recorded sound goes. Sinks see only native frames and errors, never the connection."""

from __future__ import annotations

from .base import AnySink as AnySink
from .base import Sink as Sink
from .files import FileSink as FileSink
from .formats import FLACSink as FLACSink
from .formats import M4ASink as M4ASink
from .formats import MKASink as MKASink
from .formats import MKVSink as MKVSink
from .formats import MP3Sink as MP3Sink
from .formats import MP4Sink as MP4Sink
from .formats import OGGSink as OGGSink
from .formats import PCMSink as PCMSink
from .formats import WaveSink as WaveSink
from .formats import WebMSink as WebMSink
from .remote import Remote as Remote
from .tracks import AudioTrack as AudioTrack
from .tracks import Part as Part
from .uploads import Unsent as Unsent

__all__ = [
    "AnySink",
    "AudioTrack",
    "FLACSink",
    "FileSink",
    "M4ASink",
    "MKASink",
    "MKVSink",
    "MP3Sink",
    "MP4Sink",
    "OGGSink",
    "PCMSink",
    "Part",
    "Remote",
    "Sink",
    "Unsent",
    "WaveSink",
    "WebMSink",
]
