"""What filters do to the sound, against scipy and the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from isocord.filters import (
    ChannelMix,
    Compressor,
    Distortion,
    Echo,
    Equalizer,
    Filter,
    HighPass,
    Karaoke,
    LowPass,
    Normalize,
    Reverb,
    Rotation,
    Timescale,
    Tremolo,
    Vibrato,
    Volume,
)
from isocord.filters.equalizer import BANDS

from .sounds import RATE, Sound, loudness, noise, pitch, stereo, through, tone

HERTZ = np.geomspace(20, 20_000, 400)
SECONDS = 12.0


def sweep() -> Sound:
    """All frequencies, each at the same level, one after the other."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    return 0.2 * signal.chirp(time, 10, SECONDS - 1, 23_000, method="logarithmic") * (time < SECONDS - 1)


def response(filtered: Filter) -> Sound:
    """Decibels at :data:`HERTZ`, of one that treats both channels alike."""
    sound = sweep()
    out = through(sound, filtered)[:, 0]
    gain = np.fft.rfft(out[: len(sound)]) / np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return np.interp(HERTZ, hertz, 20 * np.log10(np.maximum(np.abs(gain), 1e-4)))


def decibels(numerator: object, denominator: object) -> Sound:
    return 20 * np.log10(np.maximum(np.abs(signal.freqz(numerator, denominator, HERTZ, fs=RATE)[1]), 1e-4))


def equalized(gains: dict[int, float]) -> Sound:
    total = np.ones(len(HERTZ), complex)
    quality = 2 ** (1 / 3) / (2 ** (2 / 3) - 1)
    for hertz, gain in gains.items():
        total += 4 * gain * signal.freqz(*signal.iirpeak(hertz, quality, RATE), HERTZ, fs=RATE)[1]
    return 20 * np.log10(np.maximum(np.abs(total), 1e-4))


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [(Equalizer({hertz: 0.25}), equalized({hertz: 0.25})) for hertz in (25, 160, 1000, 16000)]
    + [
        (Equalizer(dict(zip(BANDS, gains, strict=True))), equalized(dict(zip(BANDS, gains, strict=True))))
        for gains in ([0.1] * 15, [0.25, 0.15, -0.1, 0, 0.05, -0.2, 0, 0.1, 0, 0.3, -0.15, 0.2, 0.1, 0.5, -0.1])
    ]
    + [(HighPass(hertz), decibels(*signal.butter(2, hertz, "high", fs=RATE))) for hertz in (40, 300, 5_000)]
    + [(LowPass(smoothing), decibels([1 / smoothing], [1, 1 / smoothing - 1])) for smoothing in (2, 20, 200)],
    ids=lambda value: repr(value)[:40] if isinstance(value, Filter) else "",
)
def test_the_response_of_each_linear_filter_is_that_of_scipy(filtered: Filter, expected: Sound) -> None:
    # What is 50 dB down is lost in 16 bits.
    heard = expected > -50
    assert heard.sum() > 100
    assert np.abs(response(filtered) - expected)[heard].max() < 0.5


def test_a_muted_band_is_gone_and_a_full_one_is_five_times_as_loud() -> None:
    muted, full = through(tone(1000, 2), Equalizer({1000: -0.25})), through(tone(1000, 2, 0.1), Equalizer({1000: 1.0}))
    assert np.abs(muted[RATE:]).max() < 0.01
    assert np.abs(full[RATE:]).max() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(("frequency", "depth"), [(2.0, 0.5), (7.0, 1.0), (0.5, 0.2)])
def test_tremolo_has_its_depth_and_rate(frequency: float, depth: float) -> None:
    level = through(np.full(RATE * 4, 0.5), Tremolo(frequency, depth))[:, 0] / 0.5
    time = np.arange(len(level)) / RATE
    assert np.abs(level - (1 - depth / 2 * (1 - np.sin(2 * np.pi * frequency * time)))).max() < 1e-3


