"""The demo's verdict on its desk: a crossfade of equal power and a ducked tune are told from others."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("discord")
desk = pytest.importorskip("isocord.cli.demo.desk")


def mixed(*, power: float, duck: float) -> object:
    """The desk's sounds, of which the tunes' levels to this power are 1 in sum."""
    first, second, voice = desk.synthesise().values()
    lap = int(desk.CROSSFADE * desk.RATE)
    rising = np.linspace(0, 1, lap) ** (1 / power)
    falling = np.linspace(1, 0, lap) ** (1 / power)
    begin, spoken = len(first) - lap, len(first) + desk.RATE
    sound = np.zeros(begin + len(second))
    gains = np.ones(len(second))
    gains[:lap] = rising
    gains[spoken - begin : spoken - begin + len(voice)] = duck
    sound[: len(first)] += first * np.concatenate([np.ones(begin), falling])
    sound[begin:] += second * gains
    sound[spoken : spoken + len(voice)] += voice
    return desk.measure(sound, desk.synthesise())


def test_what_was_asked_for_is_good() -> None:
    heard = mixed(power=2.0, duck=desk.DUCK)
    assert heard.well
    assert abs(heard.crossfade) < 1.0
    assert heard.ducked == pytest.approx(desk.DUCK, abs=0.02)


def test_a_dip_between_the_tunes_is_told() -> None:
    heard = mixed(power=1.0, duck=desk.DUCK)
    assert heard.crossfade == pytest.approx(-3.0, abs=0.5)
    assert not heard.well


def test_music_that_is_not_turned_down_is_told() -> None:
    heard = mixed(power=2.0, duck=0.5)
    assert heard.ducked == pytest.approx(0.5, abs=0.03)
    assert not heard.well
