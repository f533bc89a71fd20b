"""Fifteen bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .base import Filter, _number

if TYPE_CHECKING:
    from collections.abc import Sequence

BANDS: Final = (25, 40, 63, 100, 160, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10000, 16000)
"""The middles of the bands, in hertz."""
_BASS, _MID, _TREBLE = slice(0, 5), slice(5, 11), slice(11, 15)


@dataclass(frozen=True, init=False, repr=False)
class Equalizer(Filter):
    """Fifteen bands, each louder or quieter: 25, 40, 63, 100, 160, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10000
    and 16000 Hz.

        Equalizer({25: 0.25, 40: 0.2})
        Equalizer(bass=0.2, treble=0.1)

    A gain is -0.25 to 1.0, as Lavalink has it: 0 leaves the band as it is, 0.25 makes it twice as loud, 1.0 five times,
    and at -0.25 nothing is left of its middle. Neighbours overlap: all of one side by 0.2 is more than one by 0.2.

    Args:
        gains: by the hertz of the band, or up to fifteen of them from the lowest on.
        bass: for the bands from 25 to 160 Hz, on top of gains.
        mid: for those from 250 to 2500 Hz.
        treble: for those from 4000 to 16000 Hz.

    Raises:
        TypeError: a gain is no number.
        ValueError: a gain is out of its range, there is no such band, or there are more than fifteen.
    """

    gains: tuple[float, ...]

    def __init__(
        self,
        gains: Mapping[int, float] | Sequence[float] = (),
        *,
        bass: float = 0.0,
        mid: float = 0.0,
        treble: float = 0.0,
    ) -> None:
        all_gains = [0.0] * len(BANDS)
        if isinstance(gains, Mapping):
            for hertz, gain in gains.items():
                if hertz not in BANDS:
                    raise ValueError(f"there is no band at {hertz} Hz, only at {', '.join(map(str, BANDS))}")
                all_gains[BANDS.index(hertz)] = _number("gain", gain)
        elif len(gains) > len(BANDS):
            raise ValueError(f"there are {len(BANDS)} bands, not {len(gains)}")
        else:
            all_gains[: len(gains)] = [_number("gain", gain) for gain in gains]
        for bands, name, more in ((_BASS, "bass", bass), (_MID, "mid", mid), (_TREBLE, "treble", treble)):
            all_gains[bands] = [gain + _number(name, more) for gain in all_gains[bands]]
        object.__setattr__(self, "gains", tuple(all_gains))
        self.__post_init__()

    @property
    def _spec(self) -> tuple[str, list[float]]:
        return "equalizer", list(self.gains)

    def __repr__(self) -> str:
        return f"Equalizer({ {hertz: gain for hertz, gain in zip(BANDS, self.gains, strict=True) if gain} })"
