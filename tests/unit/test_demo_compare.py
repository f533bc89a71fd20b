"""The demo's verdict: sound is alike wherever it lies, and other sound is not."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
from isocord import _native  # noqa: E402
from isocord.cli.demo.compare import likeness, mono  # noqa: E402

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


def tone(frequency: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(RATE * 4) / RATE)


def noise(loudness: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(size=RATE * 4) * loudness


def coded(sound: np.ndarray) -> np.ndarray:
    """What a listener gets of it."""
    encoder, decoder = _native.OpusEncoder(), _native.OpusDecoder()
    pcm = np.repeat((sound.clip(-1, 1) * 32_767).astype("<i2"), 2).tobytes()
    frames = [pcm[at : at + 3840] for at in range(0, len(pcm), 3840)]
    return mono(b"".join(decoder.decode(encoder.encode(frame)) for frame in frames))


@pytest.mark.parametrize("frequency", [50, 440, 997, 5000])
def test_an_even_tone_is_itself(frequency: float) -> None:
    assert likeness(tone(frequency), coded(tone(frequency))).correlation > 0.95


def test_noise_is_itself() -> None:
    assert likeness(noise(), coded(noise())).correlation > 0.95
    assert likeness(noise(0.001), coded(noise(0.001))).correlation > 0.9


def test_even_sounds_are_told_apart_and_missed() -> None:
    assert likeness(tone(440), coded(tone(880))).correlation < 0.5
    assert likeness(tone(440), noise(0.2)).correlation < 0.5
    assert likeness(noise(), noise(0.03)).correlation < 0.5
    assert likeness(noise(), noise()[: 2 * RATE]).correlation == pytest.approx(0.5, abs=0.01)
    assert likeness(tone(440), np.zeros(RATE * 4)).correlation == 0
