"""Lists that many bots have a command for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .equalizer import Equalizer
from .kinds import Reverb, Timescale

if TYPE_CHECKING:
    from .base import Filter

nightcore: Final[tuple[Filter, ...]] = (Timescale(rate=1.2),)
"""A fifth faster and three semitones higher."""
vaporwave: Final[tuple[Filter, ...]] = (Timescale(rate=0.8), Reverb(room_size=0.6, mix=0.25))
"""A fifth slower and four semitones lower, in a large room."""
bass_boost: Final[tuple[Filter, ...]] = (Equalizer({25: 0.25, 40: 0.2, 63: 0.15, 100: 0.1, 160: 0.05}),)
"""What is below 160 Hz is up to three times as loud."""
