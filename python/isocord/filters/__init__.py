"""What can be done to the sound while it plays: see :class:`isocord.Filtered`."""

from __future__ import annotations

from .base import Filter as Filter
from .equalizer import Equalizer as Equalizer
from .kinds import ChannelMix as ChannelMix
from .kinds import Compressor as Compressor
from .kinds import Distortion as Distortion
from .kinds import Echo as Echo
from .kinds import HighPass as HighPass
from .kinds import Karaoke as Karaoke
from .kinds import LowPass as LowPass
from .kinds import Normalize as Normalize
from .kinds import Reverb as Reverb
from .kinds import Rotation as Rotation
from .kinds import Timescale as Timescale
from .kinds import Tremolo as Tremolo
from .kinds import Vibrato as Vibrato
from .kinds import Volume as Volume
from .lavalink import from_lavalink as from_lavalink
from .presets import bass_boost as bass_boost
from .presets import nightcore as nightcore
from .presets import vaporwave as vaporwave

__all__ = [
    "ChannelMix",
    "Compressor",
    "Distortion",
    "Echo",
    "Equalizer",
    "Filter",
    "HighPass",
    "Karaoke",
    "LowPass",
    "Normalize",
    "Reverb",
    "Rotation",
    "Timescale",
    "Tremolo",
    "Vibrato",
    "Volume",
    "bass_boost",
    "from_lavalink",
    "nightcore",
    "vaporwave",
]
