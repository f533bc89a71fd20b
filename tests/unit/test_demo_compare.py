"""The demo's verdict: sound is alike wherever it lies, and other sound is not."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
from isocord.cli.demo.compare import likeness  # noqa: E402

RATE = 48_000


def music() -> np.ndarray:
    random = np.random.default_rng(1)
    return random.normal(size=RATE * 6) * np.repeat(random.uniform(0.1, 1, 600), 480)


def test_the_same_later_is_the_same() -> None:
    found = likeness(music(), np.concatenate([np.zeros(960 + 312), music()]))
    assert found.correlation > 0.99
    assert found.delay == pytest.approx(0.0265, abs=0.002)


def test_a_gap_costs_only_the_second_that_it_is_in() -> None:
    sound = music()
    found = likeness(sound, np.concatenate([sound[:100_000], np.zeros(9_600), sound[100_000:]]))
    assert found.correlation > 0.9


def test_half_of_it_is_half_as_alike() -> None:
    assert likeness(music(), music()[: 3 * RATE + 480]).correlation == pytest.approx(0.5, abs=0.01)


def test_another_sound_or_none_is_not_alike() -> None:
    assert likeness(music(), np.random.default_rng(2).permutation(music())).correlation < 0.5
    assert likeness(music(), np.zeros(0)).correlation == 0
    assert likeness(np.zeros(RATE), music()).correlation == 0