def test_rotation_goes_from_side_to_side() -> None:
    sides = through(np.full(RATE * 4, 0.5), Rotation(0.5)) / 0.5
    turn = np.sin(2 * np.pi * 0.5 * np.arange(len(sides)) / RATE)
    assert np.abs(sides - stereo(0.5 + turn / 2, 0.5 - turn / 2)).max() < 1e-3


@pytest.mark.parametrize(("frequency", "depth"), [(2.0, 1.0), (6.0, 0.5), (14.0, 1.0)])
def test_vibrato_has_its_depth_and_rate(frequency: float, depth: float) -> None:
    carrier = 1_000.0
    out = through(tone(carrier, 4), Vibrato(frequency, depth))[:, 0]
    phase = np.unwrap(np.angle(signal.hilbert(out)))
    hertz = np.diff(phase)[RATE : 3 * RATE] * RATE / (2 * np.pi)
    hertz = signal.savgol_filter(hertz, 201, 2)
    # The delay goes over 2 ms times the depth, as a sine does.
    deviation = depth * 0.001 * 2 * np.pi * frequency * carrier
    assert (hertz.max() - hertz.min()) / 2 == pytest.approx(deviation, rel=0.05)
    assert pitch(hertz - hertz.mean(), frequency) == pytest.approx(frequency, rel=0.02)


def test_channels_are_mixed_by_their_factors() -> None:
    left, right = tone(300, 1), tone(500, 1, 0.3)
    out = through(stereo(left, right), ChannelMix(0.5, 0.25, 0.75, 0.1))
    assert np.abs(out - stereo(0.5 * left + 0.75 * right, 0.25 * left + 0.1 * right)).max() < 1e-3


def test_karaoke_takes_away_what_both_have_in_common() -> None:
    voice, guitar = tone(1_500, 2, 0.3), tone(700, 2, 0.3)
    out = through(stereo(voice + guitar, voice), Karaoke())[RATE:, 0]

    def level(hertz: float) -> float:
        return float(np.abs(np.mean(out * np.exp(-2j * np.pi * hertz * np.arange(len(out)) / RATE))) * 2)

    assert level(1_500) < 0.02
    assert level(700) == pytest.approx(0.3, rel=0.1)


def test_distortion_is_its_formula() -> None:
    record = Distortion(0.1, 1.5, 0.2, 0.7, -0.3, 0.5, 0.05, 2.0)
    x = tone(200, 1)
    product = (0.1 + np.sin(x * 1.5)) * (0.2 + np.cos(x * 0.7)) * (-0.3 + np.tan(x * 0.5))
    assert np.abs(through(x, record)[:, 0] - np.clip(0.05 + 2 * product, -1, 1)).max() < 1e-3


def test_volume_is_a_factor_and_what_is_too_loud_is_turned_down_and_not_cut() -> None:
    assert np.abs(through(tone(440, 1), Volume(0.5))[:, 0] - tone(440, 1, 0.25)).max() < 1e-3
    loud = through(tone(440, 2), Volume(4.0))[RATE:, 0]
    spectrum = np.abs(np.fft.rfft(loud * np.hanning(len(loud))))
    harmonic = spectrum[3 * 440 - 5 : 3 * 440 + 5].max() / spectrum.max()
    assert 20 * np.log10(harmonic) < -40


def test_an_echo_comes_again_and_again() -> None:
    click = np.zeros(RATE)
    click[100] = 0.8
    out = through(click, Echo(delay=0.25, decay=0.5))[:, 0]
    for times in range(5):
        assert out[100 + times * 12_000] == pytest.approx(0.8 * 0.5**times, abs=1e-3)
    assert len(out) > 2 * RATE


