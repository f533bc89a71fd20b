"""Filters as bots write them: records, presets, and Lavalink's JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from isocord import _native, filters
from isocord.filters import (
    ChannelMix,
    Distortion,
    Echo,
    Equalizer,
    Filter,
    Karaoke,
    LowPass,
    Normalize,
    Rotation,
    Timescale,
    Tremolo,
    Vibrato,
    Volume,
    from_lavalink,
)

KINDS = [kind for kind in vars(filters).values() if isinstance(kind, type) and issubclass(kind, Filter)]
RECORDS = [kind for kind in KINDS if kind not in (Filter, Equalizer)]


def test_the_records_are_those_that_the_native_threads_know() -> None:
    assert {kind()._spec[0] for kind in KINDS if kind is not Filter} == set(_native.FILTERS)


@pytest.mark.parametrize("kind", RECORDS)
def test_names_and_defaults_are_the_native_ones(kind: type[Filter]) -> None:
    native = _native.FILTERS[kind()._spec[0]]
    fields = dataclasses.fields(kind)
    assert [(field.name, field.default) for field in fields] == [(name, default) for name, default, *_ in native]


@pytest.mark.parametrize("kind", RECORDS)
def test_each_number_has_its_range_and_says_so(kind: type[Filter]) -> None:
    for name, _, least, most in _native.FILTERS[kind()._spec[0]]:
        for value in (least, most):
            assert getattr(kind(**{name: value}), name) == value
        for value in (least - 0.001, most + 0.001, float("nan"), float("inf")):
            with pytest.raises(ValueError, match=f"{name} must be"):
                kind(**{name: value})
        for wrong in ("1", None, True, [1.0]):
            with pytest.raises(TypeError, match=f"{name} must be a number"):
                kind(**{name: wrong})


def test_ranges_stand_in_the_docstrings() -> None:
    for kind in RECORDS:
        text = " ".join((kind.__doc__ or "").split())
        for name, _, least, most in _native.FILTERS[kind()._spec[0]]:
            if kind is not Distortion and kind is not ChannelMix:
                assert f"{name}: " in text
                assert f"{least:g} to {most:.15g}" in text, (kind, name)


def test_filters_are_records() -> None:
    assert Tremolo(3.0, 0.2) == Tremolo(frequency=3, depth=0.2) != Tremolo()
    assert hash(Tremolo()) == hash(Tremolo())
    assert repr(Tremolo(depth=0.25)) == "Tremolo(frequency=2.0, depth=0.25)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tremolo().depth = 1.0  # type: ignore[misc]


def test_bands_of_the_equalizer() -> None:
    assert Equalizer({25: 0.25, 16000: -0.25}).gains == (0.25, *[0.0] * 13, -0.25)
    assert Equalizer([0.1, 0.2]) == Equalizer({25: 0.1, 40: 0.2})
    assert Equalizer(bass=0.2).gains == (*[0.2] * 5, *[0.0] * 10)
    assert Equalizer({25: 0.1}, bass=0.1, mid=0.2, treble=-0.1).gains == (0.2, *[0.1] * 4, *[0.2] * 6, *[-0.1] * 4)
    assert repr(Equalizer({25: 0.25})) == "Equalizer({25: 0.25})"
    assert hash(Equalizer(bass=0.1)) == hash(Equalizer(bass=0.1))
    with pytest.raises(ValueError, match="no band at 30 Hz, only at 25, 40"):
        Equalizer({30: 0.1})
    with pytest.raises(ValueError, match="15 bands, not 16"):
        Equalizer([0.0] * 16)
    with pytest.raises(ValueError, match=r"1000 must be -0.25 to 1, not 1.1"):
        Equalizer({1000: 1.1})
    with pytest.raises(TypeError, match="gain must be a number"):
        Equalizer({25: "loud"})  # type: ignore[dict-item]


def test_everything_of_lavalink_in_its_order() -> None:
    found = from_lavalink(
        {
            "lowPass": {"smoothing": 20.0},
            "channelMix": {"leftToLeft": 0.5, "leftToRight": 0.5, "rightToLeft": 0.5, "rightToRight": 0.5},
            "distortion": {"sinOffset": 0.1},
            "rotation": {"rotationHz": 0.2},
            "vibrato": {"frequency": 14.0, "depth": 1.0},
            "tremolo": {"frequency": 2.0, "depth": 0.5},
            "timescale": {"speed": 1.2, "pitch": 1.1},
            "karaoke": {"monoLevel": 0.5, "filterBand": 220.0},
            "equalizer": [{"band": 0, "gain": 0.2}, {"band": 14, "gain": -0.25}],
            "volume": 0.5,
            "pluginFilters": {},
        }
    )
    assert found == (
        Volume(0.5),
        Equalizer({25: 0.2, 16000: -0.25}),
        Karaoke(mono_level=0.5),
        Timescale(speed=1.2, pitch=1.1),
        Tremolo(),
        Vibrato(14.0, 1.0),
        Distortion(sin_offset=0.1),
        Rotation(),
        ChannelMix(0.5, 0.5, 0.5, 0.5),
        LowPass(),
    )


@pytest.mark.parametrize(
    "off",
    [
        {"volume": 1.0},
        {"equalizer": []},
        {"equalizer": [{"band": 3, "gain": 0.0}]},
        {"timescale": {}},
        {"timescale": {"speed": 1.0}},
        {"tremolo": {"depth": 0.0}},
        {"vibrato": {"depth": 0.0}},
        {"rotation": {"rotationHz": 0.0}},
        {"rotation": {}},
        {"distortion": {}},
        {"channelMix": {}},
        {"lowPass": {"smoothing": 1.0}},
        {"lowPass": {"smoothing": 0.0}},
        {"karaoke": None},
    ],
)
def test_what_lavalink_leaves_out_is_left_out(off: dict[str, Any]) -> None:
    assert from_lavalink(off) == ()


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"flanger": {}}, ValueError, "no filter 'flanger'"),
        ({"tremolo": {"speed": 1.0}}, ValueError, "tremolo has no 'speed'"),
        ({"tremolo": {"depth": 2.0}}, ValueError, "depth must be 0 to 1, not 2"),
        ({"tremolo": 2.0}, TypeError, "tremolo must be an object"),
        ({"timescale": {"speed": "fast"}}, TypeError, "speed must be a number"),
        ({"equalizer": [{"band": 15, "gain": 0.1}]}, ValueError, "a band is 0 to 14, not 15"),
        ({"equalizer": [{"band": 1}]}, ValueError, "band 1 of the equalizer has no gain"),
        ({"equalizer": [0.1]}, TypeError, "a band of the equalizer must be an object"),
        ([{"tremolo": {}}], TypeError, "filters must be an object, not list"),
        ({"pluginFilters": {"echo": {}}}, ValueError, "see Echo"),
    ],
)
def test_what_lavalink_would_not_take_either_is_refused(wrong: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        from_lavalink(wrong)


def test_the_presets_are_filters() -> None:
    for preset in (filters.nightcore, filters.vaporwave, filters.bass_boost):
        assert all(isinstance(one, Filter) for one in preset)
    assert {Echo(), Normalize()} == {Normalize(), Echo()}
