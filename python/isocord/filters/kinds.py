"""The filters, by the names and numbers of Lavalink v4, and some more."""

from __future__ import annotations

from dataclasses import dataclass

from .base import Filter


@dataclass(frozen=True)
class Karaoke(Filter):
    """Takes away what both channels have in common, which mostly is the singer.

    Args:
        level: how much of it goes, 0 to 1.
        mono_level: how much of its low part comes back, 0 to 1.
        filter_band: the middle of that low part, 0 to 24000 Hz.
        filter_width: how wide it is, 1 to 24000 Hz.
    """

    level: float = 1.0
    mono_level: float = 1.0
    filter_band: float = 220.0
    filter_width: float = 100.0


@dataclass(frozen=True)
class Timescale(Filter):
    """Faster or slower, higher or lower. A list has one of it at most.

    With rate alone nothing is stretched, so that it sounds as clean as the original.

    Args:
        speed: tempo without pitch, 0.25 to 4: 1.2 is a fifth faster.
        pitch: pitch without tempo, 0.25 to 4: 2 is an octave higher.
        rate: both together, like a tape, 0.25 to 4.
    """

    speed: float = 1.0
    pitch: float = 1.0
    rate: float = 1.0


@dataclass(frozen=True)
class Tremolo(Filter):
    """The level goes up and down.

    Args:
        frequency: times a second, 0 to 1000.
        depth: how far down, 0 to 1: at 1 to silence.
    """

    frequency: float = 2.0
    depth: float = 0.5


@dataclass(frozen=True)
class Vibrato(Filter):
    """The pitch goes up and down.

    Args:
        frequency: times a second, 0 to 14.
        depth: how far, 0 to 1: at 2 Hz a tenth of a semitone times it, at 14 Hz one and a half.
    """

    frequency: float = 2.0
    depth: float = 0.5


@dataclass(frozen=True)
class Rotation(Filter):
    """The sound goes round the listener.

    Args:
        rotation_hz: times a second, -100 to 100; negative the other way round, 0 only makes it half as loud.
    """

    rotation_hz: float = 0.2


@dataclass(frozen=True)
class Distortion(Filter):
    """Each sample x becomes offset + scale * (sin_offset + sin(x * sin_scale)) * (cos_offset + cos(x * cos_scale)) *
    (tan_offset + tan(x * tan_scale)), cut at full scale.

    Args:
        sin_offset: -100 to 100, as all of them.
    """

    sin_offset: float = 0.0
    sin_scale: float = 1.0
    cos_offset: float = 0.0
    cos_scale: float = 1.0
    tan_offset: float = 0.0
    tan_scale: float = 1.0
    offset: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class ChannelMix(Filter):
    """Each side hears something of both channels. With 0.5 everywhere both hear the same.

    Args:
        left_to_left: how much of the left channel the left side hears, 0 to 1.
        left_to_right: how much of it the right side hears, 0 to 1.
        right_to_left: how much of the right channel the left side hears, 0 to 1.
        right_to_right: how much of it the right side hears, 0 to 1.
    """

    left_to_left: float = 1.0
    left_to_right: float = 0.0
    right_to_left: float = 0.0
    right_to_right: float = 1.0


@dataclass(frozen=True)
class LowPass(Filter):
    """Lets only the low through.

    Args:
        smoothing: 1 to 10000; 1 lets all through, 20 what is below some 400 Hz.
    """

    smoothing: float = 20.0


@dataclass(frozen=True)
class HighPass(Filter):
    """Takes away the low: rumble, handling noise.

    Args:
        frequency: 10 to 20000 Hz; here 3 dB are gone, and 12 more an octave below.
    """

    frequency: float = 100.0


@dataclass(frozen=True)
class Compressor(Filter):
    """Makes the loud quieter, so that all can be louder.

    Args:
        threshold: what is loud, -60 to 0 dBFS.
        ratio: by how much less what is over the threshold still rises, 1 to 20.
        attack: seconds in which it comes down, 0.0001 to 0.5.
        release: seconds in which it comes back, 0.01 to 5.
        makeup: decibels by which all is louder then, 0 to 24.
    """

    threshold: float = -18.0
    ratio: float = 4.0
    attack: float = 0.01
    release: float = 0.15
    makeup: float = 0.0


@dataclass(frozen=True)
class Reverb(Filter):
    """A room around the sound, in which it rings on for 0.3 to 4 s.

    Args:
        room_size: 0 to 1.
        damping: how much the walls swallow of what is high, 0 to 1.
        mix: how much of what is heard is the room, 0 to 1.
    """

    room_size: float = 0.5
    damping: float = 0.5
    mix: float = 0.3


@dataclass(frozen=True)
class Echo(Filter):
    """The sound comes again, and again, quieter each time.

    Args:
        delay: seconds from one time to the next, 0.01 to 2.
        decay: how loud it is each time, of the time before, 0 to 0.95.
    """

    delay: float = 0.3
    decay: float = 0.4


@dataclass(frozen=True)
class Normalize(Filter):
    """Everything as loud as everything else: a slow gain that follows the loudness of the last half minute (EBU R 128).

    It finds a song's loudness within four seconds, by up to 10 dB a second, and follows slowly from then on, so that
    quiet passages stay quiet.

    Args:
        target: -40 to -5 LUFS.
        max_gain: the most by which it makes anything louder, 0 to 30 dB.
    """

    target: float = -14.0
    max_gain: float = 15.0


@dataclass(frozen=True)
class Volume(Filter):
    """Louder or quieter, at this place in the list.

    Args:
        volume: 0 to 5; 1 leaves the sound as it is.
    """

    volume: float = 1.0