def test_reverb_rings_on_and_dies_away() -> None:
    burst = np.concatenate([noise(0.2), np.zeros(RATE // 2)])
    out = through(burst, Reverb(room_size=0.5, mix=0.5))

    def level(second: float) -> float:
        piece = out[round(second * RATE) : round((second + 0.1) * RATE)]
        return float(10 * np.log10(np.mean(piece**2) + 1e-12))

    assert level(0.3) > -50
    assert level(0.8) < level(0.3) - 15
    # It is given 60 dB to die away in.
    assert np.abs(out[-1_000:]).max() < 2e-3
    assert np.abs(np.corrcoef(out[:, 0], out[:, 1])[0, 1]) < 0.95


def test_a_compressor_follows_its_curve() -> None:
    for level, gain in ((-30.0, 0.0), (-8.0, -7.5)):
        out = through(tone(1_000, 3, 10 ** (level / 20)), Compressor(threshold=-18, ratio=4))[2 * RATE :, 0]
        assert 20 * np.log10(np.abs(out).max()) - level == pytest.approx(gain, abs=0.5)


@pytest.mark.parametrize(
    "record",
    [
        Timescale(speed=1.25),
        Timescale(speed=0.5),
        Timescale(speed=3.0),
        Timescale(pitch=1.2),
        Timescale(pitch=0.7),
        Timescale(speed=1.1, pitch=1.3),
        Timescale(rate=1.2),
        Timescale(rate=0.8),
        Timescale(speed=0.8, pitch=1.1, rate=1.3),
    ],
    ids=repr,
)
def test_tempo_and_pitch_are_what_was_asked_for(record: Timescale) -> None:
    seconds, tempo, factor = 6.0, record.speed * record.rate, record.pitch * record.rate
    # From the lowest string of a bass on.
    for hertz in (41.2, 110.0, 440.0, 2_500.0):
        out = through(tone(hertz, seconds), record)[:, 0]
        # To the frame: its last one is filled up with silence.
        assert len(out) / RATE == pytest.approx(seconds / tempo, abs=0.021)
        assert abs(1_200 * np.log2(pitch(out, hertz * factor) / (hertz * factor))) < 3
        assert np.sqrt(np.mean(out[RATE // 2 : -RATE // 2] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("record", [Timescale(speed=1.5), Timescale(speed=0.7), Timescale(rate=1.3)], ids=repr)
def test_what_happens_in_a_sound_happens_when_it_should(record: Timescale) -> None:
    sound = np.zeros(10 * RATE)
    sound[::RATE] = 0.9
    sound += np.convolve(sound, tone(900, 0.01) * np.hanning(480))[: len(sound)]
    out = np.abs(through(sound, record)[:, 0])
    tempo = record.speed * record.rate
    for second in range(1, 9):
        due = round(second * RATE / tempo)
        near = out[due - RATE // 10 : due + RATE // 10]
        # A piece of it may be taken 12.5 ms from its place, either way.
        assert abs(int(near.argmax()) - RATE // 10) < 0.027 * RATE


@pytest.mark.parametrize("level", [0.02, 0.3])
def test_normalized_sound_is_as_loud_as_asked_for(level: float) -> None:
    swell = 0.7 + 0.3 * np.sin(2 * np.pi * 0.7 * np.arange(12 * RATE) / RATE)
    sound = stereo(noise(12, level, 1) * swell, noise(12, level, 2) * swell)
    out = through(sound, Normalize(target=-20, max_gain=30))
    assert loudness(out[5 * RATE :]) == pytest.approx(-20, abs=0.3)


def test_normalizing_does_not_pump() -> None:
    # Two seconds loud, two seconds quiet, by 8 dB.
    steps = np.where(np.arange(24 * RATE) // (2 * RATE) % 2 == 0, 0.2, 0.08)
    sound = noise(24, 1.0) * steps
    gain = through(sound, Normalize(target=-23))[:, 0]
    ratio = [
        np.sqrt(np.mean(gain[at : at + RATE] ** 2) / np.mean(sound[at : at + RATE] ** 2))
        for at in range(8 * RATE, 23 * RATE, RATE)
    ]
    assert 20 * np.log10(max(ratio) / min(ratio)) < 1.5
