"""Where recorded sound goes. Sinks see only native frames and errors, never the connection."""

from __future__ import annotations

from .base import AnySink as AnySink
from .base import Sink as Sink
from .files import AudioTrack as AudioTrack
from .files import FileSink as FileSink
from .files import FLACSink as FLACSink
from .files import M4ASink as M4ASink
from .files import MKASink as MKASink
from .files import MKVSink as MKVSink
from .files import MP3Sink as MP3Sink
from .files import MP4Sink as MP4Sink
from .files import OGGSink as OGGSink
from .files import Part as Part
from .files import PCMSink as PCMSink
from .files import WaveSink as WaveSink
from .files import WebMSink as WebMSink

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
    "Sink",
    "WaveSink",
    "WebMSink",
]
