"""Filters on real music, against ffmpeg: ``python -m tests.music FOLDER`` (``make music MUSIC=FOLDER``).

FOLDER holds songs, for example those of Debian's ``wesnoth-1.16-music`` (an orchestra) or ``planetblupi-music-ogg``
(drums). Half a minute of each is stretched by isocord and by ffmpeg's ``atempo`` and ``rubberband``; the likeness is
how far, in decibels, the spectrum of each moment is from that of the moment of the original that it stands for. The
loudness is ffmpeg's ``ebur128``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from isocord.filters import Normalize, Timescale

from .unit.sounds import RATE, Sound, through

SECONDS = 30
TEMPOS = (0.8, 1.25)
WORST = 1.3
"""How much less like the original than ffmpeg's better way isocord may be."""


def ffmpeg(*arguments: str, sound: Sound | None = None) -> tuple[Sound, str]:
    given = () if sound is None else ("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-")
    command = [
        "ffmpeg",
        "-hide_banner",
        "-nostats",
        *given,
        *arguments,
        "-ar",
        str(RATE),
        "-ac",
        "2",
        "-f",
        "f32le",
        "-",
    ]
    pcm = None if sound is None else sound.astype("<f4").tobytes()
    done = subprocess.run(command, input=pcm, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2).astype(float), done.stderr.decode()


def spectra(sound: Sound, hop: float) -> Sound:
    """Decibels in 79 bands, spaced as the ear does, every ``hop`` samples."""
    size, mono = 2_048, sound.mean(axis=1)
    starts = (np.arange(int((len(mono) - size) / hop)) * hop).astype(int)
    power = np.abs(np.fft.rfft(np.stack([mono[at : at + size] for at in starts]) * np.hanning(size))) ** 2
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    edges = 700 * (10 ** (np.linspace(0, 2_595 * np.log10(1 + 16_000 / 700), 81) / 2_595) - 1)
    rises = [(hertz - low) / (middle - low) for low, middle in zip(edges, edges[1:-1], strict=False)]
    falls = [(high - hertz) / (high - middle) for middle, high in zip(edges[1:-1], edges[2:], strict=True)]
    bands = [np.clip(np.minimum(rise, fall), 0, 1) for rise, fall in zip(rises, falls, strict=True)]
    return 10 * np.log10(power @ np.array(bands).T + 1e-6)


def unlikeness(original: Sound, stretched: Sound, tempo: float) -> float:
    hop, best = 480, np.inf
    wanted = spectra(original, hop * tempo)
    for lag in range(-1_500, 1_501, 250):
        moved = stretched[lag:] if lag >= 0 else np.vstack([np.zeros((-lag, 2)), stretched])
        found = spectra(moved, hop)
        inner = slice(50, min(len(wanted), len(found)) - 50)
        heard = wanted[inner] > 0
        best = min(best, float(np.abs(wanted[inner] - found[inner])[heard].mean()))
    return best


def loudness(sound: Sound) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        wavfile.write(path, RATE, sound.astype(np.float32))
        said = ffmpeg("-i", str(path), "-af", "ebur128")[1]
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


def main(folder: Path) -> int:
    songs: list[Any] = sorted(path for path in folder.rglob("*") if path.suffix in (".ogg", ".mp3", ".flac", ".wav"))
    if not songs:
        raise SystemExit(f"there are no songs in {folder}")
    failures = 0
    for path in songs[:: max(1, len(songs) // 6)][:6]:
        sound, _ = ffmpeg("-ss", "20", "-t", str(SECONDS), "-i", str(path))
        if len(sound) < SECONDS * RATE // 2:
            continue
        for tempo in TEMPOS:
            ours = through(sound, Timescale(speed=tempo))
            worst = abs(len(ours) * tempo / len(sound) - 1)
            likeness = {
                "isocord": unlikeness(sound, ours, tempo),
                "atempo": unlikeness(sound, ffmpeg("-af", f"atempo={tempo}", sound=sound)[0], tempo),
                "rubberband": unlikeness(sound, ffmpeg("-af", f"rubberband=tempo={tempo}", sound=sound)[0], tempo),
            }
            good = likeness["isocord"] < WORST * min(likeness["atempo"], likeness["rubberband"]) and worst < 0.002
            failures += not good
            told = ", ".join(f"{name} {value:.2f} dB" for name, value in likeness.items())
            print(f"{path.name}: tempo {tempo}: {told}; tempo off by {worst:.4%} {'' if good else 'TOO MUCH'}")
        steady = np.tile(sound, (2, 1))
        heard = loudness(through(steady, Normalize(target=-18))[len(sound) :])
        good = abs(heard + 18) < 1.0
        failures += not good
        print(f"{path.name}: {loudness(sound):.1f} LUFS normalized to -18: {heard:.1f} {'' if good else 'TOO MUCH'}")
    return failures


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
