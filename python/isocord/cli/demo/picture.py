"""The demo's pictures: when packets came, both waveforms, the desk, tracks, a conversation."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from . import desk
from .compare import Samples
from .conversation import Conversation

mpl.use("Agg")

from matplotlib import pyplot as plt

_COLOURS = ("#4050c8", "#2e8b57", "#c06020")


def draw(path: Path, gaps_ms: list[float], played: Samples, heard: Samples, title: str) -> None:
    """Write a PNG.

    Args:
        path: where.
        gaps_ms: milliseconds between packets, in order.
        played: samples at 48 kHz.
        heard: samples at 48 kHz, the delay taken out.
        title: what the picture shows.
    """
    figure, (timing, histogram, top, bottom) = plt.subplots(
        4, 1, figsize=(11, 11), gridspec_kw={"height_ratios": [2, 1.2, 1, 1]}, constrained_layout=True
    )
    figure.suptitle(title)
    timing.plot(np.arange(len(gaps_ms)) * 0.02, gaps_ms, ".", markersize=3, color="#4050c8")
    timing.axhline(20, color="#999999", linewidth=0.8)
    timing.axhline(40, color="#d04040", linewidth=0.8, linestyle="--")
    timing.set(ylim=(0, max(45, *gaps_ms) * 1.05), ylabel="gap to the packet before / ms", xlabel="time / s")
    histogram.hist(gaps_ms, bins=np.arange(15, 25.05, 0.1).tolist(), color="#4050c8", log=True)
    histogram.set(xlabel="gap / ms (15 to 25)", ylabel="packets")
    for axes, sound, name, colour in ((top, played, "played", "#2e8b57"), (bottom, heard, "heard", "#c06020")):
        low, high, at = _envelope(sound)
        axes.fill_between(at, low, high, linewidth=0, color=colour)
        axes.set(ylabel=name, ylim=(-1, 1), xlim=(0, max(len(played), len(heard)) / 48_000))
    bottom.set_xlabel("time / s")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_desk(path: Path, heard: desk.Heard) -> None:
    """Write a PNG of what was heard of the desk: its frequencies, and how loud each of its sounds is.

    Args:
        path: where.
        heard: what the listener heard.
    """
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(11, 8), sharex=True, gridspec_kw={"height_ratios": [1.1, 1]}, constrained_layout=True
    )
    figure.suptitle("isocord: two tunes and a crossfade, then a voice that ducks the music, as a listener heard them")
    highest, end = 4_500, len(heard.sound) / desk.RATE
    loudness = desk.spectrogram(heard.sound, highest)
    above.imshow(loudness.T, origin="lower", aspect="auto", extent=(0, end, 0, highest), cmap="magma", vmin=-70, vmax=0)
    above.set(ylabel="frequency / Hz")
    first, second, voice = heard.levels.values()
    at = np.arange(len(first)) * desk.STEP / desk.RATE
    for (name, level), colour in zip(heard.levels.items(), _COLOURS, strict=True):
        above.text(0.08, desk.BANDS[name][1] + 20, name, color="white")
        if name == "voice":
            below.fill_between(at, 0, level * 0.5, color=colour, alpha=0.25, linewidth=0, label=f"{name}, half as high")
        else:
            below.plot(at, level, color=colour, linewidth=1.8, label=name)
    both = (first > 0.05) & (second > 0.05) & (voice < 0.1)
    below.plot(at[both], np.sqrt(first**2 + second**2)[both], color="#888888", linewidth=1, label="power of both tunes")
    below.axhline(desk.DUCK, color="#888888", linewidth=0.8, linestyle="--")
    below.text(0.6, desk.DUCK + 0.02, f"duck={desk.DUCK:g}", color="#666666")
    below.set(xlabel="time / s", ylabel="level; 1 is the file's own", ylim=(0, 1.35), xlim=(0, end))
    below.legend(loc="upper right", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_tracks(path: Path, tracks: dict[str, Samples]) -> None:
    """Write a PNG of tracks below each other, on one axis of time.

    Args:
        path: where.
        tracks: samples at 48 kHz, by who said them.
    """
    figure, rows = plt.subplots(
        len(tracks), 1, figsize=(11, 1.6 * len(tracks) + 1), sharex=True, squeeze=False, constrained_layout=True
    )
    figure.suptitle("isocord: recorded, a file for each participant, all on one clock")
    for axes, (name, sound), colour in zip(rows[:, 0], tracks.items(), _COLOURS, strict=False):
        low, high, at = _envelope(sound)
        axes.fill_between(at, low, high, linewidth=0, color=colour)
        axes.set(ylabel=name, ylim=(-0.5, 0.5), xlim=(0, len(sound) / 48_000))
    rows[-1, 0].set_xlabel("time / s")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_conversation(path: Path, heard: Conversation) -> None:
    """Write a PNG of a conversation on one line of time: who spoke when, when the assistant answered, where it ended.

    Args:
        path: where.
        heard: what the listener heard.
    """
    names = list(heard.sounds)
    figure, rows = plt.subplots(
        len(names), 1, figsize=(13, 1.7 * len(names) + 1), sharex=True, squeeze=False, constrained_layout=True
    )
    figure.suptitle("isocord: a voice assistant in an encrypted call, as a listener heard it")
    end = max(span.end for span in heard.spans) + 0.5
    for axes, name, colour in zip(rows[:, 0], names, _COLOURS, strict=False):
        low, high, at = _envelope(heard.sounds[name])
        axes.fill_between(at, low, high, linewidth=0, color=colour)
        for span in heard.spans:
            if span.who == name:
                axes.axvspan(span.begin, span.end, color=colour, alpha=0.12, linewidth=0)
        axes.set(ylabel=name, ylim=(-1.15, 1.15), xlim=(0, end), yticks=[])
    last = rows[names.index(heard.bot), 0]
    for answer in heard.answers:
        last.annotate(
            f"answers after {answer.after:.2f} s",
            (answer.begin, 0.0),
            (answer.begin + 0.05, 0.93),
            color="#333333",
            fontsize=9,
        )
        for axes in rows[:, 0]:
            axes.axvline(answer.begin, color="#999999", linewidth=0.8, linestyle="--")
    for cut in heard.cuts:
        for axes in rows[:, 0]:
            axes.axvline(cut.at, color="#d04040", linewidth=1.2)
        text = f"{cut.by} speaks over it: silent {cut.at - cut.since:.2f} s later, {cut.heard:.2f} s were heard"
        late = cut.at > end / 2
        last.text(cut.at + (-0.05 if late else 0.05), -1.08, text, color="#d04040", ha="right" if late else "left")
    rows[-1, 0].set_xlabel("time / s")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _envelope(sound: Samples, points: int = 1_500) -> tuple[Samples, Samples, Samples]:
    """The lowest and the highest sample of each piece, and when it begins."""
    size = max(1, len(sound) // points)
    pieces = sound[: len(sound) // size * size].reshape(-1, size)
    return pieces.min(axis=1), pieces.max(axis=1), np.arange(len(pieces)) * size / 48_000
