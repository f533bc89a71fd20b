"""Filters as Lavalink v4 has them in JSON (lavalink.dev/api/rest#filters)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .equalizer import BANDS, Equalizer
from .kinds import ChannelMix, Distortion, Karaoke, LowPass, Rotation, Timescale, Tremolo, Vibrato, Volume

if TYPE_CHECKING:
    from .base import Filter

_KINDS: dict[str, type[Filter]] = {
    "karaoke": Karaoke,
    "timescale": Timescale,
    "tremolo": Tremolo,
    "vibrato": Vibrato,
    "distortion": Distortion,
    "rotation": Rotation,
    "channelMix": ChannelMix,
    "lowPass": LowPass,
}
"""In the order in which Lavalink has the sound pass them, after volume and equalizer."""
_OFF: dict[str, Filter] = {
    "timescale": Timescale(),
    "distortion": Distortion(),
    "rotation": Rotation(rotation_hz=0.0),
    "channelMix": ChannelMix(),
}
"""Numbers with which Lavalink leaves one out."""


def from_lavalink(filters: Mapping[str, Any]) -> tuple[Filter, ...]:
    """The filters of a ``filters`` object of Lavalink v4, as its clients send it: for bots that move.

        song.filters = isocord.filters.from_lavalink({"timescale": {"speed": 1.2}, "tremolo": {"depth": 0.3}})

    They come in Lavalink's order, and those that change nothing are left out, as there.

    Raises:
        TypeError: a value is of the wrong type.
        ValueError: a key is unknown, a plugin's filter is asked for, or a number is out of its range.
    """
    if not isinstance(filters, Mapping):
        raise TypeError(f"Lavalink's filters must be an object, not {type(filters).__name__}")
    unknown = set(filters) - {"volume", "equalizer", "pluginFilters", *_KINDS}
    if unknown:
        raise ValueError(f"Lavalink v4 has no filter {min(unknown, key=str)!r}")
    if filters.get("pluginFilters"):
        raise ValueError("filters of Lavalink's plugins are not known here: see Echo, Reverb, HighPass and Normalize")
    found: list[Filter] = []
    volume = filters.get("volume")
    if volume is not None and volume != 1:
        found.append(Volume(volume))
    gains = dict(map(_band, filters.get("equalizer") or ()))
    if any(gains.values()):
        found.append(Equalizer(gains))
    for key, kind in _KINDS.items():
        values = filters.get(key)
        if values is None:
            continue
        made = _record(key, kind, values)
        if made is not None and made != _OFF.get(key):
            found.append(made)
    return tuple(found)


def _record(key: str, kind: type[Filter], values: object) -> Filter | None:
    """None for one that changes nothing."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{key} must be an object, not {type(values).__name__}")
    numbers: dict[str, Any] = {}
    for name, value in values.items():
        ours = re.sub(r"(?=[A-Z])", "_", str(name)).lower()
        if ours not in {field.name for field in fields(kind)}:
            raise ValueError(f"Lavalink's {key} has no {name!r}")
        if value is not None:
            numbers[ours] = value
    if key == "lowPass" and numbers.get("smoothing", 2) <= 1:
        return None
    if key in ("tremolo", "vibrato") and numbers.get("depth") == 0:
        return None
    if key == "rotation":
        numbers.setdefault("rotation_hz", 0.0)
    return kind(**numbers)


def _band(band: object) -> tuple[int, Any]:
    """Its frequency and its gain."""
    if not isinstance(band, Mapping):
        raise TypeError(f"a band of the equalizer must be an object, not {type(band).__name__}")
    number = band.get("band")
    if not isinstance(number, int) or not 0 <= number < len(BANDS):
        raise ValueError(f"a band is 0 to {len(BANDS) - 1}, not {number!r}")
    if "gain" not in band:
        raise ValueError(f"band {number} of the equalizer has no gain")
    return BANDS[number], band["gain"]
