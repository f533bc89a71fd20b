"""What the adapters share, which needs no framework."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")

from isocord.adapters.mouth import as_channels  # noqa: E402


def test_mono_is_heard_on_both_sides() -> None:
    assert as_channels(np.array([1, 2], "<i2").tobytes(), 1, 2).tolist() == [1, 1, 2, 2]


def test_both_sides_are_mixed_to_one() -> None:
    assert as_channels(np.array([30_000, 32_000, -8, -4], "<i2").tobytes(), 2, 1).tolist() == [31_000, -6]


def test_what_fits_is_left_alone() -> None:
    sound = np.arange(6, dtype="<i2")
    for channels in (1, 2):
        assert as_channels(sound.tobytes(), channels, channels).tolist() == sound.tolist()
